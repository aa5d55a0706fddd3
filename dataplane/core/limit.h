/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
 *
 * How often each source may attempt: the generic cell rate algorithm (ITU-T I.371, Annex A) with
 * one 64-bit time per source and service, the theoretical arrival time: when, at the full rate, the
 * attempts so far would have come. An attempt is within the limit if that time is no further ahead
 * of now than a burst takes, and moves it on by one interval.
 *
 * The table is set-associative and shared by all workers or CPUs, who change it by compare-and-swap
 * alone. A slot whose time has passed says nothing any more and is free to take. When a bucket has
 * no free slot, attempts of further sources pass, counted: a flood of addresses cannot make it
 * grow, nor stop anybody else. Two races are accepted, as both err by one attempt: a slot may be
 * taken just as its former source comes back (its attempt is then counted to the new source), and
 * of a source that races with itself for a slot that it cannot get, one attempt passes as if full.
 */
#ifndef POSTERN_DATAPLANE_CORE_LIMIT_H
#define POSTERN_DATAPLANE_CORE_LIMIT_H

#include "rules/abi/snapshot_format.h"

struct ps_limit_slot {
  uint64_t key;        /* keyed hash of source and service */
  uint64_t arrival_ns; /* CLOCK_MONOTONIC; not after now: free */
};

#define PS_LIMIT_WAYS 8u
struct ps_limit_bucket {
  struct ps_limit_slot slots[PS_LIMIT_WAYS];
} __attribute__((aligned(64)));

/* Which table it is: one outlives the process that made it. Another number whenever the structures
 * here or the key change their meaning. */
#define PS_LIMIT_LAYOUT 0x50734c01u

/* Bucket 0 is this header; buckets 1..(1 << buckets_log2) hold slots. */
struct ps_limit_header {
  uint64_t seed[2];      /* keys the hash, so that a sender cannot choose its bucket */
  uint32_t buckets_log2; /* 0..27 */
  uint32_t in_use;       /* 0: no table; PS_LIMIT_LAYOUT where another process may come upon it */
  uint64_t reserved[13];
} __attribute__((aligned(64)));

#ifdef __cplusplus
static_assert(sizeof(struct ps_limit_bucket) == 128);
static_assert(sizeof(struct ps_limit_header) == sizeof(struct ps_limit_bucket));
#endif

#ifdef __bpf__
/* The map is the global ARRAY map of the program. */
struct ps_limits {
  void* map;
};
PS_INLINE struct ps_limit_bucket* ps_limit_bucket_at(const struct ps_limits* table,
                                                     uint32_t bucket) {
  return (struct ps_limit_bucket*)bpf_map_lookup_elem(table->map, &bucket);
}
#define PS_SWAP_IF(p, expected, desired) (__sync_val_compare_and_swap((p), (expected), (desired)))
#define PS_LOAD(p) (*(const volatile __typeof__(*(p))*)(p))
#else
struct ps_limits {
  struct ps_limit_bucket* buckets; /* header first */
  uint32_t count;                  /* with the header */
};
PS_INLINE struct ps_limit_bucket* ps_limit_bucket_at(const struct ps_limits* table,
                                                     uint32_t bucket) {
  return bucket < table->count ? &table->buckets[bucket] : 0;
}
#define PS_SWAP_IF(p, expected, desired) (__sync_val_compare_and_swap((p), (expected), (desired)))
#define PS_LOAD(p) __atomic_load_n((p), __ATOMIC_RELAXED)
#endif

enum ps_limit_result { PS_LIMIT_WITHIN, PS_LIMIT_OVER, PS_LIMIT_FULL };

/* A keyed mixture of a source (an IPv4 address, or an IPv6 /64) and a service's number. */
PS_INLINE uint64_t ps_limit_key(const struct ps_limit_header* header, enum ps_family family,
                                const struct ps_address* source, uint32_t service) {
  uint64_t x;
  __builtin_memcpy(&x, source->bytes, 8); /* an IPv4 address has zeros behind it */
  x = (x ^ header->seed[0]) * 0x9e3779b97f4a7c15ull;
  x ^= x >> 32;
  x = (x ^ header->seed[1] ^ ((uint64_t)service << 8 | family)) * 0xd6e8feb86659fd93ull;
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93ull;
  return x ^ x >> 29;
}

/* Moves the slot's time on by one attempt. */
PS_INLINE enum ps_limit_result ps_limit_charge(struct ps_limit_slot* slot,
                                               const struct ps_limit* limit, uint64_t now_ns) {
  uint64_t ahead = (limit->burst - 1u) * limit->interval_ns;
  uint32_t attempt;
  for (attempt = 0; attempt < 4; attempt++) {
    uint64_t before = PS_LOAD(&slot->arrival_ns);
    uint64_t from = before > now_ns ? before : now_ns;
    if (from - now_ns > ahead) return PS_LIMIT_OVER;
    if (PS_SWAP_IF(&slot->arrival_ns, before, from + limit->interval_ns) == before)
      return PS_LIMIT_WITHIN;
  }
  return PS_LIMIT_FULL;
}

/* One attempt of a source on a service. now_ns: CLOCK_MONOTONIC. */
PS_INLINE enum ps_limit_result ps_limit_take(const struct ps_limits* table,
                                             const struct ps_limit* limit, enum ps_family family,
                                             const struct ps_address* source, uint32_t service,
                                             uint64_t now_ns) {
  const struct ps_limit_header* header =
      (const struct ps_limit_header*)ps_limit_bucket_at(table, 0);
  struct ps_limit_bucket* bucket;
  uint64_t key;
  uint32_t attempt, i;
  if (!header || !header->in_use) return PS_LIMIT_FULL;
  key = ps_limit_key(header, family, source, service);
  bucket = ps_limit_bucket_at(table, 1u + (uint32_t)(key & ((1ull << header->buckets_log2) - 1)));
  if (!bucket) return PS_LIMIT_FULL;
  for (attempt = 0; attempt < 2; attempt++) {
    uint32_t mine = PS_LIMIT_WAYS, vacant = PS_LIMIT_WAYS;
    uint64_t former = 0;
    for (i = 0; i < PS_LIMIT_WAYS; i++) {
      uint64_t held = PS_LOAD(&bucket->slots[i].key);
      if (held == key) mine = i;
      if (vacant == PS_LIMIT_WAYS && PS_LOAD(&bucket->slots[i].arrival_ns) <= now_ns) {
        vacant = i;
        former = held;
      }
    }
    if (mine == PS_LIMIT_WAYS) {
      if (vacant == PS_LIMIT_WAYS) return PS_LIMIT_FULL;
      if (PS_SWAP_IF(&bucket->slots[vacant & (PS_LIMIT_WAYS - 1)].key, former, key) != former)
        continue; /* somebody was faster, perhaps for the same source */
      mine = vacant;
    }
    return ps_limit_charge(&bucket->slots[mine & (PS_LIMIT_WAYS - 1)], limit, now_ns);
  }
  return PS_LIMIT_FULL;
}

#endif
