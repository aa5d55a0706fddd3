// SPDX-License-Identifier: BSD-3-Clause
//
// Bursts of IPv6 sources. At the root all addresses are sorted by what they need next: a line of
// either kind, or separators above one; then each kind is read in a loop of its own, and the lines
// at the end. Those that have to go on through the low half of their key do the same there. A block
// is compared by one AVX-512 instruction; else by halving, as in rules/abi/lookup.h.
#pragma once

#include <cstdint>
#include <cstring>

#include "rules/snapshot/burst_positions.h"

namespace postern::burst {

// The two kinds of blocks: how many of the lasts in one lie below a key, and what a line has there.
struct Steps32 {
#ifdef POSTERN_LINES_BY_AVX512
  static uint32_t below(const ps_block* block, uint32_t count, uint32_t key) noexcept {
    const uint32_t mask =
        _mm512_cmplt_epu32_mask(_mm512_load_si512(block), _mm512_set1_epi32(static_cast<int>(key)));
    return static_cast<uint32_t>(__builtin_popcount(mask & lanes(count)));
  }
  static uint32_t separators(const ps_block* block, uint32_t slot, uint32_t key) noexcept {
    return ps_level_slot(block, slot, below(block, PS_SEPARATORS32, key));
  }
  static uint32_t line(const ps_block* block, uint32_t key) noexcept {
    return reinterpret_cast<const ps_line_keys32*>(block)
        ->values[below(block, PS_KEYS32_RUNS - 1, key)];
  }
#else
  static uint32_t separators(const ps_block* block, uint32_t slot, uint32_t key) noexcept {
    return ps_level_step(block, slot, 0, key);
  }
  static uint32_t line(const ps_block* block, uint32_t key) noexcept {
    return ps_keys32_step(block, key);
  }
#endif
};
struct Steps64 {
#ifdef POSTERN_LINES_BY_AVX512
  static uint32_t below(const ps_block* block, uint32_t count, uint64_t key) noexcept {
    const uint32_t mask = _mm512_cmplt_epu64_mask(_mm512_load_si512(block),
                                                  _mm512_set1_epi64(static_cast<long long>(key)));
    return static_cast<uint32_t>(__builtin_popcount(mask & lanes(count)));
  }
  static uint32_t separators(const ps_block* block, uint32_t slot, uint64_t key) noexcept {
    return ps_level_slot(block, slot, below(block, PS_SEPARATORS64, key));
  }
  static uint32_t line(const ps_block* block, uint64_t key) noexcept {
    return reinterpret_cast<const ps_line_keys64*>(block)
        ->slots[below(block, PS_KEYS64_RUNS - 1, key)];
  }
#else
  static uint32_t separators(const ps_block* block, uint32_t slot, uint64_t key) noexcept {
    return ps_level_step(block, slot, key, 0);
  }
  static uint32_t line(const ps_block* block, uint64_t key) noexcept {
    return ps_keys64_step(block, key);
  }
#endif
};

// A burst on its way through one half of its keys: where it stands, the 32 bits of the keys that
// KEYS32 lines have, and who has which steps before him: whoever comes to a line is among its lines
// from the start, however many separators lie above it.
struct Keys {
  Positions at;
  alignas(64) uint32_t keys32[kLookupBurst];
  Chosen separators32, separators64, lines32, lines64;

  // One that has come to `slot`. The value, if it is one.
  uint32_t sort(uint32_t i, uint32_t slot) noexcept {
    const uint32_t kind = slot >> PS_SLOT_KIND_SHIFT;
    const bool by32 = kind == PS_SLOT_KEYS32, by64 = kind == PS_SLOT_KEYS64;
    const bool high = PS_SLOT_LEVELS(slot) != 0;
    separators32.add_if(by32 & high, i);
    separators64.add_if(by64 & high, i);
    lines32.add_if(by32, i);
    lines64.add_if(by64, i);
    return PS_IS_VALUE(slot) ? slot : 0;
  }
};

enum class Half { kHigh, kLow };
template <Half half>
uint64_t key_of(const ps_address& address) noexcept {
  const auto key = ps_key_of(PS_FAMILY_V6, &address);
  return half == Half::kHigh ? key.high : key.low;
}

// Where the keys of a table begin.
struct KeyRoot {
  uint32_t bits;          // as ps_snapshot_header::source_v6_bits; 0: no root
  uint32_t slot;          // of the keys that the root does not cover
  const ps_block* block;  // the root's first; without a root any block, as its first slot is read
};

#ifdef POSTERN_LINES_BY_AVX512
// Of up to 16 addresses the first and the second 32 bits, in host order. (Masks that choose all
// lanes are there for GCC 12, which warns of what its own headers leave undefined without one.)
struct HighWords {
  __m512i first, second;

  HighWords(const ps_address* addresses, uint32_t count) noexcept {
    const auto four = [&](uint32_t from) {
      const uint32_t left = count > from ? count - from : 0;
      return _mm512_maskz_loadu_epi32(
          static_cast<__mmask16>(left < 4 ? (1u << 4 * left) - 1 : 0xffffu), addresses + from);
    };
    const __m512i swap = _mm512_set4_epi32(0x0c0d0e0f, 0x08090a0b, 0x04050607, 0x00010203);
    // The first words of eight, and behind them their second ones.
    const __m512i both =
        _mm512_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28, 1, 5, 9, 13, 17, 21, 25, 29);
    const auto eight = [&](uint32_t from) {
      return _mm512_shuffle_epi8(_mm512_permutex2var_epi32(four(from), both, four(from + 4)), swap);
    };
    const __m512i low = eight(0), high = eight(8);
    first = _mm512_maskz_shuffle_i64x2(0xff, low, high, 0x44);
    second = _mm512_maskz_shuffle_i64x2(0xff, low, high, 0xee);
  }
};

inline __m512i in_all_lanes(uint32_t value) noexcept {
  return _mm512_set1_epi32(static_cast<int>(value));
}

inline void start_at_root(const ps_image& image, const KeyRoot& root, const ps_address* addresses,
                          uint32_t count, Keys& burst, uint32_t* classes) noexcept {
  alignas(64) uint32_t indices[kLookupBurst];
  __mmask16 rooted[kLookupBurst / 16];
  const uint32_t bits = root.bits, taken = PS_V6_ROOT_PREFIX + bits;
  for (uint32_t first = 0; first < count; first += 16) {
    const HighWords words(addresses + first, count - first);
    const __m512i top = _mm512_maskz_srli_epi32(0xffff, words.first, 32 - PS_V6_ROOT_PREFIX);
    const __mmask16 inside =
        _mm512_mask_cmpeq_epi32_mask(bits ? 0xffff : 0, top, in_all_lanes(PS_V6_ROOT_HIGH));
    const __m512i below_top = _mm512_maskz_slli_epi32(inside, words.first, PS_V6_ROOT_PREFIX);
    const __m512i key32 =
        _mm512_or_si512(_mm512_maskz_sllv_epi32(inside, words.first, in_all_lanes(taken)),
                        _mm512_maskz_srlv_epi32(inside, words.second, in_all_lanes(32 - taken)));
    rooted[first / 16] = inside;
    _mm512_store_si512(&indices[first],
                       _mm512_maskz_srlv_epi32(inside, below_top, in_all_lanes(32 - bits)));
    _mm512_store_si512(&burst.keys32[first], _mm512_mask_mov_epi32(words.first, inside, key32));
    for (uint32_t i = first; i < first + 16; i++)
      __builtin_prefetch(&root.block->words[indices[i]], 0, kToSecondLevel);
  }
  // Each asks for its block as soon as its root entry is there, not when all sixteen are.
  for (uint32_t i = 0; i < count; i++)
    burst.at.set<kToSecondLevel>(image, i, root.block->words[indices[i]]);
  for (uint32_t first = 0; first < count; first += 16) {
    const Sixteen sixteen(first, count);
    const auto lanes = sixteen.lanes;
    const __m512i slots =
        _mm512_mask_mov_epi32(in_all_lanes(root.slot), rooted[first / 16],
                              _mm512_maskz_loadu_epi32(lanes, &burst.at.slots[first]));
    const __m512i blocks = _mm512_and_si512(slots, in_all_lanes(PS_MAX_BLOCKS - 1));
    _mm512_store_si512(&burst.at.slots[first], slots);
    _mm512_store_si512(&burst.at.blocks[first],
                       _mm512_maskz_min_epu32(lanes, blocks, in_all_lanes(image.count - 1)));
    const __m512i kinds = sixteen.kinds(slots);
    const auto are = [&](ps_slot_kind kind) {
      return _mm512_mask_cmpeq_epi32_mask(lanes, kinds, in_all_lanes(kind));
    };
    const __mmask16 high = _mm512_test_epi32_mask(slots, in_all_lanes(7u << PS_SLOT_LEVELS_SHIFT));
    sixteen.choose(burst.separators32, are(PS_SLOT_KEYS32) & high);
    sixteen.choose(burst.separators64, are(PS_SLOT_KEYS64) & high);
    sixteen.choose(burst.lines32, are(PS_SLOT_KEYS32));
    sixteen.choose(burst.lines64, are(PS_SLOT_KEYS64));
    _mm512_mask_storeu_epi32(classes + first, lanes,
                             _mm512_maskz_mov_epi32(are(PS_SLOT_VALUE), slots));
  }
}
#else
inline void start_at_root(const ps_image& image, const KeyRoot& root, const ps_address* addresses,
                          uint32_t count, Keys& burst, uint32_t* classes) noexcept {
  uint32_t indices[kLookupBurst];
  bool rooted[kLookupBurst];
  const uint32_t bits = root.bits, taken = PS_V6_ROOT_PREFIX + bits;
  for (uint32_t i = 0; i < count; i++) {
    const uint64_t key = key_of<Half::kHigh>(addresses[i]);
    rooted[i] = ps_v6_root_index(bits, key, &indices[i]);
    indices[i] = rooted[i] ? indices[i] : 0;
    burst.keys32[i] = static_cast<uint32_t>((key << (rooted[i] ? taken : 0)) >> 32);
    __builtin_prefetch(&root.block->words[indices[i]], 0, kToSecondLevel);
  }
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t from_root = root.block->words[indices[i]];
    burst.at.set<kToSecondLevel>(image, i, rooted[i] ? from_root : root.slot);
    classes[i] = burst.sort(i, burst.at.slots[i]);
  }
}
#endif

// Through one level of separators. Those with more levels below them stay chosen.
template <typename Steps, typename KeyAt>
void step_down(const ps_image& image, Positions& at, Chosen& separators, KeyAt key_at) noexcept {
  const uint32_t todo = separators.count;
  uint32_t again = 0;
  for (uint32_t j = 0; j < todo; j++) {
    const uint32_t i = separators.numbers[j];
    const uint32_t slot = Steps::separators(&image.blocks[at.blocks[i]], at.slots[i], key_at(i));
    at.set(image, i, slot);
    separators.numbers[again] = i;
    again += PS_SLOT_LEVELS(slot) != 0;
  }
  separators.count = again;
}

// From where the burst stands to its classes, through one half of the keys. Who has to go on
// through the other half has slots and blocks for it, and is in the answer.
template <Half half>
void look_up_half(const ps_image& image, const ps_address* addresses, Keys& burst,
                  uint32_t* classes, Chosen& further) noexcept {
  const auto key32_at = [&](uint32_t i) { return burst.keys32[i]; };
  const auto key64_at = [&](uint32_t i) { return key_of<half>(addresses[i]); };
  while (burst.separators32.count + burst.separators64.count > 0) {
    step_down<Steps32>(image, burst.at, burst.separators32, key32_at);
    step_down<Steps64>(image, burst.at, burst.separators64, key64_at);
  }
  for (uint32_t j = 0; j < burst.lines32.count; j++) {
    const uint32_t i = burst.lines32.numbers[j];
    classes[i] = Steps32::line(&image.blocks[burst.at.blocks[i]], key32_at(i));
  }
  for (uint32_t j = 0; j < burst.lines64.count; j++) {
    const uint32_t i = burst.lines64.numbers[j];
    const uint32_t slot = Steps64::line(&image.blocks[burst.at.blocks[i]], key64_at(i));
    burst.at.set(image, i, slot);
    classes[i] = PS_IS_VALUE(slot) ? slot : 0;
    further.add_if(!PS_IS_VALUE(slot), i);
  }
}

// From where the burst stands to its classes, through both halves of the keys.
inline void look_up_halves(const ps_image& image, const ps_address* addresses, Keys& burst,
                           uint32_t* classes) noexcept {
  Chosen further, beyond;
  look_up_half<Half::kHigh>(image, addresses, burst, classes, further);
  if (further.count == 0) return;
  burst.lines32.count = burst.lines64.count = 0;
  for (uint32_t j = 0; j < further.count; j++) {
    const uint32_t i = further.numbers[j];
    burst.keys32[i] = static_cast<uint32_t>(key_of<Half::kLow>(addresses[i]) >> 32);
    burst.sort(i, burst.at.slots[i]);
  }
  // Nobody goes on from there: a slot that would has class 0.
  look_up_half<Half::kLow>(image, addresses, burst, classes, beyond);
}

// At most kLookupBurst addresses. The root lies within the image.
inline void look_up(const ps_image& image, const KeyRoot& root, const ps_address* addresses,
                    uint32_t count, uint32_t* classes) noexcept {
  Keys burst;
  start_at_root(image, root, addresses, count, burst, classes);
  look_up_halves(image, addresses, burst, classes);
}

// The same where each has a table of its own. slots: of the tables.
inline void look_up_from(const ps_image& image, const uint32_t* slots, const ps_address* addresses,
                         uint32_t count, uint32_t* values) noexcept {
  Keys burst;
  for (uint32_t i = 0; i < count; i++) {
    burst.keys32[i] = static_cast<uint32_t>(key_of<Half::kHigh>(addresses[i]) >> 32);
    burst.at.set<kToSecondLevel>(image, i, slots[i]);
    values[i] = burst.sort(i, slots[i]);
  }
  look_up_halves(image, addresses, burst, values);
}

}  // namespace postern::burst
