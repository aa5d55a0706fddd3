// SPDX-License-Identifier: BSD-3-Clause
//
// Bursts of IPv4 sources. They have one digit behind the root, so each kind of step has its turn:
// root entries; splits and separators, of those that have them; lines, kind by kind. A line is
// compared by one AVX-512 instruction; else by halving, as in rules/abi/lookup.h.
#pragma once

#include <cstdint>
#include <iterator>

#include "rules/snapshot/burst_positions.h"

namespace postern::burst {

#ifdef POSTERN_LINES_BY_AVX512
inline uint32_t separators_step(const ps_block* line, uint32_t slot, uint32_t digit) noexcept {
  const uint32_t below = _mm512_cmplt_epu16_mask(_mm512_load_si512(line),
                                                 _mm512_set1_epi16(static_cast<short>(digit)));
  return (slot & ~PS_SLOT_SEPARATED) + 1 + static_cast<uint32_t>(__builtin_popcount(below));
}

inline uint32_t high8_step(const ps_block* line, uint32_t digit) noexcept {
  const uint32_t below =
      _mm256_cmplt_epu8_mask(_mm256_load_si256(reinterpret_cast<const __m256i*>(line)),
                             _mm256_set1_epi8(static_cast<char>(digit >> 8)));
  return reinterpret_cast<const ps_line_high8*>(line)
      ->values[__builtin_popcount(below & lanes(PS_HIGH8_RUNS - 1))];
}
template <typename Line>  // of runs by the whole digit
inline uint32_t runs_step(const ps_block* line, uint32_t digit) noexcept {
  const uint32_t below = _mm512_cmplt_epu16_mask(_mm512_load_si512(line),
                                                 _mm512_set1_epi16(static_cast<short>(digit)));
  return reinterpret_cast<const Line*>(line)
      ->values[__builtin_popcount(below & lanes(std::size(Line{}.lasts)))];
}
inline void start_at_root(const ps_image& image, const ps_root_entry* root,
                          const uint32_t* addresses, uint32_t count, Positions& at,
                          Chosen& to_split, Chosen& to_separate) noexcept {
  static_assert(sizeof(ps_root_entry) == 8);
  const __m512i last_block = _mm512_set1_epi32(static_cast<int>(image.count - 1));
  for (uint32_t first = 0; first < count; first += 16) {
    const Sixteen sixteen(first, count);
    const auto lanes = sixteen.lanes;
    const __m512i address = _mm512_maskz_loadu_epi32(lanes, addresses + first);
    const __m512i index = _mm512_maskz_srli_epi32(lanes, address, 16);
    const __m512i next = _mm512_and_si512(address, _mm512_set1_epi32(0xffff));
    const __m512i separators =
        _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), lanes, index, &root->separators, 8);
    __m512i slot =
        _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), lanes, index, &root->slot, 8);
    const __m512i one = _mm512_set1_epi32(1);
    slot = _mm512_mask_add_epi32(
        slot,
        _mm512_cmplt_epu32_mask(_mm512_and_si512(separators, _mm512_set1_epi32(0xffff)), next),
        slot, one);
    slot = _mm512_mask_add_epi32(
        slot, _mm512_cmplt_epu32_mask(_mm512_maskz_srli_epi32(lanes, separators, 16), next), slot,
        one);
    const __m512i block =
        _mm512_and_si512(slot, _mm512_set1_epi32(static_cast<int>(PS_MAX_BLOCKS - 1)));
    _mm512_store_si512(&at.slots[first], slot);
    _mm512_store_si512(&at.blocks[first], _mm512_maskz_min_epu32(lanes, block, last_block));
    sixteen.choose_kind(to_split, sixteen.kinds(slot), PS_SLOT_SPLIT12);
    sixteen.choose(to_separate, _mm512_mask_cmplt_epi32_mask(lanes, slot, _mm512_setzero_si512()));
    for (uint32_t i = 0; i < 16; i++) __builtin_prefetch(&image.blocks[at.blocks[first + i]]);
  }
}

// The lines of each kind in a row.
inline void read_lines(const ps_image& image, const Positions& at, const uint32_t* addresses,
                       uint32_t count, uint32_t* classes) noexcept {
  Chosen high8, runs8, runs16;
  for (uint32_t first = 0; first < count; first += 16) {
    const Sixteen sixteen(first, count);
    const __m512i slots = _mm512_load_si512(&at.slots[first]);
    const __m512i kinds = sixteen.kinds(slots);
    sixteen.choose_kind(high8, kinds, PS_SLOT_HIGH8);
    sixteen.choose_kind(runs8, kinds, PS_SLOT_RUNS8);
    sixteen.choose_kind(runs16, kinds, PS_SLOT_RUNS16);
    const auto values = _mm512_cmpeq_epi32_mask(kinds, _mm512_setzero_si512());
    _mm512_mask_storeu_epi32(classes + first, sixteen.lanes, _mm512_maskz_mov_epi32(values, slots));
  }
  const auto read = [&](const Chosen& chosen, auto step) {
    for (uint32_t j = 0; j < chosen.count; j++) {
      const uint32_t i = chosen.numbers[j];
      classes[i] = step(&image.blocks[at.blocks[i]], addresses[i] & 0xffffu);
    }
  };
  read(high8, high8_step);
  read(runs8, runs_step<ps_line_runs8>);
  read(runs16, runs_step<ps_line_runs16>);
}
#else
inline uint32_t separators_step(const ps_block* line, uint32_t slot, uint32_t digit) noexcept {
  return ps_separators_step(line, slot, digit);
}

inline void start_at_root(const ps_image& image, const ps_root_entry* root,
                          const uint32_t* addresses, uint32_t count, Positions& at,
                          Chosen& to_split, Chosen& to_separate) noexcept {
  for (uint32_t i = 0; i < count; i++) __builtin_prefetch(&root[addresses[i] >> 16]);
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t slot = ps_root_slot(root[addresses[i] >> 16], addresses[i] & 0xffffu);
    at.set(image, i, slot);
    to_split.add_if(slot >> PS_SLOT_KIND_SHIFT == PS_SLOT_SPLIT12, i);
    to_separate.add_if(slot & PS_SLOT_SEPARATED, i);
  }
}

inline void read_lines(const ps_image& image, const Positions& at, const uint32_t* addresses,
                       uint32_t count, uint32_t* classes) noexcept {
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t slot = at.slots[i];
    uint32_t value = slot;
    if (!PS_IS_VALUE(slot))
      value = ps_line_step(&image.blocks[at.blocks[i]], slot, addresses[i] & 0xffffu);
    classes[i] = PS_IS_VALUE(value) ? value : 0;
  }
}
#endif

// At most kLookupBurst IPv4 addresses. They have one digit behind the root, so each kind of step
// has its turn: root entries; splits and separators, of those that have them; lines.
inline void look_up(const ps_image& image, const ps_root_entry* root, const uint32_t* addresses,
                    uint32_t count, uint32_t* classes) noexcept {
  Positions at;
  Chosen to_split, to_separate;
  start_at_root(image, root, addresses, count, at, to_split, to_separate);
  for (uint32_t j = 0; j < to_split.count; j++) {
    const uint32_t i = to_split.numbers[j], digit = addresses[i] & 0xffffu;
    uint32_t slot = ps_split_step(&image.blocks[at.blocks[i]], at.slots[i], digit);
    at.set(image, i, slot);
    if (slot >> PS_SLOT_KIND_SHIFT == PS_SLOT_SPLIT8) {
      slot = ps_split_step(&image.blocks[at.blocks[i]], slot, digit);
      at.set(image, i, slot);
    }
    to_separate.add_if(slot & PS_SLOT_SEPARATED, i);
  }
  for (uint32_t j = 0; j < to_separate.count; j++) {
    const uint32_t i = to_separate.numbers[j];
    at.set(image, i,
           separators_step(&image.blocks[at.blocks[i]], at.slots[i], addresses[i] & 0xffffu));
  }
  read_lines(image, at, addresses, count, classes);
}

}  // namespace postern::burst
