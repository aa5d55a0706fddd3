/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
 *
 * The Internet checksum (RFC 1071) over bytes that the core composed itself: a running sum of
 * 16-bit words in memory order, folded at the end. Byte order needs no care: the sum of swapped
 * words is the swapped sum.
 */
#ifndef POSTERN_DATAPLANE_CORE_CHECKSUM_H
#define POSTERN_DATAPLANE_CORE_CHECKSUM_H

#include "rules/abi/types.h"

/* bytes: an even constant, so that the loop unrolls. */
PS_INLINE uint32_t ps_checksum_add(uint32_t sum, const void* data, uint32_t bytes) {
  const uint8_t* at = (const uint8_t*)data;
  uint32_t i;
#ifdef __clang__
#pragma clang loop unroll(full)
#endif
  for (i = 0; i < bytes; i += 2) {
    uint16_t word;
    __builtin_memcpy(&word, at + i, 2);
    sum += word;
  }
  return sum;
}

PS_INLINE ps_be16 ps_checksum_of(uint32_t sum) {
  ps_be16 checksum;
  sum = (sum & 0xffffu) + (sum >> 16);
  sum = (sum & 0xffffu) + (sum >> 16);
  checksum.raw = (uint16_t)~sum;
  return checksum;
}

#endif
