// SPDX-License-Identifier: BSD-3-Clause
//
// Verifying the tables (rules/snapshot/verify_tables.h). What keeps a look-up inside whatever a
// line holds is in rules/abi/lookup.h: the number of a run is bounded by the kind of the line. Left
// to verify is where slots lead.
#include "rules/snapshot/verify_tables.h"

#include <algorithm>
#include <vector>

namespace postern {
namespace {

template <typename Number, size_t kCount>
bool ascending(const Number (&numbers)[kCount]) {
  return std::is_sorted(std::begin(numbers), std::end(numbers));
}
// Behind separators there is one child more than lasts in use.
template <typename Number, size_t kCount>
uint32_t children_of(const Number (&lasts)[kCount]) {
  return 1 + static_cast<uint32_t>(std::ranges::count_if(
                 lasts, [](Number last) { return last != static_cast<Number>(~Number{0}); }));
}

class TableVerifier {
 public:
  TableVerifier(std::span<const ps_block> blocks, const ps_snapshot_header& header,
                const std::function<void(const std::string&)>& refuse)
      : blocks_(blocks), header_(header), refuse_(refuse), known_(blocks.size()) {}

  void verify() {
    verify_v4_root();
    verify_v6_root();
    const auto all = end();
    require_values("source_v6", key_slot(header_.source_v6, all, 2), header_.class_count);
    require_values("service_v4", key_slot(header_.service_v4, all, 2), header_.service_set_count);
    require_values("service_v6", key_slot(header_.service_v6, all, 2), header_.service_set_count);
    verify_vlans();
    const auto* zones = &at<ps_zone>(header_.zones);
    for (uint32_t i = 1; i < header_.zone_count; i++)
      for (const uint32_t slot : {zones[i].service_v4, zones[i].service_v6})
        require_values("a zone", key_slot(slot, all, 2), header_.service_set_count);
  }

 private:
  // What is known of a node; nodes are shared, also between tables.
  struct Node {
    uint32_t largest = 0;  // value that it leads to
    uint32_t seen_as = 0;  // kind and blocks; 0: not looked at yet
    uint8_t halves = 0;    // of the key
  };

  void require(bool holds, const char* what) const {
    if (!holds) refuse_(what);
  }
  void require_values(const char* name, uint32_t largest, uint32_t value_count) const {
    if (largest >= value_count) refuse_(std::string(name) + " leads to a value that there is not");
  }
  uint32_t end() const { return static_cast<uint32_t>(blocks_.size()); }
  template <typename Content>
  const Content& at(uint32_t block) const {
    return reinterpret_cast<const Content&>(blocks_[block]);
  }

  void verify_v4_root() {
    const auto* entries = &at<ps_root_entry>(header_.source_v4_root);
    uint32_t largest = 0;
    for (uint32_t i = 0; i < PS_ROOT_ENTRIES; i++) {
      const auto& entry = entries[i];
      const auto lines = children_of(entry.separators);
      const bool is_line =
          !(entry.slot & PS_SLOT_SEPARATED) && PS_SLOT_KIND(entry.slot) >= PS_SLOT_HIGH8;
      require(ascending(entry.separators), "the separators of a table are out of order");
      require(lines == 1 || is_line, "a table's separators are of no lines");
      largest = std::max(largest, digit_slot(entry.slot, lines, end(), 0));
    }
    require_values("source_v4_root", largest, header_.class_count);
  }

  void verify_v6_root() {
    if (header_.source_v6_bits == 0) return;
    const auto* slots = at<ps_block>(header_.source_v6_root).words;
    uint32_t largest = 0;
    for (uint32_t i = 0; i < 1u << header_.source_v6_bits; i++)
      largest = std::max(largest, key_slot(slots[i], end(), 2));
    require_values("source_v6_root", largest, header_.class_count);
  }

  void verify_vlans() const {
    if (header_.vlans == 0) return;
    const auto* tables = &at<ps_vlan_zones>(header_.vlans);
    for (uint32_t i = 0; i < header_.vlan_count; i++)
      for (const uint32_t zone : tables[i].zones)
        if (i == 0 && (zone & PS_VLAN_BY_INNER))
          require((zone & ~PS_VLAN_BY_INNER) - 1 < header_.vlan_count - 1,
                  "a VLAN leads to a table that there is not");
        else
          require_values("a VLAN", zone, header_.zone_count);
  }

  // What is known of the node at `block`, looked at as `seen_as` for the first time or again.
  template <typename Look>
  const Node& node_at(uint32_t block, uint32_t seen_as, Look look) {
    if (known_[block].seen_as == 0) {
      auto found = look();
      found.seen_as = seen_as;
      known_[block] = found;
    }
    require(known_[block].seen_as == seen_as, "a block of a table is two things");
    return known_[block];
  }
  // Children lie before their parents: no circles.
  void require_before(uint32_t block, uint64_t count, uint32_t within) const {
    require(block < within && block + count <= end(),
            "a table points outside the image or in circles");
  }
  uint32_t value_of(uint32_t slot) const {
    require(slot >> PS_SLOT_LEVELS_SHIFT == 0, "a table has a slot that there is not");
    return slot;
  }

  // The largest value behind a slot found in the block `within`, of `lines` lines by its root
  // entry, below `splits` splits.
  uint32_t digit_slot(uint32_t slot, uint32_t lines, uint32_t within, uint32_t splits) {
    const auto kind = PS_SLOT_KIND(slot);
    const bool separated = slot & PS_SLOT_SEPARATED;
    if (kind == PS_SLOT_VALUE && !separated) return value_of(slot);
    const bool is_split = kind == PS_SLOT_SPLIT12 || kind == PS_SLOT_SPLIT8;
    require(kind != PS_SLOT_VALUE && kind <= PS_SLOT_RUNS16 && !(separated && is_split) &&
                PS_SLOT_LEVELS(slot) == 0 &&
                (!is_split || splits == (kind == PS_SLOT_SPLIT12 ? 0 : 1)),
            "a table has a slot that there is not");
    const uint32_t block = PS_SLOT_BLOCK(slot);
    require_before(block, 1, within);
    if (separated) {
      require(ascending(at<ps_separators>(block).lasts),
              "the separators of a table are out of order");
      lines = children_of(at<ps_separators>(block).lasts);
    }
    require_before(block, uint64_t{separated} + lines, within);
    return node_at(
               block, slot >> PS_SLOT_KIND_SHIFT << 8 | lines,
               [&] {
                 Node node;
                 if (is_split)
                   for (const uint32_t child : blocks_[block].words)
                     node.largest = std::max(node.largest, digit_slot(child, 1, block, splits + 1));
                 else
                   for (uint32_t i = 0; i < lines; i++)
                     node.largest = std::max(node.largest, digit_line(kind, block + separated + i));
                 return node;
               })
        .largest;
  }
  uint32_t digit_line(uint32_t kind, uint32_t block) const {
    if (kind == PS_SLOT_HIGH8) return largest_of(at<ps_line_high8>(block));
    if (kind == PS_SLOT_RUNS8) return largest_of(at<ps_line_runs8>(block));
    return largest_of(at<ps_line_runs16>(block));
  }
  template <typename Line>
  uint32_t largest_of(const Line& line) const {
    require(ascending(line.lasts), "the runs of a table are out of order");
    return *std::ranges::max_element(line.values);
  }

  // The same of a table of keys, of which `halves` are left.
  uint32_t key_slot(uint32_t slot, uint32_t within, uint8_t halves) {
    if (PS_IS_VALUE(slot)) return value_of(slot);
    const auto kind = slot >> PS_SLOT_KIND_SHIFT;
    require(kind == PS_SLOT_KEYS32 || kind == PS_SLOT_KEYS64,
            "a table has a slot that there is not");
    require_before(PS_SLOT_BLOCK(slot), 1, within);
    return key_nodes(kind, PS_SLOT_LEVELS(slot), PS_SLOT_BLOCK(slot), 1, halves).largest;
  }
  // `count` lines or separators that follow each other.
  const Node& key_nodes(uint32_t kind, uint32_t levels, uint32_t first, uint32_t count,
                        uint8_t halves) {
    require(halves > 0, "a table is too deep");
    const auto& node = node_at(first, kind << 16 | levels << 8 | count, [&] {
      Node found{.halves = 1};
      for (uint32_t i = 0; i < count; i++)
        if (levels > 0)
          look_at_separators(kind, levels, first, first + i, halves, found);
        else
          look_at_keys(kind, first, first + i, halves, found);
      return found;
    });
    require(node.halves <= halves, "a table is too deep");
    return node;
  }
  void look_at_separators(uint32_t kind, uint32_t levels, uint32_t within, uint32_t block,
                          uint8_t halves, Node& node) {
    const auto look = [&](const auto& separators) {
      require(ascending(separators.lasts), "the separators of a table are out of order");
      const auto count = children_of(separators.lasts);
      require_before(separators.first, count, within);
      const auto& below = key_nodes(kind, levels - 1, separators.first, count, halves);
      node.largest = std::max(node.largest, below.largest);
      node.halves = std::max(node.halves, below.halves);
    };
    if (kind == PS_SLOT_KEYS32)
      look(at<ps_separators32>(block));
    else
      look(at<ps_separators64>(block));
  }
  void look_at_keys(uint32_t kind, uint32_t within, uint32_t block, uint8_t halves, Node& node) {
    if (kind == PS_SLOT_KEYS32) {
      node.largest = std::max(node.largest, largest_of(at<ps_line_keys32>(block)));
      return;
    }
    const auto& line = at<ps_line_keys64>(block);
    require(ascending(line.lasts), "the runs of a table are out of order");
    for (const uint32_t slot : line.slots) {
      node.largest =
          std::max(node.largest, key_slot(slot, within, static_cast<uint8_t>(halves - 1)));
      if (!PS_IS_VALUE(slot)) node.halves = 2;
    }
  }

  std::span<const ps_block> blocks_;
  const ps_snapshot_header& header_;
  const std::function<void(const std::string&)>& refuse_;
  std::vector<Node> known_;
};

}  // namespace

void verify_tables(std::span<const ps_block> blocks, const ps_snapshot_header& header,
                   const std::function<void(const std::string&)>& refuse) {
  TableVerifier(blocks, header, refuse).verify();
}

}  // namespace postern
