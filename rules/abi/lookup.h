/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
 *
 * Reading a snapshot image: address -> class, destination -> service, (policy, class) -> verdict.
 * One source for the BPF program and for user space; the only difference is ps_block_at(), which
 * turns a block number into memory. No loop without a constant bound, no allocation, no clock.
 */
#ifndef POSTERN_RULES_ABI_LOOKUP_H
#define POSTERN_RULES_ABI_LOOKUP_H

#include "rules/abi/snapshot_format.h"

#ifdef __bpf__
/* The inner map, null when none is loaded: chunks of PS_CHUNK_BYTES. The chunk used last is kept,
 * as most of a lookup stays within one. */
struct ps_image {
  void* map;
  const uint8_t* chunk;
  uint32_t chunk_number;
};

PS_INLINE const struct ps_block* ps_block_at(struct ps_image* image, uint32_t block) {
  uint32_t number = block >> PS_CHUNK_BLOCKS_LOG2;
  if (!image->map) return 0;
  if (!image->chunk || number != image->chunk_number) {
    image->chunk = (const uint8_t*)bpf_map_lookup_elem(image->map, &number);
    image->chunk_number = number;
  }
  if (!image->chunk) return 0;
  return (const struct ps_block*)(image->chunk + (block & (PS_CHUNK_BLOCKS - 1)) * PS_BLOCK_BYTES);
}
#else
struct ps_image {
  const struct ps_block* blocks;
  uint32_t count;
};

PS_INLINE const struct ps_block* ps_block_at(struct ps_image* image, uint32_t block) {
  return block < image->count ? &image->blocks[block] : 0;
}
#endif

/* How many of the first `count` numbers of a line, sorted, are below `digit`: at most 32, or 31
 * where they are bytes. By halving, without branches, as the kernel's verifier follows each way
 * there is. */
PS_INLINE uint32_t ps_below16(const uint16_t* lasts, uint32_t count, uint32_t digit) {
  uint32_t below = 0, half;
  for (half = 16; half; half /= 2) {
    uint32_t at = below + half - 1;
    below += half & (0u - ((((uint32_t)lasts[at] - digit) & (at - count)) >> 31));
  }
  return below + ((((uint32_t)lasts[below] - digit) & (below - count)) >> 31);
}
PS_INLINE uint32_t ps_below8(const uint8_t* lasts, uint32_t digit) {
  uint32_t below = 0, half;
  for (half = 16; half; half /= 2)
    below += half & (0u - (((uint32_t)lasts[below + half - 1] - digit) >> 31));
  return below;
}

/* How many lasts a line has, a byte for each kind. */
#define PS_LASTS_OF_KINDS                                 \
  ((uint64_t)(PS_RUNS8_RUNS - 1) << 8 * PS_SLOT_RUNS8 |   \
   (uint64_t)(PS_RUNS16_RUNS - 1) << 8 * PS_SLOT_RUNS16 | \
   (uint64_t)(PS_RUNS32_RUNS - 1) << 8 * PS_SLOT_RUNS32)

/* What a digit makes of a slot by its block: of a split, of lines with separators, of one line. */
PS_INLINE uint32_t ps_split_step(const struct ps_block* block, uint32_t slot, uint32_t digit) {
  return block->words[(digit >> (PS_SLOT_KIND(slot) == PS_SLOT_SPLIT12 ? 12 : 8)) & 15u];
}
PS_INLINE uint32_t ps_separators_step(const struct ps_block* block, uint32_t slot, uint32_t digit) {
  const uint16_t* lasts = ((const struct ps_separators*)block)->lasts;
  return (slot & ~PS_SLOT_SEPARATED) + 1u + ps_below16(lasts, PS_SEPARATORS, digit);
}
PS_INLINE uint32_t ps_line_step(const struct ps_block* block, uint32_t slot, uint32_t digit) {
  uint32_t kind = PS_SLOT_KIND(slot), run;
  if (kind == PS_SLOT_HIGH8) {
    const struct ps_line_high8* line = (const struct ps_line_high8*)block;
    return line->values[ps_below8(line->lasts, digit >> 8)];
  }
  run = ps_below16(((const struct ps_line_runs8*)block)->lasts,
                   (uint32_t)(PS_LASTS_OF_KINDS >> 8 * kind) & 31u, digit);
  /* The bounds hold already, which the kernel's verifier does not see. */
  if (kind == PS_SLOT_RUNS8)
    return run < PS_RUNS8_RUNS ? ((const struct ps_line_runs8*)block)->values[run] : 0;
  if (kind == PS_SLOT_RUNS16) return ((const struct ps_line_runs16*)block)->values[run & 15u];
  if (kind != PS_SLOT_RUNS32) return 0;
  return run < PS_RUNS32_RUNS ? ((const struct ps_line_runs32*)block)->slots[run] : 0;
}

/* An address as two numbers, of which the first digit is the highest 16 bits of `high`. What an
 * IPv4 address does not fill is zero, and no table asks for it. */
struct ps_digits {
  uint64_t high, low;
};
PS_INLINE struct ps_digits ps_digits_of(const struct ps_address* address) {
  uint32_t words[4];
  struct ps_digits digits;
  __builtin_memcpy(words, address, sizeof(words));
  digits.high = (uint64_t)PS_SWAP32(words[0]) << 32 | PS_SWAP32(words[1]);
  digits.low = (uint64_t)PS_SWAP32(words[2]) << 32 | PS_SWAP32(words[3]);
  return digits;
}
PS_INLINE uint32_t ps_next_digit(struct ps_digits* digits) {
  uint32_t digit = (uint32_t)(digits->high >> 48);
  digits->high = digits->high << 16 | digits->low >> 48;
  digits->low <<= 16;
  return digit;
}

#define PS_MAX_DIGITS 8u
#define PS_IS_VALUE(slot) ((slot) >> PS_SLOT_KIND_SHIFT == PS_SLOT_VALUE)

/* The value that a slot and the digits behind it lead to. Of each digit at most two splits,
 * separators and a line. */
PS_INLINE uint32_t ps_slot_lookup(struct ps_image* image, uint32_t slot, struct ps_digits digits) {
  uint32_t i, split;
  for (i = 0; i < PS_MAX_DIGITS; i++) {
    const struct ps_block* block;
    uint32_t digit = ps_next_digit(&digits), kind;
    for (split = 0; split < 2; split++) {
      kind = slot >> PS_SLOT_KIND_SHIFT;
      if (kind != PS_SLOT_SPLIT12 && kind != PS_SLOT_SPLIT8) break;
      block = ps_block_at(image, PS_SLOT_BLOCK(slot));
      if (!block) return 0;
      slot = ps_split_step(block, slot, digit);
    }
    if (slot & PS_SLOT_SEPARATED) {
      block = ps_block_at(image, PS_SLOT_BLOCK(slot));
      if (!block) return 0;
      slot = ps_separators_step(block, slot, digit);
    }
    if (PS_IS_VALUE(slot)) return slot;
    block = ps_block_at(image, PS_SLOT_BLOCK(slot));
    if (!block) return 0;
    kind = PS_SLOT_KIND(slot);
    slot = ps_line_step(block, slot, digit);
    if (kind != PS_SLOT_RUNS32) return slot;
  }
  return PS_IS_VALUE(slot) ? slot : 0;
}

/* The slot that a root has for a digit, given the one that follows. */
PS_INLINE uint32_t ps_root_slot(struct ps_root_entry entry, uint32_t next) {
  return entry.slot + (entry.separators[0] < next) + (entry.separators[1] < next);
}

PS_INLINE uint32_t ps_root_lookup(struct ps_image* image, uint32_t root, struct ps_digits digits) {
  uint32_t digit = ps_next_digit(&digits);
  const struct ps_block* block = ps_block_at(image, root + (digit >> 3));
  if (!block) return 0;
  return ps_slot_lookup(
      image,
      ps_root_slot(((const struct ps_root_entry*)block)[digit & 7u], (uint32_t)(digits.high >> 48)),
      digits);
}

/* The header lies in block 0 of every image. Null when there is none. */
PS_INLINE const struct ps_snapshot_header* ps_image_header(struct ps_image* image) {
  return (const struct ps_snapshot_header*)ps_block_at(image, 0);
}

PS_INLINE uint32_t ps_class_of(struct ps_image* image, enum ps_family family,
                               const struct ps_address* source) {
  const struct ps_snapshot_header* header = ps_image_header(image);
  if (!header) return 0;
  return ps_root_lookup(image,
                        family == PS_FAMILY_V4 ? header->source_v4_root : header->source_v6_root,
                        ps_digits_of(source));
}

/* 1 and *found when the destination is a service, else 0. port in host order. */
PS_INLINE int ps_service_of(struct ps_image* image, enum ps_family family,
                            const struct ps_address* destination, uint16_t port,
                            struct ps_service* found) {
  const struct ps_snapshot_header* header = ps_image_header(image);
  const struct ps_service_set* set;
  uint32_t number, i;
  if (!header) return 0;
  number = ps_slot_lookup(image, family == PS_FAMILY_V4 ? header->service_v4 : header->service_v6,
                          ps_digits_of(destination));
  if (!number) return 0;
  header = ps_image_header(image); /* BPF: the chunk may have changed since */
  if (!header || number >= header->service_set_count) return 0;
  set = (const struct ps_service_set*)ps_block_at(image, header->service_sets + number);
  if (!set) return 0;
  for (i = 0; i < PS_SERVICES_PER_SET; i++) {
    if (i >= set->count) break;
    if (set->services[i].port == port) {
      *found = set->services[i];
      return 1;
    }
  }
  return 0;
}

/* The matrix cell. Outside the matrix: allow, no-rule. */
PS_INLINE struct ps_verdict ps_verdict_of(struct ps_image* image, uint32_t policy,
                                          uint32_t address_class) {
  struct ps_verdict verdict = {PS_ACTION_ALLOW, PS_REASON_NO_RULE, 0, 0, 0, 0};
  const struct ps_snapshot_header* header = ps_image_header(image);
  const struct ps_block* block;
  uint32_t cell;
  if (!header || policy >= header->policy_count || address_class >= header->class_count)
    return verdict;
  cell = policy * header->class_count + address_class;
  block = ps_block_at(image, header->matrix + (cell >> 3));
  if (block) verdict = ((const struct ps_verdict*)block)[cell & 7];
  return verdict;
}

#endif
