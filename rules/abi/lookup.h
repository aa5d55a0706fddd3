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

PS_INLINE uint32_t ps_word_at(struct ps_image* image, uint32_t first_block, uint32_t index) {
  const struct ps_block* block = ps_block_at(image, first_block + (index >> 4));
  return block ? block->words[index & 15] : 0;
}

/* BPF has no population count; this is the usual tree of adds. */
PS_INLINE uint32_t ps_popcount(uint64_t x) {
#ifdef __bpf__
  x = x - ((x >> 1) & 0x5555555555555555ull);
  x = (x & 0x3333333333333333ull) + ((x >> 2) & 0x3333333333333333ull);
  x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0full;
  return (uint32_t)((x * 0x0101010101010101ull) >> 56);
#else
  return (uint32_t)__builtin_popcountll(x);
#endif
}

/* One step: the slot that child `byte` of the node in `block` leads to. */
PS_INLINE uint32_t ps_node_step(struct ps_image* image, uint32_t block, uint8_t byte) {
  const struct ps_node* node = (const struct ps_node*)ps_block_at(image, block);
  uint32_t word = byte >> 6, run;
  if (!node) return 0;
  /* The bits up to and including `byte`, counted, less one: the run it is in. */
  run = node->before[word] + ps_popcount(node->starts[word] << (63u - (byte & 63u))) - 1u;
  if (node->runs > PS_NODE_INLINE) return ps_word_at(image, node->values[0], run & 255u);
  return run < PS_NODE_INLINE ? node->values[run] : 0;
}

/* The value for an address, whose first two bytes index the root. bytes: 4 or 16. */
PS_INLINE uint32_t ps_trie_lookup(struct ps_image* image, uint32_t root,
                                  const struct ps_address* address, uint32_t bytes) {
  uint32_t slot, i;
  slot = ps_word_at(image, root, ((uint32_t)address->bytes[0] << 8) | address->bytes[1]);
  for (i = 2; i < 16; i++) {
    if (i >= bytes || !(slot & PS_SLOT_NODE)) break;
    slot = ps_node_step(image, slot & ~PS_SLOT_NODE, address->bytes[i]);
  }
  return slot & PS_SLOT_NODE ? 0 : slot;
}

/* The header lies in block 0 of every image. Null when there is none. */
PS_INLINE const struct ps_snapshot_header* ps_image_header(struct ps_image* image) {
  return (const struct ps_snapshot_header*)ps_block_at(image, 0);
}

PS_INLINE uint32_t ps_class_of(struct ps_image* image, enum ps_family family,
                               const struct ps_address* source) {
  const struct ps_snapshot_header* header = ps_image_header(image);
  if (!header) return 0;
  if (family == PS_FAMILY_V4) return ps_trie_lookup(image, header->source_v4_root, source, 4);
  return ps_trie_lookup(image, header->source_v6_root, source, 16);
}

/* 1 and *found when the destination is a service, else 0. port in host order. */
PS_INLINE int ps_service_of(struct ps_image* image, enum ps_family family,
                            const struct ps_address* destination, uint16_t port,
                            struct ps_service* found) {
  const struct ps_snapshot_header* header = ps_image_header(image);
  const struct ps_service_set* set;
  uint32_t number, i;
  if (!header) return 0;
  if (family == PS_FAMILY_V4)
    number = ps_trie_lookup(image, header->service_v4_root, destination, 4);
  else
    number = ps_trie_lookup(image, header->service_v6_root, destination, 16);
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
