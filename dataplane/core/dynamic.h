/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
 *
 * Dynamic entries: what the operator or control taught an engine about a source, until a time. A
 * set-associative hash table with one writer (dataplane/engine/dynamic_table.h) and any number of
 * readers, who take no lock: every entry carries a sequence that is odd while it is being written,
 * and a reader who sees it odd or changed takes the entry as absent. The layout is one array of
 * 256-byte buckets, so that the same memory is a BPF ARRAY map, a shared mapping or plain memory.
 *
 * Bounded: when the bucket of a new entry is full, the one expiring first makes room, counted by
 * the writer. An empty table costs one load: its gate says which prefix lengths are present at all.
 * Readers rely on loads not being reordered with other loads, as on x86-64; C readers use acquire
 * loads and need no such promise.
 */
#ifndef POSTERN_DATAPLANE_CORE_DYNAMIC_H
#define POSTERN_DATAPLANE_CORE_DYNAMIC_H

#include "rules/abi/verdict.h"

/* The prefix lengths that an entry may have, longest of each family first: the first hit decides.
 * X(NAME, family, length) */
#define PS_DYNAMIC_KINDS(X) \
  X(V4_32, 4, 32) X(V4_24, 4, 24) X(V6_128, 6, 128) X(V6_64, 6, 64) X(V6_56, 6, 56) X(V6_48, 6, 48)

enum ps_dynamic_kind {
#define PS_X(name, family, length) PS_DYNAMIC_##name,
  PS_DYNAMIC_KINDS(PS_X)
#undef PS_X
      PS_DYNAMIC_KIND_COUNT
};

struct ps_dynamic_entry {
  uint64_t high, low;  /* the prefix's bytes as two words loaded from memory, host bits zero */
  uint64_t expires_ns; /* CLOCK_MONOTONIC; at or after it the entry is absent. 0: slot is free */
  uint32_t sequence;   /* odd while being written */
  uint8_t kind;        /* enum ps_dynamic_kind */
  uint8_t action;      /* enum ps_action */
  uint8_t learned;     /* 1: by a program; 0: somebody decided it. For the writer alone */
  uint8_t reserved;
};

#define PS_DYNAMIC_WAYS 8u
struct ps_dynamic_bucket {
  struct ps_dynamic_entry entries[PS_DYNAMIC_WAYS];
} __attribute__((aligned(64)));

/* What a packet looks at first; while it is closed the table costs nothing else. */
struct ps_dynamic_gate {
  uint32_t kinds;   /* bit k: entries of kind k may be present */
  uint32_t refuses; /* 1: an entry with action refuse may be present */
};

/* Says that a table is there, and which: a table outlives the process that wrote it. Another number
 * whenever the structures here, the kinds, the actions' numbers or the hash change their meaning.
 */
#define PS_DYNAMIC_LAYOUT 0x50734401u

/* Bucket 0 is this header; buckets 1..(1 << buckets_log2) hold entries. */
struct ps_dynamic_header {
  struct ps_dynamic_gate gate;
  uint64_t seed; /* keys the hash, so that a sender cannot choose its bucket */
  uint32_t buckets_log2;
  uint32_t layout; /* PS_DYNAMIC_LAYOUT; anything else: no table, or another version's */
  uint64_t reserved[29];
} __attribute__((aligned(64)));

#ifdef __cplusplus
static_assert(sizeof(struct ps_dynamic_entry) == 32);
static_assert(sizeof(struct ps_dynamic_bucket) == 256);
static_assert(sizeof(struct ps_dynamic_header) == sizeof(struct ps_dynamic_bucket));
#endif

/* Keep the first `length` bits of an address that was loaded as two words of network-order bytes.
 */
PS_INLINE uint64_t ps_dynamic_mask(uint32_t length) { /* length 0..64, as it lies in memory */
  uint64_t host = length == 0 ? 0 : ~0ull << (64u - length);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  return __builtin_bswap64(host);
#else
  return host;
#endif
}

PS_INLINE uint32_t ps_dynamic_bucket_of(const struct ps_dynamic_header* header, uint64_t high,
                                        uint64_t low, uint32_t kind) {
  uint64_t x = header->seed ^ high ^ ((uint64_t)kind << 56);
  x *= 0x9e3779b97f4a7c15ull;
  x ^= x >> 32;
  x = (x ^ low) * 0xd6e8feb86659fd93ull;
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93ull;
  x ^= x >> 29;
  return 1u + (uint32_t)(x & ((1ull << header->buckets_log2) - 1));
}

#ifdef __bpf__
/* The map is the global ARRAY map of the program. */
struct ps_dynamic {
  void* map;
  const struct ps_dynamic_gate* gate; /* a copy of the header's, which needs no look-up */
};
PS_INLINE const struct ps_dynamic_bucket* ps_dynamic_at(const struct ps_dynamic* table,
                                                        uint32_t bucket) {
  return (const struct ps_dynamic_bucket*)bpf_map_lookup_elem(table->map, &bucket);
}
#define PS_LOAD_ACQUIRE(p) (*(const volatile __typeof__(*(p))*)(p))
#else
struct ps_dynamic {
  const struct ps_dynamic_bucket* buckets; /* header first */
  uint32_t count;                          /* with the header */
  const struct ps_dynamic_gate* gate;      /* the header's, or null for no table */
};
PS_INLINE const struct ps_dynamic_bucket* ps_dynamic_at(const struct ps_dynamic* table,
                                                        uint32_t bucket) {
  return bucket < table->count ? &table->buckets[bucket] : 0;
}
#define PS_LOAD_ACQUIRE(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)

/* A table in this process's memory. count: of buckets, with the header. */
PS_INLINE struct ps_dynamic ps_dynamic_of(const struct ps_dynamic_bucket* buckets, uint32_t count) {
  struct ps_dynamic table = {buckets, count, &((const struct ps_dynamic_header*)buckets)->gate};
  return table;
}
#endif

/* Whether there may be entries at all: if not, no clock is needed. */
PS_INLINE int ps_dynamic_in_use(const struct ps_dynamic* table) {
  return table->gate && PS_LOAD_ACQUIRE(&table->gate->kinds) != 0;
}

/* Whether there may be entries that refuse, whose sources' other segments are to be answered. */
PS_INLINE int ps_dynamic_refuses(const struct ps_dynamic* table) {
  return table->gate && PS_LOAD_ACQUIRE(&table->gate->refuses) != 0;
}

/* enum ps_action of a live entry of this very kind and prefix, or -1. */
PS_INLINE int ps_dynamic_find(const struct ps_dynamic* table, uint32_t bucket_number, uint64_t high,
                              uint64_t low, uint32_t kind, uint64_t now_ns) {
  const struct ps_dynamic_bucket* bucket = ps_dynamic_at(table, bucket_number);
  uint32_t i;
  if (!bucket) return -1;
  for (i = 0; i < PS_DYNAMIC_WAYS; i++) {
    const struct ps_dynamic_entry* entry = &bucket->entries[i];
    uint32_t before = PS_LOAD_ACQUIRE(&entry->sequence), after;
    uint64_t entry_high = PS_LOAD_ACQUIRE(&entry->high);
    uint64_t entry_low = PS_LOAD_ACQUIRE(&entry->low);
    uint64_t expires = PS_LOAD_ACQUIRE(&entry->expires_ns);
    uint8_t entry_kind = PS_LOAD_ACQUIRE(&entry->kind), action = PS_LOAD_ACQUIRE(&entry->action);
    after = PS_LOAD_ACQUIRE(&entry->sequence);
    if (entry_high == high && entry_low == low && entry_kind == kind && expires > now_ns &&
        before == after && !(before & 1u))
      return action;
  }
  return -1;
}

/* enum ps_action of the most specific live entry for a source, or -1 when there is none. */
PS_INLINE int ps_dynamic_action(const struct ps_dynamic* table, enum ps_family family,
                                const struct ps_address* source, uint64_t now_ns) {
  const struct ps_dynamic_header* header;
  uint64_t high, low;
  uint32_t kinds;
  int action;
  if (!table->gate || !(kinds = PS_LOAD_ACQUIRE(&table->gate->kinds))) return -1;
  header = (const struct ps_dynamic_header*)ps_dynamic_at(table, 0);
  if (!header) return -1;
  __builtin_memcpy(&high, source->bytes, 8);
  __builtin_memcpy(&low, source->bytes + 8, 8);
#define PS_X(name, of_family, length)                                                            \
  if (family == (enum ps_family)of_family && (kinds & (1u << PS_DYNAMIC_##name))) {              \
    uint64_t h = high & ps_dynamic_mask(length < 64 ? length##u : 64u);                          \
    uint64_t l = low & ps_dynamic_mask(length > 64 ? length##u - 64u : 0u);                      \
    action = ps_dynamic_find(table, ps_dynamic_bucket_of(header, h, l, PS_DYNAMIC_##name), h, l, \
                             PS_DYNAMIC_##name, now_ns);                                         \
    if (action >= 0) return action;                                                              \
  }
  PS_DYNAMIC_KINDS(PS_X)
#undef PS_X
  return -1;
}

#endif
