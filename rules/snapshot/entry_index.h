// SPDX-License-Identifier: BSD-3-Clause
//
// EntryIndex: which entries of lists have an address, without looking at all that begin before it:
// the entries, sorted by where they begin, in blocks, and of each block how far its entries reach.
// Eight bytes for a thousand of memory; for those who explain many addresses of one snapshot. One
// address is found as fast without.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "rules/snapshot/sections.h"

namespace postern {

class EntryIndex {
 public:
  static constexpr size_t kBlock = 256;  // entries

  EntryIndex(std::span<const ps_entry_v4> v4, std::span<const ps_entry_v6> v6);

  // Calls visit(entry) for each entry of v4 that has the address (host order), in their order.
  template <typename Visit>
  void visit_v4(std::span<const ps_entry_v4> v4, uint32_t address, const Visit& visit) const {
    visit_blocks(
        v4, reach_v4_, [=](const uint32_t reach) { return address <= reach; },
        [=](const auto& entry) { return address < entry.first; },
        [=](const auto& entry) { return entry.first <= address && address <= entry.last; }, visit);
  }
  // The same; address: 16 bytes in network order.
  template <typename Visit>
  void visit_v6(std::span<const ps_entry_v6> v6, const uint8_t* address, const Visit& visit) const {
    visit_blocks(
        v6, reach_v6_,
        [=](const auto& reach) { return std::memcmp(address, reach.data(), 16) <= 0; },
        [=](const auto& entry) { return std::memcmp(address, entry.first, 16) < 0; },
        [=](const auto& entry) {
          return std::memcmp(entry.first, address, 16) <= 0 &&
                 std::memcmp(address, entry.last, 16) <= 0;
        },
        visit);
  }

 private:
  template <typename Entry, typename Reach, typename Within, typename Behind, typename Has,
            typename Visit>
  static void visit_blocks(std::span<const Entry> entries, const std::vector<Reach>& reaches,
                           const Within& within, const Behind& behind, const Has& has,
                           const Visit& visit) {
    for (size_t block = 0; block < reaches.size(); block++) {
      const auto begin = block * kBlock;
      if (behind(entries[begin])) return;  // and all that follow
      if (!within(reaches[block])) continue;
      for (const auto& entry : entries.subspan(begin, std::min(kBlock, entries.size() - begin)))
        if (has(entry)) visit(entry);
    }
  }

  std::vector<uint32_t> reach_v4_;  // per block, the largest last address
  std::vector<std::array<uint8_t, 16>> reach_v6_;
};

}  // namespace postern
