/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
 *
 * Whether a segment came through whole: the checksums of its IPv4 header and of TCP (RFC 791,
 * RFC 9293 section 3.1, RFC 8200 section 8.1). Asked only of what is about to be answered: what
 * passes is verified by its receiver, and what is dropped need not be. A host whose checksums are
 * left to a card that is not there (veth, a virtual machine beside this one) is never answered.
 *
 * The pseudo-header has the destination that the IP header names. Behind an IPv6 routing header
 * with segments left that is not the final one, so such a segment does not count as whole.
 */
#ifndef POSTERN_DATAPLANE_CORE_INTACT_H
#define POSTERN_DATAPLANE_CORE_INTACT_H

#include "dataplane/core/reply.h"

#define PS_SUM_STEP 32u
#define PS_SUM_STEPS (PS_ANSWERED_BYTES / PS_SUM_STEP)

/* Where a frame's byte `offset` lies. A place that is worked out anew is the same to the kernel's
 * verifier whichever way led there; one that a loop arrived at is another after each round. */
PS_INLINE const uint8_t* ps_frame_at(const uint8_t* data, uint32_t offset) {
  PS_OPAQUE(offset);
  return data + PS_BELOW(offset, 32768u);
}

/* Adds `bytes` bytes of a frame from `offset` on, at most PS_ANSWERED_BYTES. 0 when they are not
 * all there. `end` is opaque in each round, as clang would compare with the byte behind it, which
 * the kernel's verifier does not allow. */
PS_INLINE int ps_frame_sum(const uint8_t* data, const uint8_t* end, uint32_t offset, uint32_t bytes,
                           uint64_t* sum) {
  const uint8_t* at = ps_frame_at(data, offset);
  uint32_t i, word, steps, words, rest;
  if (bytes > PS_ANSWERED_BYTES) return 0;
  /* Numbers of which the compiler does not know how small they are, or it would leave away the
   * constant bounds of the loops, by which the verifier of 6.1 sees that they end. */
  steps = bytes / PS_SUM_STEP;
  words = bytes % PS_SUM_STEP / 4;
  rest = bytes % 4;
  steps = PS_BELOW(steps, 4 * PS_SUM_STEPS);
  words = PS_BELOW(words, PS_SUM_STEP);
  rest = PS_BELOW(rest, 16);
#ifdef __bpf__
#pragma clang loop unroll(disable)
#endif
  for (i = 0; i < PS_SUM_STEPS && i < steps; i++) {
    PS_OPAQUE(end);
    if (!PS_FITS(at, end, PS_SUM_STEP)) return 0;
    for (word = 0; word < PS_SUM_STEP; word += 4) *sum += *(const ps_word_on_wire*)(at + word);
    at += PS_SUM_STEP;
  }
  at = ps_frame_at(data, offset + bytes / PS_SUM_STEP * PS_SUM_STEP);
#ifdef __bpf__
#pragma clang loop unroll(disable)
#endif
  for (i = 0; i < PS_SUM_STEP / 4 && i < words; i++) {
    PS_OPAQUE(end);
    if (!PS_FITS(at, end, 4)) return 0;
    *sum += *(const ps_word_on_wire*)at;
    at += 4;
  }
  at = ps_frame_at(data, offset + bytes / 4 * 4);
  /* What is left, with zeros behind it, as a number in memory order. */
  for (i = 0; i < 3 && i < rest; i++) {
    PS_OPAQUE(end);
    if (!PS_FITS(at, end, 1)) return 0;
    *sum += PS_SWAP32((uint32_t)*at << (24 - 8 * i));
    at++;
  }
  return 1;
}

/* Whether a sum of 32-bit words is all ones in 16 bits, as it is with a right checksum in it. */
PS_INLINE int ps_sum_holds(uint64_t sum) {
  sum = (sum & 0xffffffffu) + (sum >> 32);
  sum = (sum & 0xffffu) + (sum >> 16 & 0xffffu) + (sum >> 32);
  sum = (sum & 0xffffu) + (sum >> 16);
  sum = (sum & 0xffffu) + (sum >> 16);
  return sum == 0xffffu;
}

/* data..end: the frame that *packet was parsed from, as it came. */
PS_INLINE int ps_is_intact(const uint8_t* data, const uint8_t* end,
                           const struct ps_packet* packet) {
  uint32_t l3 = packet->l3_offset, l4 = packet->l4_offset;
  uint64_t sum = 0;
  if (packet->family == PS_FAMILY_V4) {
    if (!ps_frame_sum(data, end, l3, l4 - l3, &sum) || !ps_sum_holds(sum)) return 0;
  }
  sum = ps_pseudo_sum(packet, packet->segment_bytes);
  return ps_frame_sum(data, end, l4, packet->segment_bytes, &sum) && ps_sum_holds(sum);
}

#endif
