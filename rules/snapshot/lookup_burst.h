// SPDX-License-Identifier: BSD-3-Clause
//
// The classes of a burst of sources at once, for user space. What a look-up costs is waiting for
// memory: here all addresses of a burst take one step together, each asks for the block of its next
// step, and the waits overlap. The answers are those of ps_class_of, from the same image
// (rules/abi/lookup.h). With AVX-512 a line is compared by one instruction, and no step branches on
// the kind of its line; else by halving, as there. Any number of addresses is taken in parts
// of kLookupBurst; nothing allocates or throws.
#pragma once

#include <cstring>

#include "rules/abi/lookup.h"

#if defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__BMI2__)
#include <immintrin.h>
#define POSTERN_LINES_BY_AVX512 1
#endif

namespace postern {

inline constexpr uint32_t kLookupBurst = 32;

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
#else
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
