// SPDX-License-Identifier: BSD-3-Clause
//
// Bursts of IPv6 sources: roots; then, for each half of the key that is looked at, levels of
// separators of those that have them, and lines, kind by kind. A line is compared by one AVX-512
// instruction; else by halving, as in rules/abi/lookup.h.
#pragma once

#include <cstdint>
#include <cstring>

#include "rules/snapshot/burst_positions.h"

namespace postern::burst {

// A burst on its way: the half of the key that is looked at, and the 32 bits of it that KEYS32
// lines have.
struct Keys {
  Positions at;
  alignas(64) uint64_t keys[kLookupBurst];
  alignas(64) uint32_t keys32[kLookupBurst];
};

#ifdef POSTERN_LINES_BY_AVX512
inline uint32_t below32(const ps_block* block, uint32_t count, uint32_t key) noexcept {
  const uint32_t below =
      _mm512_cmplt_epu32_mask(_mm512_load_si512(block), _mm512_set1_epi32(static_cast<int>(key)));
  return static_cast<uint32_t>(__builtin_popcount(below & lanes(count)));
}
inline uint32_t below64(const ps_block* block, uint32_t count, uint64_t key) noexcept {
  const uint32_t below = _mm512_cmplt_epu64_mask(_mm512_load_si512(block),
                                                 _mm512_set1_epi64(static_cast<long long>(key)));
  return static_cast<uint32_t>(__builtin_popcount(below & lanes(count)));
}
inline uint32_t level_step(const ps_block* block, uint32_t slot, uint64_t key,
                           uint32_t key32) noexcept {
  const uint32_t run = PS_SLOT_KIND(slot) == PS_SLOT_KEYS32 ? below32(block, PS_SEPARATORS32, key32)
                                                            : below64(block, PS_SEPARATORS64, key);
  return (slot & ~(PS_MAX_BLOCKS - 1u)) - (1u << PS_SLOT_LEVELS_SHIFT) +
         PS_SLOT_BLOCK(reinterpret_cast<const ps_separators32*>(block)->first + run);
}
inline uint32_t keys32_step(const ps_block* block, uint32_t key32) noexcept {
  return reinterpret_cast<const ps_line_keys32*>(block)
      ->values[below32(block, PS_KEYS32_RUNS - 1, key32)];
}
inline uint32_t keys64_step(const ps_block* block, uint64_t key) noexcept {
  return reinterpret_cast<const ps_line_keys64*>(block)
      ->slots[below64(block, PS_KEYS64_RUNS - 1, key)];
}
#else
inline uint32_t level_step(const ps_block* block, uint32_t slot, uint64_t key,
                           uint32_t key32) noexcept {
  return ps_level_step(block, slot, key, key32);
}
inline uint32_t keys32_step(const ps_block* block, uint32_t key32) noexcept {
  return ps_keys32_step(block, key32);
}
inline uint32_t keys64_step(const ps_block* block, uint64_t key) noexcept {
  return ps_keys64_step(block, key);
}
#endif

#ifdef POSTERN_LINES_BY_AVX512
inline void choose_high(const Keys& burst, const Chosen& which, Chosen& high) noexcept {
  for (uint32_t first = 0; first < which.count; first += 16) {
    const Sixteen sixteen(first, which);
    sixteen.choose(high, _mm512_mask_test_epi32_mask(
                             sixteen.lanes, sixteen.slots(burst.at),
                             _mm512_set1_epi32(static_cast<int>(7u << PS_SLOT_LEVELS_SHIFT))));
  }
}
inline void choose_lines(const Keys& burst, const Chosen& which, Chosen& keys32, Chosen& keys64,
                         uint32_t* classes) noexcept {
  for (uint32_t first = 0; first < which.count; first += 16) {
    const Sixteen sixteen(first, which);
    const __m512i slots = sixteen.slots(burst.at), kinds = sixteen.kinds(slots);
    sixteen.choose_kind(keys32, kinds, PS_SLOT_KEYS32);
    sixteen.choose_kind(keys64, kinds, PS_SLOT_KEYS64);
    const auto values = _mm512_cmpeq_epi32_mask(kinds, _mm512_setzero_si512());
    _mm512_mask_i32scatter_epi32(classes, sixteen.lanes, sixteen.numbers,
                                 _mm512_maskz_mov_epi32(values, slots), 4);
  }
}
#else
inline void choose_high(const Keys& burst, const Chosen& which, Chosen& high) noexcept {
  for (uint32_t j = 0; j < which.count; j++) {
    const uint32_t i = which.numbers[j];
    high.add_if(PS_SLOT_LEVELS(burst.at.slots[i]), i);
  }
}
inline void choose_lines(const Keys& burst, const Chosen& which, Chosen& keys32, Chosen& keys64,
                         uint32_t* classes) noexcept {
  for (uint32_t j = 0; j < which.count; j++) {
    const uint32_t i = which.numbers[j], slot = burst.at.slots[i];
    keys32.add_if(slot >> PS_SLOT_KIND_SHIFT == PS_SLOT_KEYS32, i);
    keys64.add_if(slot >> PS_SLOT_KIND_SHIFT == PS_SLOT_KEYS64, i);
    classes[i] = PS_IS_VALUE(slot) ? slot : 0;
  }
}
#endif

inline void start_at_root(const ps_image& image, const ps_snapshot_header& header,
                          const ps_block* root, const ps_address* addresses, uint32_t count,
                          Keys& burst) noexcept {
  uint32_t indices[kLookupBurst];
  bool rooted[kLookupBurst];
  const uint32_t bits = header.source_v6_bits, taken = PS_V6_ROOT_PREFIX + bits;
  for (uint32_t i = 0; i < count; i++) {
    burst.keys[i] = ps_key_of(PS_FAMILY_V6, &addresses[i]).high;
    rooted[i] = ps_v6_root_index(bits, burst.keys[i], &indices[i]);
    indices[i] = rooted[i] ? indices[i] : 0;
    __builtin_prefetch(&root->words[indices[i]]);
  }
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t from_root = root->words[indices[i]];
    burst.at.set(image, i, rooted[i] ? from_root : header.source_v6);
    burst.keys32[i] = static_cast<uint32_t>((burst.keys[i] << (rooted[i] ? taken : 0)) >> 32);
  }
}

// From the slots where `which` stand to the values in `classes`, through one half of the key; who
// has to go on through the other one stays in `which`, at his slot.
inline void look_up_half(const ps_image& image, Keys& burst, Chosen& which,
                         uint32_t* classes) noexcept {
  const auto block_of = [&](uint32_t i) { return &image.blocks[burst.at.blocks[i]]; };
  Chosen high, keys32, keys64;
  choose_high(burst, which, high);
  for (uint32_t level = 0; high.count > 0 && level < PS_MAX_LEVELS; level++) {
    const uint32_t todo = high.count;
    high.count = 0;
    for (uint32_t j = 0; j < todo; j++) {
      const uint32_t i = high.numbers[j];
      const uint32_t slot =
          level_step(block_of(i), burst.at.slots[i], burst.keys[i], burst.keys32[i]);
      burst.at.set(image, i, slot);
      high.add_if(PS_SLOT_LEVELS(slot), i);
    }
  }
  choose_lines(burst, which, keys32, keys64, classes);
  for (uint32_t j = 0; j < keys32.count; j++) {
    const uint32_t i = keys32.numbers[j];
    classes[i] = keys32_step(block_of(i), burst.keys32[i]);
  }
  which.count = 0;
  for (uint32_t j = 0; j < keys64.count; j++) {
    const uint32_t i = keys64.numbers[j];
    const uint32_t slot = keys64_step(block_of(i), burst.keys[i]);
    burst.at.set(image, i, slot);
    classes[i] = PS_IS_VALUE(slot) ? slot : 0;
    which.add_if(!PS_IS_VALUE(slot), i);
  }
}

// At most kLookupBurst addresses. root: the first block, within the image.
inline void look_up(const ps_image& image, const ps_snapshot_header& header, const ps_block* root,
                    const ps_address* addresses, uint32_t count, uint32_t* classes) noexcept {
  Keys burst;
  Chosen which;
  start_at_root(image, header, root, addresses, count, burst);
  for (uint32_t i = 0; i < count; i++) which.add_if(true, i);
  look_up_half(image, burst, which, classes);
  if (which.count == 0) return;
  for (uint32_t j = 0; j < which.count; j++) {
    const uint32_t i = which.numbers[j];
    burst.keys[i] = ps_key_of(PS_FAMILY_V6, &addresses[i]).low;
    burst.keys32[i] = static_cast<uint32_t>(burst.keys[i] >> 32);
  }
  look_up_half(image, burst, which, classes);
  for (uint32_t j = 0; j < which.count; j++) classes[which.numbers[j]] = 0;
}

}  // namespace postern::burst
