// SPDX-License-Identifier: BSD-3-Clause
//
// Verifying the header and the image (rules/snapshot/verify.h). The sections are verified where
// they are given their types, in rules/snapshot/sections_view.cc.
#include "rules/snapshot/verify.h"

#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "rules/abi/lookup.h"
#include "rules/text/diagnostic.h"

namespace postern {
namespace {

class ImageVerifier {
 public:
  ImageVerifier(std::span<const std::byte> bytes, const std::string& name)
      : bytes_(bytes), name_(name) {}

  void verify() {
    verify_identity();
    verify_checksum();
    verify_layout();
    verify_matrix();
    verify_service_sets();
    known_.resize(header_.engine_blocks);
    verify_root("source_v4_root", header_.source_v4_root, 1, header_.class_count);
    verify_root("source_v6_root", header_.source_v6_root, 7, header_.class_count);
    verify_slot("service_v4", header_.service_v4, 2, header_.service_set_count);
    verify_slot("service_v6", header_.service_v6, 8, header_.service_set_count);
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    throw BadInput(Diagnostic{.file = name_, .message = why});
  }
  void require(bool holds, const char* what) const {
    if (!holds) refuse(std::string("is a damaged snapshot: ") + what);
  }
  const ps_block* blocks() const {
    return reinterpret_cast<const ps_block*>(bytes_.data());  // 64-byte aligned, says the caller
  }

  void verify_identity() {
    if (bytes_.size() < sizeof header_) {
      if (bytes_.size() >= sizeof header_.magic) check_magic();
      refuse("is not a snapshot: it has only " + std::to_string(bytes_.size()) + " bytes");
    }
    check_magic();
    std::memcpy(&header_, bytes_.data(), sizeof header_);
    if (header_.version != PS_SNAPSHOT_VERSION)
      refuse("is a snapshot of version " + std::to_string(header_.version) +
             "; this program reads version " + std::to_string(PS_SNAPSHOT_VERSION));
    require(header_.header_bytes == sizeof header_, "the size of its header is wrong");
    if (header_.file_bytes != bytes_.size())
      refuse("is a damaged snapshot: it should have " + std::to_string(header_.file_bytes) +
             " bytes and has " + std::to_string(bytes_.size()));
  }

  void check_magic() const {
    uint64_t magic;
    std::memcpy(&magic, bytes_.data(), sizeof magic);
    if (magic == __builtin_bswap64(PS_SNAPSHOT_MAGIC))
      refuse("is a snapshot made on a machine of the other byte order; compile it here");
    if (magic != PS_SNAPSHOT_MAGIC) refuse("is not a snapshot");
  }

  void verify_checksum() const {
    auto blank = header_;
    blank.checksum = 0;
    const std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state(XXH3_createState(),
                                                                         &XXH3_freeState);
    if (!state) throw std::bad_alloc();
    XXH3_64bits_reset(state.get());
    XXH3_64bits_update(state.get(), &blank, sizeof blank);
    XXH3_64bits_update(state.get(), bytes_.data() + sizeof blank, bytes_.size() - sizeof blank);
    require(XXH3_64bits_digest(state.get()) == header_.checksum, "its checksum does not match");
  }

  bool has_blocks(uint64_t first, uint64_t count) const {
    return first * PS_BLOCK_BYTES >= sizeof header_ && first + count <= header_.engine_blocks;
  }

  void verify_layout() const {
    const auto& h = header_;
    require(h.engine_blocks > 0 && h.engine_blocks % PS_CHUNK_BLOCKS == 0 &&
                h.engine_blocks <= PS_MAX_BLOCKS &&
                uint64_t{h.engine_blocks} * PS_BLOCK_BYTES <= bytes_.size(),
            "the size of its image is wrong");
    const auto& end = blocks()[h.engine_blocks - 1].words;
    require(std::all_of(std::begin(end), std::end(end), [](uint32_t word) { return word == 0; }),
            "its image does not end in zeros");
    for (const uint32_t root : {h.source_v4_root, h.source_v6_root})
      require(has_blocks(root, PS_ROOT_BLOCKS), "a root lies outside the image");
    require(h.service_set_count >= 1 && h.service_set_count <= PS_MAX_SERVICE_SETS &&
                has_blocks(h.service_sets, h.service_set_count),
            "the service sets lie outside the image");
    require(
        h.class_count >= 1 && h.class_count <= PS_MAX_CLASSES && h.policy_count <= PS_MAX_POLICIES,
        "the size of the matrix is wrong");
    require(cells() <= PS_MAX_MATRIX_CELLS &&
                has_blocks(h.matrix,
                           (cells() * sizeof(ps_verdict) + PS_BLOCK_BYTES - 1) / PS_BLOCK_BYTES),
            "the matrix lies outside the image");
    require(h.limit_count >= 1 && h.limit_count <= PS_MAX_LIMITS + 1 &&
                has_blocks(h.limits, (h.limit_count * sizeof(ps_limit) + PS_BLOCK_BYTES - 1) /
                                         PS_BLOCK_BYTES),
            "the limits lie outside the image");
    require(h.outbound == 0 ||
                has_blocks(h.outbound, (h.class_count * sizeof(ps_outbound) + PS_BLOCK_BYTES - 1) /
                                           PS_BLOCK_BYTES),
            "the outbound rules lie outside the image");
  }

  uint64_t cells() const { return uint64_t{header_.policy_count} * header_.class_count; }

  void verify_matrix() const {
    constexpr uint32_t kKnownFlags = PS_VERDICT_FINAL | PS_VERDICT_HARD | PS_VERDICT_GREETING;
    const uint32_t limit_count = header_.limit_count;
    const auto* first = reinterpret_cast<const ps_verdict*>(blocks() + header_.matrix);
    require(std::all_of(first, first + cells(),
                        [&](const ps_verdict& verdict) {
                          return verdict.action < PS_ACTION_COUNT &&
                                 verdict.reason < PS_REASON_COUNT &&
                                 (verdict.flags & ~kKnownFlags) == 0 &&
                                 verdict.limit < limit_count &&
                                 verdict.rule <= PS_MAX_RULES_PER_POLICY &&
                                 verdict.observed_rule <= PS_MAX_RULES_PER_POLICY;
                        }),
            "the matrix has a verdict that there is not");
    const auto* limits = reinterpret_cast<const ps_limit*>(blocks() + header_.limits);
    for (uint32_t i = 1; i < header_.limit_count; i++)
      require(limits[i].interval_ns > 0 && limits[i].burst > 0 &&
                  limits[i].otherwise < PS_ACTION_COUNT && limits[i].observe <= 1,
              "a limit is wrong");
    if (header_.outbound == 0) return;
    const auto* outbound = reinterpret_cast<const ps_outbound*>(blocks() + header_.outbound);
    for (uint32_t i = 0; i < header_.class_count; i++)
      require(outbound[i].port == 0 || outbound[i].policy < header_.policy_count,
              "outbound traffic has a policy that there is not");
  }

  void verify_service_sets() const {
    const auto* sets = reinterpret_cast<const ps_service_set*>(blocks() + header_.service_sets);
    for (uint32_t i = 0; i < header_.service_set_count; i++) {
      require(sets[i].count <= PS_SERVICES_PER_SET, "a service set has too many services");
      for (uint32_t j = 0; j < sets[i].count; j++)
        require(sets[i].services[j].policy < header_.policy_count,
                "a service has a policy that there is not");
    }
  }

  // What is known of a node: how many digits it takes, the splits at its top, and the largest value
  // that it leads to. Nodes are shared, also between tables; each is looked at once.
  struct Node {
    uint32_t largest = 0;
    uint32_t seen_as = 0;  // kind and blocks; 0: not looked at yet
    uint8_t digits = 0;
    uint8_t splits = 0;
  };

  void verify_root(const char* name, uint32_t root, uint8_t digits, uint32_t value_count) {
    const auto* entries = reinterpret_cast<const ps_root_entry*>(blocks() + root);
    uint32_t largest = 0;
    for (uint32_t i = 0; i < PS_ROOT_ENTRIES; i++) {
      const auto& entry = entries[i];
      const uint32_t lines =
          1 + (entry.separators[0] != UINT16_MAX) + (entry.separators[1] != UINT16_MAX);
      require(ascending(entry.separators), "the separators of a table are out of order");
      require(lines == 1 || is_line(entry.slot), "a table's separators are of no lines");
      largest =
          std::max(largest, look_at(entry.slot, lines, header_.engine_blocks, digits, 0).largest);
    }
    require_values(name, largest, value_count);
  }

  void verify_slot(const char* name, uint32_t slot, uint8_t digits, uint32_t value_count) {
    require_values(name, look_at(slot, 1, header_.engine_blocks, digits, 0).largest, value_count);
  }

  void require_values(const char* name, uint32_t largest, uint32_t value_count) const {
    if (largest >= value_count)
      refuse(std::string("is a damaged snapshot: ") + name + " leads to a value that there is not");
  }

  template <typename Number, size_t kCount>
  static bool ascending(const Number (&numbers)[kCount]) {
    return std::is_sorted(std::begin(numbers), std::end(numbers));
  }
  // Of lines without a block of separators before them.
  static bool is_line(uint32_t slot) {
    return !(slot & PS_SLOT_SEPARATED) && PS_SLOT_KIND(slot) >= PS_SLOT_HIGH8;
  }

  // A slot found in the block `within`, of `lines` lines by its root entry, with `digits` more to
  // take, below `splits` splits of the present one.
  Node look_at(uint32_t slot, uint32_t lines, uint32_t within, uint8_t digits, uint8_t splits) {
    const auto kind = PS_SLOT_KIND(slot);
    if (kind == PS_SLOT_VALUE) {
      require(!(slot & PS_SLOT_SEPARATED), "a table has a slot that there is not");
      return {.largest = PS_SLOT_BLOCK(slot)};
    }
    const bool separated = slot & PS_SLOT_SEPARATED;
    require(kind <= PS_SLOT_RUNS32 && !(separated && kind < PS_SLOT_HIGH8) &&
                !(kind == PS_SLOT_SPLIT8 && splits == 0),
            "a table has a slot that there is not");
    const uint32_t block = PS_SLOT_BLOCK(slot);
    // Children lie before their parents: no circles.
    require(block < within, "a table points outside the image or in circles");
    if (separated) lines = separated_lines(block);
    require(uint64_t{block} + separated + lines <= header_.engine_blocks,
            "a table points outside the image or in circles");
    require(digits > 0, "a table is too deep");
    const uint32_t seen_as = slot >> PS_SLOT_KIND_SHIFT << 8 | lines;
    auto& node = known_[block];
    if (node.seen_as == 0) {
      auto found = kind < PS_SLOT_HIGH8 ? look_at_split(block, kind, digits, splits)
                                        : look_at_lines(block, separated, lines, kind, digits);
      found.seen_as = seen_as;
      node = found;
    }
    require(node.seen_as == seen_as, "a block of a table is two things");
    require(node.digits <= digits && node.splits + splits <= 2, "a table is too deep");
    return node;
  }

  uint32_t separated_lines(uint32_t block) const {
    const auto& separators = reinterpret_cast<const ps_separators&>(blocks()[block]);
    require(ascending(separators.lasts), "the separators of a table are out of order");
    return 1 + static_cast<uint32_t>(
                   std::count_if(std::begin(separators.lasts), std::end(separators.lasts),
                                 [](uint16_t last) { return last != UINT16_MAX; }));
  }

  Node look_at_split(uint32_t block, uint32_t kind, uint8_t digits, uint8_t splits) {
    require(splits == (kind == PS_SLOT_SPLIT12 ? 0 : 1), "a table is too deep");
    Node node{.digits = 1};
    for (const uint32_t slot : blocks()[block].words) {
      const auto child = look_at(slot, 1, block, digits, static_cast<uint8_t>(splits + 1));
      node.largest = std::max(node.largest, child.largest);
      node.digits = std::max(node.digits, child.digits);
      node.splits = std::max(node.splits, child.splits);
    }
    node.splits++;
    return node;
  }

  Node look_at_lines(uint32_t first, bool separated, uint32_t lines, uint32_t kind,
                     uint8_t digits) {
    Node node{.digits = 1};
    for (uint32_t i = 0; i < lines; i++) {
      const auto* line = blocks() + first + separated + i;
      switch (kind) {
        case PS_SLOT_HIGH8:
          look_at_values(*reinterpret_cast<const ps_line_high8*>(line), node);
          break;
        case PS_SLOT_RUNS8:
          look_at_values(*reinterpret_cast<const ps_line_runs8*>(line), node);
          break;
        case PS_SLOT_RUNS16:
          look_at_values(*reinterpret_cast<const ps_line_runs16*>(line), node);
          break;
        default:
          look_at_slots(*reinterpret_cast<const ps_line_runs32*>(line), first, digits, node);
      }
    }
    return node;
  }

  template <typename Line>
  void look_at_values(const Line& line, Node& node) const {
    require(ascending(line.lasts), "the runs of a table are out of order");
    for (const uint32_t value : line.values) node.largest = std::max(node.largest, value);
  }

  void look_at_slots(const ps_line_runs32& line, uint32_t within, uint8_t digits, Node& node) {
    require(ascending(line.lasts), "the runs of a table are out of order");
    for (const uint32_t slot : line.slots) {
      const auto child = look_at(slot, 1, within, static_cast<uint8_t>(digits - 1), 0);
      node.largest = std::max(node.largest, child.largest);
      node.digits = std::max(node.digits, static_cast<uint8_t>(child.digits + 1));
    }
  }

  std::span<const std::byte> bytes_;
  const std::string& name_;
  ps_snapshot_header header_{};
  std::vector<Node> known_;
};

}  // namespace

void verify_image(std::span<const std::byte> bytes, const std::string& name) {
  ImageVerifier(bytes, name).verify();
}

}  // namespace postern
