// SPDX-License-Identifier: BSD-3-Clause
//
// VLANs -> zones (rules/compile/vlan_table.h).
#include "rules/compile/vlan_table.h"

#include <algorithm>

namespace postern {
namespace {

constexpr uint32_t kInner = 0xffff;  // of a number, what the inner tag has

}  // namespace

std::vector<ps_vlan_zones> vlan_zones(std::span<const Segment<KeyV4>> vlans) {
  std::vector<ps_vlan_zones> tables;
  if (vlans.empty()) return tables;
  tables.emplace_back();
  const auto fill = [&](uint32_t outer, uint32_t first, uint32_t last, uint32_t zone) {
    if (first == 0 && last == kInner) {
      tables[0].zones[outer] = zone;
      return;
    }
    if (!(tables[0].zones[outer] & PS_VLAN_BY_INNER)) {
      tables[0].zones[outer] = PS_VLAN_BY_INNER | static_cast<uint32_t>(tables.size());
      tables.emplace_back();
    }
    auto& by_inner = tables[tables[0].zones[outer] & (PS_VLANS - 1)].zones;
    for (uint32_t inner = first; inner <= std::min(last, PS_VLANS - 1); inner++)
      by_inner[inner] = zone;
  };
  // A range lies below one outer identifier: no two names have the same services.
  for (const auto& range : vlans)
    fill(range.first >> 16, range.first & kInner, range.last & kInner, range.value);
  return tables;
}

}  // namespace postern
