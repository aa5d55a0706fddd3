/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
 *
 * The cookie of a refused connection: the sequence number that our SYN-ACK begins with, in which
 * lies all that is remembered of the connection. A later segment acknowledges it, plus what we have
 * said since; whoever can do that has received our SYN-ACK, so its source address is not forged
 * (the idea of SYN cookies, Bernstein 1996; RFC 4987 section 3.6).
 *
 *   bits 31..13   keyed hash of addresses, ports and epoch
 *   bits 12..11   the epoch's lowest two bits: which key
 *   bits 10..0    0: room for the bytes that we say
 *
 * A guess is right once in half a million, and wins one line of SMTP. Keys change with the epoch;
 * those of the epoch before and the one after are accepted too, the latter because other nodes'
 * clocks may be ahead. The writer is dataplane/engine/cookie_secret.h.
 */
#ifndef POSTERN_DATAPLANE_CORE_COOKIE_H
#define POSTERN_DATAPLANE_CORE_COOKIE_H

#include "dataplane/core/parse.h"
#include "dataplane/core/siphash.h"

#define PS_COOKIE_EPOCH_SECONDS 300u
#define PS_COOKIE_KEYS 4u
#define PS_COOKIE_SAID_BITS 11u
#define PS_COOKIE_SAID_MASK ((1u << PS_COOKIE_SAID_BITS) - 1)
#define PS_COOKIE_HASH_SHIFT 13u

struct ps_cookie_keys {
  struct ps_siphash_key keys[PS_COOKIE_KEYS]; /* of epoch e at e mod 4 */
  uint32_t epoch;                             /* the one that cookies are made for */
  uint32_t accepted;                          /* bit k: keys[k] may be used */
};

/* The cookie of a segment's connection under the key at `slot`, its low bits 0. Hashed are its
 * source and destination (4 or 16 bytes each), the family's number, the destination's port and the
 * source's (as they lie in the segment), and three zeros. */
PS_INLINE uint32_t ps_cookie_under(const struct ps_cookie_keys* cookies, uint32_t slot,
                                   const struct ps_packet* packet) {
  uint64_t words[5];
  uint64_t hash, ports = (uint64_t)packet->source_port.raw << 16 | packet->destination_port.raw;
  const struct ps_siphash_key* key = &cookies->keys[slot & (PS_COOKIE_KEYS - 1)];
  __builtin_memcpy(&words[0], packet->source.bytes, 16);
  __builtin_memcpy(&words[2], packet->destination.bytes, 16);
  words[4] = ports << 8 | packet->family;
  if (packet->family == PS_FAMILY_V4) {
    uint64_t v4[2] = {words[2] << 32 | (words[0] & 0xffffffffu), words[4]};
    hash = ps_siphash(key, v4, 2);
  } else {
    hash = ps_siphash(key, words, 5);
  }
  return (uint32_t)hash << PS_COOKIE_HASH_SHIFT | slot << PS_COOKIE_SAID_BITS;
}

/* The sequence number of the SYN-ACK that answers this attempt. */
PS_INLINE uint32_t ps_cookie_make(const struct ps_cookie_keys* cookies,
                                  const struct ps_packet* attempt) {
  return ps_cookie_under(cookies, PS_READ_ONCE(cookies->epoch) & (PS_COOKIE_KEYS - 1), attempt);
}

/* How many bytes (a FIN is one) of ours this segment has received, or -1 when it does not
 * acknowledge a cookie of ours. */
PS_INLINE int ps_cookie_said(const struct ps_cookie_keys* cookies,
                             const struct ps_packet* segment) {
  uint32_t number = ps_be32_host(segment->acknowledgement) - 1u; /* our SYN is one */
  uint32_t slot = number >> PS_COOKIE_SAID_BITS & (PS_COOKIE_KEYS - 1);
  if (!(segment->tcp_flags & PS_TCP_ACK) || !(PS_READ_ONCE(cookies->accepted) >> slot & 1u))
    return -1;
  if (ps_cookie_under(cookies, slot, segment) != (number & ~PS_COOKIE_SAID_MASK)) return -1;
  return (int)(number & PS_COOKIE_SAID_MASK);
}

#endif
