/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
 *
 * A refused SMTP session, without a byte of memory for it: each segment is answered from what it
 * says itself. The attempt is answered by a SYN-ACK with a cookie; after that the sequence number
 * of a reply is what the segment acknowledges, and its acknowledgement is what the segment ends
 * with.
 *
 *   SYN                         SYN-ACK, the cookie
 *   ACK of the cookie           220 NAME, or under `refuse greeting` the refusal itself
 *   HELO, EHLO                  250 NAME, unless the greeting has refused already
 *   other data                  the refusal: 554 5.7.1 ...
 *   data that begins with QUIT,
 *   FIN                         FIN
 *   anything else               nothing
 *
 * What we say is not sent again by itself: a client that lost it repeats its command, and is
 * answered again; one that lost the greeting waits for it until its own patience ends. A session
 * ends for us when we have said what the cookie has room for (2,047 bytes), or its key is no longer
 * accepted: its segments pass then, and the mail exchanger, who does not know it, resets it.
 */
#ifndef POSTERN_DATAPLANE_CORE_REFUSAL_H
#define POSTERN_DATAPLANE_CORE_REFUSAL_H

#include "dataplane/core/cookie.h"
#include "dataplane/core/reply.h"

/* Whether a segment's text begins with these four letters (as a big-endian number), in any case. */
PS_INLINE int ps_says(const struct ps_packet* packet, uint32_t letters) {
  return PS_SWAP32(packet->payload_head & 0xdfdfdfdfu) == letters;
}
#define PS_VERB_QUIT 0x51554954u
#define PS_VERB_HELO 0x48454c4fu
#define PS_VERB_EHLO 0x45484c4fu

PS_INLINE struct ps_answer ps_refuse_attempt(const struct ps_cookie_keys* cookies,
                                             const struct ps_packet* attempt) {
  /* Data of a fast open (RFC 7413) is not taken: the client sends it again. */
  struct ps_answer answer = {ps_cookie_make(cookies, attempt), ps_be32_host(attempt->sequence) + 1u,
                             PS_TCP_SYN | PS_TCP_ACK, 0, 0};
  return answer;
}

/* A segment that acknowledges a cookie, `said` bytes of ours behind it: the reason that it is
 * counted under, and what is to be sent. text: the refusal. greeting: what goes before it, 0 none;
 * the text behind it is the answer to HELO. */
PS_INLINE enum ps_reason ps_refuse_segment(const struct ps_packet* packet, uint32_t said,
                                           uint16_t text, uint16_t greeting,
                                           struct ps_answer* answer) {
  answer->sequence = ps_be32_host(packet->acknowledgement);
  answer->acknowledgement = ps_sequence_behind(packet);
  answer->flags = 0;
  answer->text = 0;
  if (packet->tcp_flags & (PS_TCP_RST | PS_TCP_SYN)) return PS_REASON_REFUSAL_QUIET;
  if ((packet->tcp_flags & PS_TCP_FIN) || ps_says(packet, PS_VERB_QUIT)) {
    answer->flags = PS_TCP_FIN | PS_TCP_ACK;
    return PS_REASON_REFUSAL_END;
  }
  if (packet->payload_bytes == 0 && said != 0) return PS_REASON_REFUSAL_QUIET;
  answer->flags = PS_TCP_PSH | PS_TCP_ACK;
  if (packet->payload_bytes == 0) {
    answer->text = greeting ? greeting : text;
    return PS_REASON_REFUSAL_GREETING;
  }
  /* A client that may not even introduce itself takes that for a fault of the network
   * (OpenSMTPD 6.8 does), and tells nobody why. */
  if (greeting && (ps_says(packet, PS_VERB_EHLO) || ps_says(packet, PS_VERB_HELO))) {
    answer->text = (uint16_t)(greeting + 1u);
    return PS_REASON_REFUSAL_GREETING;
  }
  answer->text = text;
  return PS_REASON_REFUSAL_TEXT;
}

#endif
