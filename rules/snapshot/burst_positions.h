// SPDX-License-Identifier: BSD-3-Clause
//
// Where the addresses of a burst stand in their look-up, and which of them have some step before
// them. Choosing them without branches is what the bursts are about: which step an address needs
// next cannot be foreseen, and a branch on it would be mispredicted every other time.
#pragma once

#include <cstdint>

#include "rules/abi/lookup.h"

#if defined(__AVX512BW__) && defined(__AVX512VL__)
#include <immintrin.h>
#define POSTERN_LINES_BY_AVX512 1
#endif

namespace postern {

inline constexpr uint32_t kLookupBurst = 64;

namespace burst {

// How near a prefetch brings a line, as __builtin_prefetch counts. Which is faster was measured
// (docs/decisions/0040).
inline constexpr int kToFirstLevel = 3, kToSecondLevel = 2;

// Where the addresses of a burst stand: what they have come to, and its block (of a value, any).
struct Positions {
  alignas(64) uint32_t slots[kLookupBurst];
  alignas(64) uint32_t blocks[kLookupBurst];

  // What lies outside the image is its last block, which is all zeros: class 0.
  template <int near = kToFirstLevel>
  void set(const ps_image& image, uint32_t address, uint32_t slot) noexcept {
    const uint32_t block = PS_SLOT_BLOCK(slot);
    slots[address] = slot;
    blocks[address] = block < image.count ? block : image.count - 1;
    __builtin_prefetch(&image.blocks[blocks[address]], 0, near);
  }
};
// Addresses of a burst, by number. Room to store 16 at once behind the last one.
struct Chosen {
  uint32_t count = 0;
  uint32_t numbers[kLookupBurst + 16];

  void add_if(bool chosen, uint32_t number) noexcept {
    numbers[count] = number;
    count += chosen;
  }
};

#ifdef POSTERN_LINES_BY_AVX512
constexpr uint32_t lanes(uint32_t count) {
  return static_cast<uint32_t>((uint64_t{1} << count) - 1);
}

// 16 addresses of a burst, by number, in the lanes that are in use.
struct Sixteen {
  __mmask16 lanes;
  __m512i numbers;

  // Those from `first` on of a burst of `count`.
  Sixteen(uint32_t first, uint32_t count) noexcept
      : lanes(lanes_from(first, count)),
        numbers(_mm512_add_epi32(
            _mm512_set1_epi32(static_cast<int>(first)),
            _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15))) {}
  // Those from `first` on of some that were chosen.
  Sixteen(uint32_t first, const Chosen& chosen) noexcept
      : lanes(lanes_from(first, chosen.count)),
        numbers(_mm512_maskz_loadu_epi32(lanes, &chosen.numbers[first])) {}

  static __mmask16 lanes_from(uint32_t first, uint32_t count) noexcept {
    return static_cast<__mmask16>(count - first < 16 ? (1u << (count - first)) - 1 : 0xffffu);
  }
  __m512i slots(const Positions& at) const noexcept {
    return _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), lanes, numbers, at.slots, 4);
  }
  __m512i kinds(__m512i slots) const noexcept {
    return _mm512_maskz_srli_epi32(lanes, slots, PS_SLOT_KIND_SHIFT);
  }
  void choose(Chosen& chosen, __mmask16 which) const noexcept {
    _mm512_storeu_si512(&chosen.numbers[chosen.count], _mm512_maskz_compress_epi32(which, numbers));
    chosen.count += static_cast<uint32_t>(__builtin_popcount(which));
  }
  void choose_kind(Chosen& chosen, __m512i kinds, ps_slot_kind kind) const noexcept {
    choose(chosen, _mm512_mask_cmpeq_epi32_mask(lanes, kinds, _mm512_set1_epi32(kind)));
  }
};
#endif

}  // namespace burst
}  // namespace postern
