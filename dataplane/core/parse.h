/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
 *
 * Bytes of one Ethernet frame -> struct ps_packet, which exists only if every header up to and
 * including TCP's fixed part lies within the frame. Ethernet, up to two VLAN tags (802.1Q,
 * 802.1ad), IPv4 with options, IPv6 with a bounded walk over extension headers, TCP.
 *
 * A frame may lie in several parts. Headers are read in the first, and have to be in it whole.
 *
 * What a receiver might reassemble into an attempt never passes half seen: a first fragment must
 * hold the whole TCP header (RFC 1858 and 3128 for IPv4, RFC 7112 for IPv6), and a TCP fragment at
 * offset 1, which could rewrite the flags, is stopped. Checksums are not verified: a segment whose
 * checksum is wrong dies in the receiver, and is not answered (dataplane/core/intact.h).
 */
#ifndef POSTERN_DATAPLANE_CORE_PARSE_H
#define POSTERN_DATAPLANE_CORE_PARSE_H

#include "dataplane/core/headers.h"
#include "rules/abi/verdict.h"

#define PS_MAX_VLAN_TAGS 2u
#define PS_MAX_EXTENSION_HEADERS 6u

struct ps_packet {
  enum ps_family family;
  struct ps_address source, destination;
  ps_be16 source_port, destination_port;
  ps_be32 sequence, acknowledgement;
  /* The VLAN identifiers of up to two tags, the outer one's in the high 16 bits. Tags of VLAN 0,
   * which carry a priority only, count as none; 0 without tags. */
  uint32_t vlan;
  uint8_t tcp_flags;      /* PS_TCP_* */
  uint8_t vlan_tags;      /* 0..2 */
  uint8_t link_group;     /* 1: one of the two MAC addresses is a group address */
  uint8_t fragment;       /* 1: the first of several fragments, whose header is whole */
  uint16_t l3_offset;     /* of the IP header, from the frame's first byte */
  uint16_t l4_offset;     /* of the TCP header */
  uint16_t payload_bytes; /* of the TCP segment, as far as it is in this frame */
  uint16_t segment_bytes; /* the same with TCP's header */
  uint32_t payload_head;  /* its first four bytes, as they lie there; 0 where there are fewer */
};

/* What ps_parse returns when *packet is complete: no reason of the vocabulary. */
#define PS_PARSED_TCP ((enum ps_reason)PS_REASON_COUNT)

/* A connection attempt: SYN without ACK and RST. */
PS_INLINE int ps_is_attempt(const struct ps_packet* packet) {
  return (packet->tcp_flags & (PS_TCP_SYN | PS_TCP_ACK | PS_TCP_RST)) == PS_TCP_SYN;
}

PS_INLINE int ps_is_extension(uint8_t next_header) {
  return next_header == PS_PROTOCOL_HOP_BY_HOP || next_header == PS_PROTOCOL_ROUTING ||
         next_header == PS_PROTOCOL_FRAGMENT || next_header == PS_PROTOCOL_AUTHENTICATION ||
         next_header == PS_PROTOCOL_DESTINATION_OPTIONS;
}

/* How many bytes of the frame there are from `at` on. */
PS_INLINE uint64_t ps_bytes_left(const uint8_t* at, const uint8_t* end, uint32_t beyond) {
  uint64_t here = (uint64_t)(end - at);
  __asm__ volatile("" : "+r"(here)); /* the kernel's verifier adds nothing to the end of a frame */
  return here + beyond;
}

/* at: the TCP header. left: bytes from there to the end of the IP packet, which lies in the frame.
 * fragment: 1 when this is the first fragment of several. */
PS_INLINE enum ps_reason ps_parse_tcp(const uint8_t* data, const uint8_t* at, const uint8_t* end,
                                      uint32_t left, int fragment, struct ps_packet* packet) {
  const struct ps_tcp_header* tcp = (const struct ps_tcp_header*)at;
  enum ps_reason too_short = fragment ? PS_REASON_SHORT_FIRST_FRAGMENT : PS_REASON_TRUNCATED_TCP;
  uint32_t header_bytes;
  if (left < PS_TCP_BYTES || !PS_FITS(at, end, PS_TCP_BYTES)) return too_short;
  header_bytes = (uint32_t)(tcp->data_offset >> 4) * 4u;
  if (header_bytes < PS_TCP_BYTES) return PS_REASON_TRUNCATED_TCP;
  if (header_bytes > left) return too_short;
  packet->source_port = tcp->source_port;
  packet->destination_port = tcp->destination_port;
  packet->sequence = tcp->sequence;
  packet->acknowledgement = tcp->acknowledgement;
  packet->tcp_flags = tcp->flags;
  packet->l4_offset = (uint16_t)(at - data);
  packet->fragment = (uint8_t)fragment;
  packet->segment_bytes = (uint16_t)left;
  packet->payload_bytes = (uint16_t)(left - header_bytes);
  if (packet->payload_bytes >= 4) {
    at += header_bytes;
    if (PS_FITS(at, end, 4)) packet->payload_head = *(const ps_word_on_wire*)at;
  }
  return PS_PARSED_TCP;
}

PS_INLINE enum ps_reason ps_parse_ipv4(const uint8_t* data, const uint8_t* at, const uint8_t* end,
                                       uint32_t beyond, struct ps_packet* packet) {
  const struct ps_ipv4_header* ip = (const struct ps_ipv4_header*)at;
  uint32_t header_bytes, total, fragment;
  if (!PS_FITS(at, end, PS_IPV4_BYTES)) return PS_REASON_BAD_IP_HEADER;
  header_bytes = (ip->version_length & 15u) * 4u;
  total = ps_be16_host(ip->total_length);
  /* What lies behind `total` is padding. */
  if (ip->version_length >> 4 != 4 || header_bytes < PS_IPV4_BYTES || total < header_bytes ||
      total > ps_bytes_left(at, end, beyond))
    return PS_REASON_BAD_IP_HEADER;
  if (ip->protocol != PS_PROTOCOL_TCP) return PS_REASON_NOT_TCP;
  fragment = ps_be16_host(ip->fragment);
  if ((fragment & PS_IPV4_FRAGMENT_OFFSET) == 1) return PS_REASON_OVERLAPPING_FRAGMENT;
  if (fragment & PS_IPV4_FRAGMENT_OFFSET) return PS_REASON_LATER_FRAGMENT;
  packet->family = PS_FAMILY_V4;
  __builtin_memcpy(packet->source.bytes, &ip->source, 4);
  __builtin_memcpy(packet->destination.bytes, &ip->destination, 4);
  return ps_parse_tcp(data, at + header_bytes, end, total - header_bytes,
                      (fragment & PS_IPV4_MORE_FRAGMENTS) != 0, packet);
}

PS_INLINE enum ps_reason ps_parse_ipv6(const uint8_t* data, const uint8_t* at, const uint8_t* end,
                                       uint32_t beyond, struct ps_packet* packet) {
  const struct ps_ipv6_header* ip = (const struct ps_ipv6_header*)at;
  uint32_t left, i;
  uint8_t next;
  int fragment = 0;
  if (!PS_FITS(at, end, PS_IPV6_BYTES)) return PS_REASON_BAD_IP_HEADER;
  left = ps_be16_host(ip->payload_length);
  next = ip->next_header;
  packet->family = PS_FAMILY_V6;
  __builtin_memcpy(packet->source.bytes, ip->source, 16);
  __builtin_memcpy(packet->destination.bytes, ip->destination, 16);
  if (at[0] >> 4 != 6) return PS_REASON_BAD_IP_HEADER;
  at += PS_IPV6_BYTES;
  if (left > ps_bytes_left(at, end, beyond)) return PS_REASON_BAD_IP_HEADER;
  for (i = 0; i < PS_MAX_EXTENSION_HEADERS; i++) {
    const struct ps_extension_header* extension = (const struct ps_extension_header*)at;
    enum ps_reason too_short = fragment ? PS_REASON_SHORT_FIRST_FRAGMENT : PS_REASON_BAD_IP_HEADER;
    uint32_t bytes, offset;
    uint8_t after;
    if (!ps_is_extension(next)) break;
    if (left < PS_EXTENSION_BYTES || !PS_FITS(at, end, PS_EXTENSION_BYTES)) return too_short;
    after = extension->next_header;
    if (next == PS_PROTOCOL_FRAGMENT) {
      uint32_t rest = ps_be16_host(extension->rest);
      offset = rest >> PS_IPV6_FRAGMENT_OFFSET_SHIFT;
      if (offset == 1 && after == PS_PROTOCOL_TCP) return PS_REASON_OVERLAPPING_FRAGMENT;
      if (offset)
        return after == PS_PROTOCOL_TCP || ps_is_extension(after) ? PS_REASON_LATER_FRAGMENT
                                                                  : PS_REASON_NOT_TCP;
      /* Offset 0 and no more: an atomic fragment (RFC 6946), whole in itself. */
      if (rest & PS_IPV6_MORE_FRAGMENTS) fragment = 1;
      bytes = PS_EXTENSION_BYTES;
    } else if (next == PS_PROTOCOL_AUTHENTICATION) {
      bytes = (extension->length + 2u) * 4u;
    } else {
      bytes = (extension->length + 1u) * 8u;
    }
    if (bytes > left) return too_short;
    at += bytes;
    left -= bytes;
    next = after;
  }
  if (ps_is_extension(next)) return PS_REASON_DEEP_HEADERS;
  if (next != PS_PROTOCOL_TCP) return PS_REASON_NOT_TCP;
  return ps_parse_tcp(data, at, end, left, fragment, packet);
}

/* PS_PARSED_TCP, or the reason why there is no TCP header to judge. data..end: the frame, or its
 * first part, with so many bytes of it `beyond`. data <= end; *packet holds only copies and
 * offsets, so it outlives the bytes. */
PS_INLINE enum ps_reason ps_parse_part(const uint8_t* data, const uint8_t* end, uint32_t beyond,
                                       struct ps_packet* packet) {
  const struct ps_ethernet_header* ethernet = (const struct ps_ethernet_header*)data;
  const uint8_t* at = data;
  uint32_t ether_type, tags, vlan = 0;
  __builtin_memset(packet, 0, sizeof(*packet));
  if (!PS_FITS(at, end, PS_ETHERNET_BYTES)) return PS_REASON_TRUNCATED_ETHERNET;
  packet->link_group = (ethernet->destination[0] | ethernet->source[0]) & 1u;
  ether_type = ps_be16_host(ethernet->ether_type);
  at += PS_ETHERNET_BYTES;
  for (tags = 0; tags < PS_MAX_VLAN_TAGS; tags++) {
    if (ether_type != PS_ETHER_VLAN && ether_type != PS_ETHER_SERVICE) break;
    if (!PS_FITS(at, end, PS_VLAN_BYTES)) return PS_REASON_TRUNCATED_ETHERNET;
    ether_type = ps_be16_host(((const struct ps_vlan_header*)at)->ether_type);
    vlan |= (ps_be16_host(((const struct ps_vlan_header*)at)->control) & PS_VLAN_IDENTIFIER)
            << (vlan ? 0 : 16); /* a tag of VLAN 0 has a priority only */
    at += PS_VLAN_BYTES;
  }
  packet->vlan = vlan;
  packet->vlan_tags = (uint8_t)tags;
  packet->l3_offset = (uint16_t)(PS_ETHERNET_BYTES + tags * PS_VLAN_BYTES);
  /* Read back, so that the kernel's verifier follows the rest once, and not once for each number of
   * tags. */
  at = data + (PS_READ_ONCE(packet->l3_offset) & 31u);
  switch (ether_type) {
    case PS_ETHER_IPV4:
      return ps_parse_ipv4(data, at, end, beyond, packet);
    case PS_ETHER_IPV6:
      return ps_parse_ipv6(data, at, end, beyond, packet);
    case PS_ETHER_VLAN:
    case PS_ETHER_SERVICE:
    case PS_ETHER_MPLS:
    case PS_ETHER_MPLS_UPSTREAM:
    case PS_ETHER_PPPOE_DISCOVERY:
    case PS_ETHER_PPPOE_SESSION:
      return PS_REASON_ENCAPSULATED;
    default:
      return PS_REASON_NOT_IP;
  }
}

/* A frame that lies in one part. */
PS_INLINE enum ps_reason ps_parse(const uint8_t* data, const uint8_t* end,
                                  struct ps_packet* packet) {
  return ps_parse_part(data, end, 0, packet);
}

#endif
