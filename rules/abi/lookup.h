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

/* How many of the first `count` numbers of a line, sorted, are below a key: at most 32 of 16 bits,
 * 31 of 8, 15 of 32, 7 of 64. By halving, without branches, as the kernel's verifier follows each
 * way there is. */
PS_INLINE uint32_t ps_below8(const uint8_t* lasts, uint32_t key) {
  uint32_t below = 0, half;
  for (half = 16; half; half /= 2) {
    uint32_t at = below + half - 1;
    below += half & (0u - (((uint32_t)lasts[PS_BELOW(at, 32)] - key) >> 31));
  }
  return below;
}
PS_INLINE uint32_t ps_below16(const uint16_t* lasts, uint32_t count, uint32_t key) {
  uint32_t below = 0, half;
  for (half = 16; half; half /= 2) {
    uint32_t at = below + half - 1;
    below += half & (0u - ((((uint32_t)lasts[PS_BELOW(at, 32)] - key) & (at - count)) >> 31));
  }
  return below + ((((uint32_t)lasts[PS_BELOW(below, 32)] - key) & (below - count)) >> 31);
}
PS_INLINE uint32_t ps_below32(const uint32_t* lasts, uint32_t count, uint32_t key) {
  uint32_t below = 0, half;
  for (half = 8; half; half /= 2) {
    uint32_t at = below + half - 1;
    uint64_t last = lasts[PS_BELOW(at, 16)];
    below += half & (0u - ((uint32_t)((last - key) >> 63) & ((at - count) >> 31)));
  }
  return below;
}
PS_INLINE uint32_t ps_below64(const uint64_t* lasts, uint32_t count, uint64_t key) {
  uint32_t below = 0, half;
  for (half = 4; half; half /= 2) {
    uint32_t at = below + half - 1;
    uint64_t last = lasts[PS_BELOW(at, 8)];
    /* The borrow of last - key. */
    uint64_t borrow = ((~last & key) | ((~last | key) & (last - key))) >> 63;
    below += half & (0u - ((uint32_t)borrow & ((at - count) >> 31)));
  }
  return below;
}

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
    run = ps_below8(line->lasts, digit >> 8);
    return line->values[PS_BELOW(run, 32)];
  }
  if (kind != PS_SLOT_RUNS8 && kind != PS_SLOT_RUNS16) return 0;
  run = ps_below16(((const struct ps_line_runs8*)block)->lasts,
                   kind == PS_SLOT_RUNS8 ? PS_RUNS8_RUNS - 1 : PS_RUNS16_RUNS - 1, digit);
  /* The bound holds already, which the kernel's verifier does not see. */
  run = PS_BELOW(run, 32);
  if (kind == PS_SLOT_RUNS8)
    return run < PS_RUNS8_RUNS ? ((const struct ps_line_runs8*)block)->values[run] : 0;
  return ((const struct ps_line_runs16*)block)->values[run & 15u];
}

/* The slot that a root entry of IPv4 has for the digit behind it. */
PS_INLINE uint32_t ps_root_slot(struct ps_root_entry entry, uint32_t digit) {
  return entry.slot + (entry.separators[0] < digit) + (entry.separators[1] < digit);
}

/* An IPv4 source, in host order. */
PS_INLINE uint32_t ps_digit_lookup(struct ps_image* image, uint32_t root, uint32_t address) {
  uint32_t digit = address & 0xffffu, slot, split;
  const struct ps_block* block = ps_block_at(image, root + (address >> 19));
  if (!block) return 0;
  slot = ps_root_slot(((const struct ps_root_entry*)block)[(address >> 16) & 7u], digit);
  for (split = 0; split < 2; split++) {
    uint32_t kind = slot >> PS_SLOT_KIND_SHIFT;
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
  return block ? ps_line_step(block, slot, digit) : 0;
}

/* An address as a key of two halves. */
struct ps_key {
  uint64_t high, low;
};
PS_INLINE struct ps_key ps_key_of(enum ps_family family, const struct ps_address* address) {
  uint32_t words[4];
  struct ps_key key;
  __builtin_memcpy(words, address, sizeof(words));
  key.high = (uint64_t)PS_SWAP32(words[0]) << 32;
  key.low = 0;
  if (family == PS_FAMILY_V4) return key;
  key.high |= PS_SWAP32(words[1]);
  key.low = (uint64_t)PS_SWAP32(words[2]) << 32 | PS_SWAP32(words[3]);
  return key;
}

/* The slot of child `run` of separators: a line, or separators of one level less. Both kinds of
 * separators have `first` there. */
PS_INLINE uint32_t ps_level_slot(const struct ps_block* block, uint32_t slot, uint32_t run) {
  return (slot & ~(PS_MAX_BLOCKS - 1u)) - (1u << PS_SLOT_LEVELS_SHIFT) +
         PS_SLOT_BLOCK(((const struct ps_separators32*)block)->first + run);
}
/* Where separators lead. key32: the 32 bits of the key that KEYS32 lines have. */
PS_INLINE uint32_t ps_level_step(const struct ps_block* block, uint32_t slot, uint64_t key,
                                 uint32_t key32) {
  uint32_t run =
      PS_SLOT_KIND(slot) == PS_SLOT_KEYS32
          ? ps_below32(((const struct ps_separators32*)block)->lasts, PS_SEPARATORS32, key32)
          : ps_below64(((const struct ps_separators64*)block)->lasts, PS_SEPARATORS64, key);
  return ps_level_slot(block, slot, run);
}
PS_INLINE uint32_t ps_keys32_step(const struct ps_block* block, uint32_t key32) {
  const struct ps_line_keys32* line = (const struct ps_line_keys32*)block;
  uint32_t run = ps_below32(line->lasts, PS_KEYS32_RUNS - 1, key32);
  run = PS_BELOW(run, 16);
  return run < PS_KEYS32_RUNS ? line->values[run] : 0; /* as in ps_line_step */
}
PS_INLINE uint32_t ps_keys64_step(const struct ps_block* block, uint64_t key) {
  const struct ps_line_keys64* line = (const struct ps_line_keys64*)block;
  uint32_t run = ps_below64(line->lasts, PS_KEYS64_RUNS - 1, key);
  run = PS_BELOW(run, 8);
  return run < PS_KEYS64_RUNS ? line->slots[run] : 0;
}

/* One level down where there is one. 0: there is no such block. */
PS_INLINE uint32_t ps_descend(struct ps_image* image, uint32_t slot, uint64_t key, uint32_t key32) {
  const struct ps_block* block;
  if (!PS_SLOT_LEVELS(slot)) return slot;
  block = ps_block_at(image, PS_SLOT_BLOCK(slot));
  return block ? ps_level_step(block, slot, key, key32) : 0;
}

/* The value that a slot and a key lead to; a root has taken `taken` bits of the key. Levels are
 * written out, as kernels before 6.2 take no loop that the compiler enters in its middle. */
PS_OUTLINE uint32_t ps_key_lookup(struct ps_image* image, uint32_t slot, const struct ps_key* key,
                                  uint32_t taken) {
  uint32_t half;
  for (half = 0; half < 2; half++) {
    const struct ps_block* block;
    uint64_t bits = half ? key->low : key->high;
    uint32_t key32 = (uint32_t)((half ? bits : bits << taken) >> 32);
    uint32_t kind = slot >> PS_SLOT_KIND_SHIFT;
    if (kind != PS_SLOT_KEYS32 && kind != PS_SLOT_KEYS64) break;
    if (PS_SLOT_LEVELS(slot)) {
      slot = ps_descend(image, slot, bits, key32); /* PS_MAX_LEVELS times */
      slot = ps_descend(image, slot, bits, key32);
      slot = ps_descend(image, slot, bits, key32);
      slot = ps_descend(image, slot, bits, key32);
      slot = ps_descend(image, slot, bits, key32);
      slot = ps_descend(image, slot, bits, key32);
      slot = ps_descend(image, slot, bits, key32);
      if (!slot) return 0;
    }
    block = ps_block_at(image, PS_SLOT_BLOCK(slot));
    if (!block) return 0;
    if (kind == PS_SLOT_KEYS32) return ps_keys32_step(block, key32);
    slot = ps_keys64_step(block, bits);
  }
  return PS_IS_VALUE(slot) ? slot : 0;
}

/* The header lies in block 0 of every image. Null when there is none. */
PS_INLINE const struct ps_snapshot_header* ps_image_header(struct ps_image* image) {
  return (const struct ps_snapshot_header*)ps_block_at(image, 0);
}

/* Whether the root covers the source, and then which of its slots is the source's. */
PS_INLINE int ps_v6_root_index(uint32_t bits, uint64_t high, uint32_t* index) {
  *index = (uint32_t)((high << PS_V6_ROOT_PREFIX) >> ((64u - bits) & 63u));
  return bits && high >> (64u - PS_V6_ROOT_PREFIX) == PS_V6_ROOT_HIGH;
}

PS_INLINE uint32_t ps_class_of(struct ps_image* image, enum ps_family family,
                               const struct ps_address* source) {
  const struct ps_snapshot_header* header = ps_image_header(image);
  struct ps_key key = ps_key_of(family, source);
  uint32_t index, slot, taken = 0;
  if (!header) return 0;
  if (family == PS_FAMILY_V4)
    return ps_digit_lookup(image, header->source_v4_root, (uint32_t)(key.high >> 32));
  slot = header->source_v6;
  if (ps_v6_root_index(header->source_v6_bits, key.high, &index)) {
    taken = PS_V6_ROOT_PREFIX + header->source_v6_bits;
    const struct ps_block* block = ps_block_at(image, header->source_v6_root + (index >> 4));
    if (!block) return 0;
    slot = block->words[index & 15u];
  }
  return ps_key_lookup(image, slot, &key, taken & 31u);
}

/* The number of the zone that a frame is in, where services name VLANs. vlan: as in struct
 * ps_packet. */
PS_INLINE uint32_t ps_zone_number(struct ps_image* image, uint32_t vlans, uint32_t vlan) {
  const struct ps_block* block = ps_block_at(image, vlans + (vlan >> 20));
  uint32_t zone = block ? block->words[(vlan >> 16) & 15u] : 0;
  if (!(zone & PS_VLAN_BY_INNER)) return zone;
  vlans += (zone & (PS_VLANS - 1u)) * PS_VLAN_BLOCKS;
  block = ps_block_at(image, vlans + ((vlan & (PS_VLANS - 1u)) >> 4));
  return block ? block->words[vlan & 15u] : 0;
}

/* The slots that the services of a frame are looked for from. */
PS_INLINE struct ps_zone ps_zone_of(struct ps_image* image, uint32_t vlan) {
  struct ps_zone zone = {0, 0};
  const struct ps_snapshot_header* header = ps_image_header(image);
  const struct ps_block* block;
  uint32_t number, zones, count;
  if (!header) return zone;
  zone.service_v4 = header->service_v4;
  zone.service_v6 = header->service_v6;
  if (!header->vlans) return zone;
  zones = header->zones;
  count = header->zone_count;
  number = ps_zone_number(image, header->vlans, vlan);
  if (!number || number >= count) return zone;
  block = ps_block_at(image, zones + (number >> 3));
  if (block) zone = ((const struct ps_zone*)block)[number & 7u];
  return zone;
}

/* The number of the service set that a destination has; 0: none of its ports is a service. */
PS_INLINE uint32_t ps_service_set_of(struct ps_image* image, uint32_t vlan, enum ps_family family,
                                     const struct ps_address* destination) {
  struct ps_zone zone = ps_zone_of(image, vlan);
  struct ps_key key = ps_key_of(family, destination);
  return ps_key_lookup(image, family == PS_FAMILY_V4 ? zone.service_v4 : zone.service_v6, &key, 0);
}

/* 1 and *found when the port (host order) is a service of that set, which is not 0. */
PS_INLINE int ps_service_in(struct ps_image* image, uint32_t number, uint16_t port,
                            struct ps_service* found) {
  const struct ps_snapshot_header* header = ps_image_header(image);
  const struct ps_service_set* set;
  uint32_t i;
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

/* 1 and *found when the destination is a service, else 0. port in host order. */
PS_INLINE int ps_service_of(struct ps_image* image, uint32_t vlan, enum ps_family family,
                            const struct ps_address* destination, uint16_t port,
                            struct ps_service* found) {
  uint32_t number = ps_service_set_of(image, vlan, family, destination);
  return number && ps_service_in(image, number, port, found);
}

/* The number of a cell of the matrix, plus 1; 0: outside the matrix. */
PS_INLINE uint32_t ps_cell_of(struct ps_image* image, uint32_t policy, uint32_t address_class) {
  const struct ps_snapshot_header* header = ps_image_header(image);
  if (!header || policy >= header->policy_count || address_class >= header->class_count) return 0;
  return policy * header->class_count + address_class + 1u;
}

/* The matrix cell. Outside the matrix: allow, no-rule. */
PS_INLINE struct ps_verdict ps_verdict_of(struct ps_image* image, uint32_t policy,
                                          uint32_t address_class) {
  struct ps_verdict verdict = {PS_ACTION_ALLOW, PS_REASON_NO_RULE, 0, 0, 0, 0, 0};
  const struct ps_snapshot_header* header;
  const struct ps_block* block;
  uint32_t cell = ps_cell_of(image, policy, address_class);
  if (!cell--) return verdict;
  header = ps_image_header(image);
  if (!header) return verdict;
  block = ps_block_at(image, header->matrix + (cell >> 3));
  if (block) verdict = ((const struct ps_verdict*)block)[cell & 7];
  return verdict;
}

/* What judges attempts from the inside by sources of this class; port 0: nothing. */
PS_INLINE struct ps_outbound ps_outbound_of(struct ps_image* image, uint32_t address_class) {
  struct ps_outbound outbound = {0, 0};
  const struct ps_snapshot_header* header = ps_image_header(image);
  const struct ps_block* block;
  if (!header || !header->outbound || address_class >= header->class_count) return outbound;
  block = ps_block_at(image, header->outbound + (address_class >> 4));
  if (block) outbound = ((const struct ps_outbound*)block)[address_class & 15];
  return outbound;
}

/* 1 and *found when there is a limit of that number, which is not 0. */
PS_INLINE int ps_limit_of(struct ps_image* image, uint32_t number, struct ps_limit* found) {
  const struct ps_snapshot_header* header;
  const struct ps_block* block;
  if (!number) return 0;
  header = ps_image_header(image);
  if (!header || number >= header->limit_count) return 0;
  block = ps_block_at(image, header->limits + (number >> 2));
  if (!block) return 0;
  *found = ((const struct ps_limit*)block)[number & 3];
  return 1;
}

#endif
