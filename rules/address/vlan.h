// SPDX-License-Identifier: BSD-3-Clause
//
// VlanRange: the frames that a VLAN's name stands for, by their tags (IEEE 802.1Q and 802.1ad). A
// frame's tags are one number: the outer VLAN identifier in its high 16 bits and the inner one in
// its low 16 bits, 0 for none; a tag that carries a priority only, VLAN 0, is not counted (struct
// ps_packet). Names thus are ranges of such numbers, and any two of them nest or are apart. Tags
// beyond the second are no part of it.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace postern {

struct VlanRange {
  uint32_t first = 0, last = UINT32_MAX;  // both included; as it stands: whatever tags there are

  // "100": the outer tag, whatever lies behind it. "100.7": both tags. "none": untagged.
  // Identifiers are 1 to 4094. nullopt for anything else.
  static std::optional<VlanRange> parse(std::string_view text) noexcept;

  bool is_any() const noexcept { return first == 0 && last == UINT32_MAX; }
  bool contains(const VlanRange& other) const noexcept {
    return first <= other.first && other.last <= last;
  }
  // As parse() reads it; "any" for all.
  std::string to_string() const;

  auto operator<=>(const VlanRange&) const = default;
};

}  // namespace postern
