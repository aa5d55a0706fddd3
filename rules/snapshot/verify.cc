// SPDX-License-Identifier: BSD-3-Clause
//
// Verifying the header and the image (rules/snapshot/verify.h). Tables are verified in
// rules/snapshot/verify_tables.cc; the sections where they are given their types, in
// rules/snapshot/sections_view.cc.
#include "rules/snapshot/verify.h"

#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "rules/snapshot/verify_tables.h"
#include "rules/text/diagnostic.h"

namespace postern {
namespace {

class ImageVerifier {
 public:
  ImageVerifier(std::span<const std::byte> bytes, const std::string& name)
      : bytes_(bytes), name_(name) {}

  void verify_outline() {
    verify_identity();
    verify_layout();
  }
  void verify() {
    verify_identity();
    verify_checksum();
    verify_layout();
    verify_matrix();
    verify_service_sets();
    verify_texts();
    verify_tables(std::span(blocks(), header_.engine_blocks), header_,
                  [this](const std::string& what) { refuse("is a damaged snapshot: " + what); });
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
    require(has_blocks(h.source_v4_root, PS_ROOT_BLOCKS), "a root lies outside the image");
    if (h.source_v6_bits != 0)
      require(h.source_v6_bits >= PS_MIN_V6_ROOT_BITS && h.source_v6_bits <= PS_MAX_V6_ROOT_BITS &&
                  has_blocks(h.source_v6_root, uint64_t{4} << h.source_v6_bits >> 6),
              "a root lies outside the image");
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
    require(h.text_count >= PS_TEXT_FIXED_COUNT && h.text_count <= PS_MAX_TEXTS + 1 &&
                has_blocks(h.texts, uint64_t{h.text_count} * PS_TEXT_BLOCKS),
            "the texts lie outside the image");
    require(h.vlans == 0 || (h.vlan_count >= 1 && h.vlan_count <= PS_VLANS &&
                             has_blocks(h.vlans, uint64_t{h.vlan_count} * PS_VLAN_BLOCKS)),
            "the VLANs lie outside the image");
    require(h.zone_count >= 1 && h.zone_count <= PS_MAX_ZONES &&
                has_blocks(h.zones,
                           (h.zone_count * sizeof(ps_zone) + PS_BLOCK_BYTES - 1) / PS_BLOCK_BYTES),
            "the zones lie outside the image");
  }

  uint64_t cells() const { return uint64_t{header_.policy_count} * header_.class_count; }

  void verify_matrix() const {
    constexpr uint32_t kKnownFlags = PS_VERDICT_FINAL | PS_VERDICT_HARD | PS_VERDICT_GREETING;
    const uint32_t limit_count = header_.limit_count, text_count = header_.text_count;
    const auto* first = reinterpret_cast<const ps_verdict*>(blocks() + header_.matrix);
    require(std::all_of(first, first + cells(),
                        [&](const ps_verdict& verdict) {
                          return verdict.action < PS_ACTION_COUNT &&
                                 verdict.reason < PS_REASON_COUNT &&
                                 (verdict.flags & ~kKnownFlags) == 0 &&
                                 verdict.limit < limit_count && verdict.text < text_count &&
                                 verdict.rule <= PS_MAX_RULES_PER_POLICY &&
                                 verdict.observed_rule <= PS_MAX_RULES_PER_POLICY;
                        }),
            "the matrix has a verdict that there is not");
    const auto* limits = reinterpret_cast<const ps_limit*>(blocks() + header_.limits);
    for (uint32_t i = 1; i < header_.limit_count; i++)
      require(limits[i].interval_ns > 0 && limits[i].burst > 0 &&
                  limits[i].interval_ns <= PS_LIMIT_HORIZON / limits[i].burst &&
                  limits[i].otherwise < PS_ACTION_COUNT && limits[i].observe <= 1,
              "a limit is wrong");
    if (header_.outbound == 0) return;
    const auto* outbound = reinterpret_cast<const ps_outbound*>(blocks() + header_.outbound);
    for (uint32_t i = 0; i < header_.class_count; i++)
      require(outbound[i].port == 0 || outbound[i].policy < header_.policy_count,
              "outbound traffic has a policy that there is not");
  }

  // Parts in order, and a whole line of printable ASCII that fits with its addresses at their
  // longest.
  void verify_texts() const {
    const auto* texts = reinterpret_cast<const ps_text*>(blocks() + header_.texts);
    for (uint32_t i = 1; i < header_.text_count; i++) {
      const auto& text = texts[i];
      require(text.parts >= 1 && text.parts <= PS_TEXT_PARTS, "a text has a wrong number of parts");
      size_t longest = text.ends[text.parts - 1];
      for (uint32_t part = 1; part < text.parts; part++) {
        require(text.ends[part - 1] <= text.ends[part], "the parts of a text are out of order");
        require(text.gaps[part - 1] <= PS_TEXT_DESTINATION, "a text has a gap that there is not");
        longest += text.gaps[part - 1] == PS_TEXT_SOURCE ? PS_TEXT_LONGEST_SOURCE
                                                         : PS_TEXT_LONGEST_DESTINATION;
      }
      const size_t end = text.ends[text.parts - 1];
      require(longest <= PS_TEXT_LINE && end >= PS_TEXT_SHORTEST && text.bytes[end - 2] == '\r' &&
                  text.bytes[end - 1] == '\n' &&
                  std::all_of(text.bytes, text.bytes + end - 2,
                              [](uint8_t byte) { return byte >= 0x20 && byte < 0x7f; }),
              "a text is no line that an engine may say");
    }
  }

  void verify_service_sets() const {
    const auto* sets = reinterpret_cast<const ps_service_set*>(blocks() + header_.service_sets);
    for (uint32_t i = 0; i < header_.service_set_count; i++) {
      require(sets[i].count <= PS_SERVICES_PER_SET, "a service set has too many services");
      for (uint32_t j = 0; j < sets[i].count; j++)
        require(sets[i].services[j].policy < header_.policy_count &&
                    sets[i].services[j].greeting + 1u < header_.text_count,
                "a service has a policy or a greeting that there is not");
    }
  }

  std::span<const std::byte> bytes_;
  const std::string& name_;
  ps_snapshot_header header_{};
};

}  // namespace

void verify_outline(std::span<const std::byte> bytes, const std::string& name) {
  ImageVerifier(bytes, name).verify_outline();
}

void verify_image(std::span<const std::byte> bytes, const std::string& name) {
  ImageVerifier(bytes, name).verify();
}

}  // namespace postern
