// SPDX-License-Identifier: BSD-3-Clause
//
// The classes of a burst of sources at once, for user space. What a look-up costs is waiting for
// memory: here all addresses of a burst take one step together, each asks for the block of its next
// step, and the waits overlap. The answers are those of ps_class_of, from the same image
// (rules/abi/lookup.h). With AVX-512 a line is compared by one instruction; else by halving, as
// there. What kind of block an address needs next cannot be foreseen, so loops are by kind and
// nothing branches on it. Any number of addresses is taken in parts of kLookupBurst; nothing
// allocates or throws.
#pragma once

#include <cstring>
#include <iterator>

#include "rules/abi/lookup.h"

#if defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__BMI2__)
#include <immintrin.h>
#define POSTERN_LINES_BY_AVX512 1
#endif

namespace postern {

inline constexpr uint32_t kLookupBurst = 64;

namespace burst {

// A slot that is no value leads to a block: that one, or the last block of the image, which is all
// zeros, for what lies outside. In it everything is class 0.
inline const ps_block* line_of(const ps_image& image, uint32_t slot) noexcept {
  const uint32_t block = PS_SLOT_BLOCK(slot);
  return &image.blocks[block < image.count ? block : image.count - 1];
}

// Steps for one address: two splits, separators and a line for each digit.
inline constexpr uint32_t kMaxRounds = 4 * PS_MAX_DIGITS;

#ifdef POSTERN_LINES_BY_AVX512
// How a line is read. The number of a run is how many of the lanes that hold lasts are below the
// digit; that of a split's slot is some bits of the digit. What is narrower than a word is read as
// the high end of one, so that no load goes beyond its block.
struct LineShape {
  uint32_t lanes16, lanes8;
  uint32_t digit_bits;
  uint8_t offset, index_shift, value_shift, reserved;
};
constexpr uint32_t lanes(uint32_t count) {
  return static_cast<uint32_t>((uint64_t{1} << count) - 1);
}
inline constexpr LineShape kSeparators{lanes(PS_SEPARATORS), 0, 0, 0, 0, 0, 0};
// By the highest four bits of the slot: PS_SLOT_SEPARATED and the kind.
inline constexpr LineShape kLineShapes[16] = {
    {},  // a value
    {0, 0, 0xf000, 0, 2, 0, 0},
    {0, 0, 0x0f00, 0, 2, 0, 0},
    {0, lanes(PS_HIGH8_RUNS - 1), 0, PS_HIGH8_RUNS - 3, 0, 24, 0},
    {lanes(PS_RUNS8_RUNS - 1), 0, 0, (PS_RUNS8_RUNS - 1) * 2 - 3, 0, 24, 0},
    {lanes(PS_RUNS16_RUNS - 1), 0, 0, PS_RUNS16_RUNS * 2 - 2, 1, 16, 0},
    {lanes(PS_RUNS32_RUNS - 1), 0, 0, (PS_RUNS32_RUNS - 1) * 2, 2, 0, 0},
    {0, 0, 0, 0, 0, 31, 0},  // no such kind
    kSeparators,
    kSeparators,
    kSeparators,
    kSeparators,
    kSeparators,
    kSeparators,
    kSeparators,
    kSeparators};

// What the digit makes of a slot, whose block is `line`. A value stays what it is.
inline uint32_t step(const ps_block* line, uint32_t slot, uint32_t digit) noexcept {
  const auto& shape = kLineShapes[slot >> PS_SLOT_KIND_SHIFT];
  const uint32_t below16 = _mm512_cmplt_epu16_mask(_mm512_load_si512(line),
                                                   _mm512_set1_epi16(static_cast<short>(digit)));
  const uint32_t below8 =
      _mm256_cmplt_epu8_mask(_mm256_load_si256(reinterpret_cast<const __m256i*>(line)),
                             _mm256_set1_epi8(static_cast<char>(digit >> 8)));
  const auto run = static_cast<uint32_t>(
      __builtin_popcount((below16 & shape.lanes16) | (below8 & shape.lanes8)));
  const uint32_t index = run + _pext_u32(digit, shape.digit_bits);
  uint32_t found;
  std::memcpy(&found,
              reinterpret_cast<const uint8_t*>(line) + shape.offset + (index << shape.index_shift),
              sizeof found);
  found >>= shape.value_shift;
  const uint32_t chosen_line = (slot & ~PS_SLOT_SEPARATED) + 1 + run;
  found = slot & PS_SLOT_SEPARATED ? chosen_line : found;
  return PS_IS_VALUE(slot) ? slot : found;
}
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
#else
inline uint32_t separators_step(const ps_block* line, uint32_t slot, uint32_t digit) noexcept {
  return ps_separators_step(line, slot, digit);
}
inline uint32_t step(const ps_block* line, uint32_t slot, uint32_t digit) noexcept {
  if (PS_IS_VALUE(slot)) return slot;
  if (slot & PS_SLOT_SEPARATED) return ps_separators_step(line, slot, digit);
  const auto kind = PS_SLOT_KIND(slot);
  if (kind == PS_SLOT_SPLIT12 || kind == PS_SLOT_SPLIT8) return ps_split_step(line, slot, digit);
  return ps_line_step(line, slot, digit);
}
#endif

// Digit `number` of an address; IPv4 in host order.
inline uint32_t digit_of(uint32_t address, uint32_t number) noexcept {
  return number == 0 ? address >> 16 : address & 0xffffu;
}
inline uint32_t digit_of(const ps_address& address, uint32_t number) noexcept {
  ps_be16 digit;
  std::memcpy(&digit, &address.bytes[2 * (number & 7)], sizeof digit);
  return ps_be16_host(digit);
}

// Where the addresses of a burst stand: what they have come to, and its block (of a value, any).
struct Positions {
  alignas(64) uint32_t slots[kLookupBurst];
  alignas(64) uint32_t blocks[kLookupBurst];

  void set(const ps_image& image, uint32_t address, uint32_t slot) noexcept {
    const uint32_t block = PS_SLOT_BLOCK(slot);
    slots[address] = slot;
    blocks[address] = block < image.count ? block : image.count - 1;
    __builtin_prefetch(&image.blocks[blocks[address]]);
  }
};
// Addresses of a burst, by number. Room to store 16 at once behind the last one.
struct Chosen {
  uint32_t count = 0;
  uint32_t numbers[kLookupBurst + 16];
};

#ifdef POSTERN_LINES_BY_AVX512
// What is known of 16 addresses of a burst, in the lanes that are in use.
struct Sixteen {
  __mmask16 lanes;
  __m512i numbers;

  Sixteen(uint32_t first, uint32_t count) noexcept
      : lanes(static_cast<__mmask16>(count - first < 16 ? (1u << (count - first)) - 1 : 0xffffu)),
        numbers(_mm512_add_epi32(
            _mm512_set1_epi32(static_cast<int>(first)),
            _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15))) {}
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
inline void start_at_root(const ps_image& image, const ps_root_entry* root,
                          const uint32_t* addresses, uint32_t count, Positions& at,
                          Chosen& to_split, Chosen& to_separate) noexcept {
  for (uint32_t i = 0; i < count; i++) __builtin_prefetch(&root[addresses[i] >> 16]);
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t slot = ps_root_slot(root[addresses[i] >> 16], addresses[i] & 0xffffu);
    at.set(image, i, slot);
    // Without branches, which could not be foreseen.
    to_split.numbers[to_split.count] = to_separate.numbers[to_separate.count] = i;
    to_split.count += slot >> PS_SLOT_KIND_SHIFT == PS_SLOT_SPLIT12;
    to_separate.count += (slot & PS_SLOT_SEPARATED) != 0;
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
    if (slot >> PS_SLOT_KIND_SHIFT == PS_SLOT_SPLIT8)
      slot = ps_split_step(line_of(image, slot), slot, digit);
    at.set(image, i, slot);
    to_separate.numbers[to_separate.count] = i;
    to_separate.count += (slot & PS_SLOT_SEPARATED) != 0;
  }
  for (uint32_t j = 0; j < to_separate.count; j++) {
    const uint32_t i = to_separate.numbers[j];
    at.set(image, i,
           separators_step(&image.blocks[at.blocks[i]], at.slots[i], addresses[i] & 0xffffu));
  }
  read_lines(image, at, addresses, count, classes);
}

// At most kLookupBurst addresses. The root lies within the image.
template <typename Address>
void look_up(const ps_image& image, const ps_root_entry* root, const Address* addresses,
             uint32_t count, uint32_t* classes) noexcept {
  const ps_block* lines[kLookupBurst];
  uint32_t slots[kLookupBurst], digits[kLookupBurst];
  uint32_t active[kLookupBurst], active_count = 0;  // whose slots are no values yet

  for (uint32_t i = 0; i < count; i++) __builtin_prefetch(&root[digit_of(addresses[i], 0)]);
  for (uint32_t i = 0; i < count; i++) {
    slots[i] = ps_root_slot(root[digit_of(addresses[i], 0)], digit_of(addresses[i], 1));
    lines[i] = line_of(image, slots[i]);
    __builtin_prefetch(lines[i]);
  }
  const auto advance = [&](uint32_t i, uint32_t digit) {
    const uint32_t slot = step(lines[i], slots[i], digit_of(addresses[i], digit));
    digits[i] = digit + (slots[i] >> PS_SLOT_KIND_SHIFT == PS_SLOT_RUNS32);
    slots[i] = classes[i] = slot;
    active[active_count] = i;
    if (PS_IS_VALUE(slot)) return;
    lines[i] = line_of(image, slot);
    __builtin_prefetch(lines[i]);
    active_count++;
  };
  for (uint32_t i = 0; i < count; i++) advance(i, 1);
  for (uint32_t round = 1; active_count > 0 && round < kMaxRounds; round++) {
    const uint32_t todo = active_count;
    active_count = 0;
    for (uint32_t j = 0; j < todo; j++) advance(active[j], digits[active[j]]);
  }
  for (uint32_t j = 0; j < active_count; j++) classes[active[j]] = 0;
}

template <typename Address>
void look_up_all(const ps_image& image, uint32_t root, const Address* addresses, uint32_t count,
                 uint32_t* classes) noexcept {
  if (image.count < PS_ROOT_BLOCKS || root > image.count - PS_ROOT_BLOCKS) {
    std::memset(classes, 0, count * sizeof classes[0]);
    return;
  }
  const auto* entries = reinterpret_cast<const ps_root_entry*>(&image.blocks[root]);
  for (uint32_t done = 0; done < count; done += kLookupBurst)
    look_up(image, entries, addresses + done,
            count - done < kLookupBurst ? count - done : kLookupBurst, classes + done);
}

}  // namespace burst

// IPv4 addresses in host order.
inline void classes_of(ps_image image, const uint32_t* addresses, uint32_t count,
                       uint32_t* classes) noexcept {
  const auto* header = ps_image_header(&image);
  burst::look_up_all(image, header ? header->source_v4_root : UINT32_MAX, addresses, count,
                     classes);
}

// IPv6 addresses.
inline void classes_of(ps_image image, const ps_address* addresses, uint32_t count,
                       uint32_t* classes) noexcept {
  const auto* header = ps_image_header(&image);
  burst::look_up_all(image, header ? header->source_v6_root : UINT32_MAX, addresses, count,
                     classes);
}

}  // namespace postern
