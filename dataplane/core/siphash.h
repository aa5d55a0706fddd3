/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
 *
 * SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012) of a few 64-bit
 * words: a hash that nobody without the key can foresee. Only whole words are hashed, which is all
 * that the core has; the result is that of the reference on their little-endian bytes.
 */
#ifndef POSTERN_DATAPLANE_CORE_SIPHASH_H
#define POSTERN_DATAPLANE_CORE_SIPHASH_H

#include "rules/abi/types.h"

struct ps_siphash_key {
  uint64_t words[2];
};

struct ps_siphash_state {
  uint64_t v0, v1, v2, v3;
};

PS_INLINE uint64_t ps_rotate64(uint64_t x, uint32_t bits) {
  return x << bits | x >> (64u - bits);
}

PS_INLINE void ps_siphash_round(struct ps_siphash_state* s) {
  s->v0 += s->v1;
  s->v1 = ps_rotate64(s->v1, 13) ^ s->v0;
  s->v0 = ps_rotate64(s->v0, 32);
  s->v2 += s->v3;
  s->v3 = ps_rotate64(s->v3, 16) ^ s->v2;
  s->v0 += s->v3;
  s->v3 = ps_rotate64(s->v3, 21) ^ s->v0;
  s->v2 += s->v1;
  s->v1 = ps_rotate64(s->v1, 17) ^ s->v2;
  s->v2 = ps_rotate64(s->v2, 32);
}

PS_INLINE void ps_siphash_word(struct ps_siphash_state* s, uint64_t word) {
  s->v3 ^= word;
  ps_siphash_round(s);
  ps_siphash_round(s);
  s->v0 ^= word;
}

/* count: a constant below 32. */
PS_INLINE uint64_t ps_siphash(const struct ps_siphash_key* key, const uint64_t* words,
                              uint32_t count) {
  uint64_t k0 = key->words[0], k1 = key->words[1];
  struct ps_siphash_state s = {k0 ^ 0x736f6d6570736575ull, k1 ^ 0x646f72616e646f6dull,
                               k0 ^ 0x6c7967656e657261ull, k1 ^ 0x7465646279746573ull};
  uint32_t i;
#ifdef __bpf__
#pragma clang loop unroll(full)
#endif
  for (i = 0; i < count; i++) ps_siphash_word(&s, words[i]);
  ps_siphash_word(&s, (uint64_t)(count * 8u) << 56); /* the length in bytes */
  s.v2 ^= 0xff;
  ps_siphash_round(&s);
  ps_siphash_round(&s);
  ps_siphash_round(&s);
  ps_siphash_round(&s);
  return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

#endif
