// SPDX-License-Identifier: BSD-3-Clause
//
// BurstTally: the attempts of a burst, to be counted by their cells of the matrix. What one cell
// has is added at once: to add to one counter in memory for each packet waits each time for the
// last, and most attempts of a burst are of a few cells. Where all are of other cells it costs what
// counting one by one does. Nothing allocates or throws.
#pragma once

#include <cstdint>

#include "rules/snapshot/burst_positions.h"

namespace postern::dpdk {

class BurstTally {
 public:
  static constexpr uint32_t kMost = kLookupBurst;  // packets of a burst

  // cell: of the matrix, plus 1; 0: no attempt. For each packet at most once.
  void note(uint32_t packet, uint32_t cell, bool over_limit) noexcept {
    keys_[packet] = cell * 2 + over_limit;
  }

  // add(cell, attempts, over_limit): of all that were noted. A cell comes twice where it had both.
  template <typename Add>
  void settle(Add add) noexcept {
    for (uint64_t left = ~same_as(0) & ~same_as(1); left != 0;) {
      const uint32_t key = keys_[__builtin_ctzll(left)];
      const uint64_t same = same_as(key);
      const auto attempts = static_cast<uint64_t>(__builtin_popcountll(same));
      add(key / 2 - 1, attempts, key % 2 != 0 ? attempts : 0);
      left &= ~same;
    }
  }

 private:
  // Bit i: packet i has that key.
  uint64_t same_as(uint32_t key) const noexcept {
    uint64_t same = 0;
#ifdef POSTERN_LINES_BY_AVX512
    const __m512i wanted = _mm512_set1_epi32(static_cast<int>(key));
    for (uint32_t first = 0; first < kMost; first += 16)
      same |= uint64_t{_mm512_cmpeq_epi32_mask(_mm512_load_si512(&keys_[first]), wanted)} << first;
#else
    for (uint32_t i = 0; i < kMost; i++) same |= uint64_t{keys_[i] == key} << i;
#endif
    return same;
  }

  alignas(64) uint32_t keys_[kMost] = {};
};

}  // namespace postern::dpdk
