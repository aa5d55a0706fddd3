/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
 *
 * Bytes of one Ethernet frame -> struct ps_packet, which exists only if every header up to and
 * including TCP's fixed part lies within the frame. Ethernet, up to two VLAN tags (802.1Q, 802.1ad),
 * IPv4 with options, IPv6 with a bounded walk over extension headers, TCP.
 */
#ifndef POSTERN_DATAPLANE_CORE_PARSE_H
#define POSTERN_DATAPLANE_CORE_PARSE_H

#include "rules/abi/verdict.h"

struct ps_packet {
  enum ps_family family;
  struct ps_address source, destination;
  ps_be16 source_port, destination_port;
  ps_be32 sequence, acknowledgement;
  uint8_t tcp_flags;    /* PS_TCP_* */
  uint8_t vlan_tags;    /* 0..2 */
  uint16_t l3_offset;   /* of the IP header, from the frame's first byte */
  uint16_t l4_offset;   /* of the TCP header */
  uint16_t payload_bytes; /* of the TCP segment */
};

#define PS_TCP_FIN 0x01u
#define PS_TCP_SYN 0x02u
#define PS_TCP_RST 0x04u
#define PS_TCP_ACK 0x10u

/* What ps_parse returns when *packet is complete: no reason of the vocabulary. */
#define PS_PARSED_TCP ((enum ps_reason)PS_REASON_COUNT)

/* A connection attempt: SYN without ACK and RST. */
PS_INLINE int ps_is_attempt(const struct ps_packet* packet) {
  return (packet->tcp_flags & (PS_TCP_SYN | PS_TCP_ACK | PS_TCP_RST)) == PS_TCP_SYN;
}

/* PS_PARSED_TCP, or the reason why there is no TCP header to judge. */
PS_INLINE enum ps_reason ps_parse(const uint8_t* data, const uint8_t* end,
                                  struct ps_packet* packet);

#endif
