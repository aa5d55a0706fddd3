// SPDX-License-Identifier: BSD-3-Clause
//
// How far the entries of each block reach (rules/snapshot/entry_index.h).
#include "rules/snapshot/entry_index.h"

namespace postern {

EntryIndex::EntryIndex(std::span<const ps_entry_v4> v4, std::span<const ps_entry_v6> v6) {
  for (size_t i = 0; i < v4.size(); i++) {
    if (i % kBlock == 0) reach_v4_.push_back(0);
    reach_v4_.back() = std::max(reach_v4_.back(), v4[i].last);
  }
  for (size_t i = 0; i < v6.size(); i++) {
    if (i % kBlock == 0) reach_v6_.emplace_back();
    if (std::memcmp(v6[i].last, reach_v6_.back().data(), 16) > 0)
      std::memcpy(reach_v6_.back().data(), v6[i].last, 16);
  }
}

}  // namespace postern
