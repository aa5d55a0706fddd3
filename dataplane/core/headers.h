/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
 *
 * The headers that Postern reads and writes, as they lie in a frame: IEEE 802.3 and 802.1Q, IPv4
 * (RFC 791), IPv6 and its extension headers (RFC 8200), TCP (RFC 9293). All fields are in network
 * byte order and typed so. A pointer to one of these may point anywhere: outside BPF the types have
 * no alignment; BPF loads may be unaligned on every machine whose kernel takes native XDP, and
 * clang would otherwise fetch each field byte by byte.
 */
#ifndef POSTERN_DATAPLANE_CORE_HEADERS_H
#define POSTERN_DATAPLANE_CORE_HEADERS_H

#include "rules/abi/types.h"

#ifdef __bpf__
#define PS_ON_WIRE
#else
#define PS_ON_WIRE __attribute__((packed))
#endif

#ifdef __bpf__
typedef uint32_t ps_word_on_wire;
#else
typedef uint32_t ps_word_on_wire __attribute__((aligned(1)));
#endif

struct ps_ethernet_header {
  uint8_t destination[6];
  uint8_t source[6];
  ps_be16 ether_type;
} PS_ON_WIRE;

/* What follows the EtherType of a tag: the tag's value, then the next EtherType. */
struct ps_vlan_header {
  ps_be16 control;
  ps_be16 ether_type;
} PS_ON_WIRE;

#define PS_VLAN_IDENTIFIER 0xfffu /* of `control` */

#define PS_ETHER_IPV4 0x0800u
#define PS_ETHER_IPV6 0x86ddu
#define PS_ETHER_VLAN 0x8100u    /* IEEE 802.1Q */
#define PS_ETHER_SERVICE 0x88a8u /* IEEE 802.1ad */
#define PS_ETHER_MPLS 0x8847u
#define PS_ETHER_MPLS_UPSTREAM 0x8848u
#define PS_ETHER_PPPOE_DISCOVERY 0x8863u
#define PS_ETHER_PPPOE_SESSION 0x8864u

struct ps_ipv4_header {
  uint8_t version_length; /* 4 in the high half; the header's length in 32-bit words below */
  uint8_t service;
  ps_be16 total_length;
  ps_be16 identification;
  ps_be16 fragment; /* PS_IPV4_* */
  uint8_t time_to_live;
  uint8_t protocol;
  ps_be16 checksum;
  ps_be32 source;
  ps_be32 destination;
} PS_ON_WIRE;

#define PS_IPV4_DONT_FRAGMENT 0x4000u
#define PS_IPV4_MORE_FRAGMENTS 0x2000u
#define PS_IPV4_FRAGMENT_OFFSET 0x1fffu /* in units of 8 bytes */

struct ps_ipv6_header {
  ps_be32 version_flow; /* 6 in the highest four bits */
  ps_be16 payload_length;
  uint8_t next_header;
  uint8_t hop_limit;
  ps_be32 source[4];
  ps_be32 destination[4];
} PS_ON_WIRE;

/* The first eight bytes of any extension header; `rest` is the fragment header's offset and M. */
struct ps_extension_header {
  uint8_t next_header;
  uint8_t length; /* units and bias depend on the header; unused by the fragment header */
  ps_be16 rest;
  ps_be32 more;
} PS_ON_WIRE;

#define PS_IPV6_MORE_FRAGMENTS 0x0001u
#define PS_IPV6_FRAGMENT_OFFSET_SHIFT 3

#define PS_PROTOCOL_HOP_BY_HOP 0u
#define PS_PROTOCOL_TCP 6u
#define PS_PROTOCOL_ROUTING 43u
#define PS_PROTOCOL_FRAGMENT 44u
#define PS_PROTOCOL_AUTHENTICATION 51u /* RFC 4302 */
#define PS_PROTOCOL_DESTINATION_OPTIONS 60u

struct ps_tcp_header {
  ps_be16 source_port;
  ps_be16 destination_port;
  ps_be32 sequence;
  ps_be32 acknowledgement;
  uint8_t data_offset; /* in 32-bit words, in the high half */
  uint8_t flags;       /* PS_TCP_* */
  ps_be16 window;
  ps_be16 checksum;
  ps_be16 urgent;
} PS_ON_WIRE;

#define PS_TCP_FIN 0x01u
#define PS_TCP_SYN 0x02u
#define PS_TCP_RST 0x04u
#define PS_TCP_PSH 0x08u
#define PS_TCP_ACK 0x10u

#define PS_ETHERNET_BYTES 14u
#define PS_VLAN_BYTES 4u
#define PS_IPV4_BYTES 20u
#define PS_IPV6_BYTES 40u
#define PS_EXTENSION_BYTES 8u
#define PS_TCP_BYTES 20u

#ifdef __cplusplus
static_assert(sizeof(struct ps_ethernet_header) == PS_ETHERNET_BYTES);
static_assert(sizeof(struct ps_vlan_header) == PS_VLAN_BYTES);
static_assert(sizeof(struct ps_ipv4_header) == PS_IPV4_BYTES);
static_assert(sizeof(struct ps_ipv6_header) == PS_IPV6_BYTES);
static_assert(sizeof(struct ps_extension_header) == PS_EXTENSION_BYTES);
static_assert(sizeof(struct ps_tcp_header) == PS_TCP_BYTES);
#else
_Static_assert(sizeof(struct ps_ethernet_header) == PS_ETHERNET_BYTES, "Ethernet header");
_Static_assert(sizeof(struct ps_vlan_header) == PS_VLAN_BYTES, "VLAN header");
_Static_assert(sizeof(struct ps_ipv4_header) == PS_IPV4_BYTES, "IPv4 header");
_Static_assert(sizeof(struct ps_ipv6_header) == PS_IPV6_BYTES, "IPv6 header");
_Static_assert(sizeof(struct ps_extension_header) == PS_EXTENSION_BYTES, "extension header");
_Static_assert(sizeof(struct ps_tcp_header) == PS_TCP_BYTES, "TCP header");
#endif

/* Whether `bytes` bytes lie between at and end. In BPF this is the comparison that the verifier
 * learns a packet's bounds from; elsewhere it is one of lengths, signed, as `at` lies behind the
 * end where a frame's first part ends within a header. */
#ifdef __bpf__
#define PS_FITS(at, end, bytes) ((at) + (bytes) <= (end))
#else
#define PS_FITS(at, end, bytes) ((end) - (at) >= (ptrdiff_t)(bytes))
#endif

#endif
