/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
 *
 * The reply to an attempt that a rule resets: an RST that the sender's stack accepts (RFC 9293
 * §3.10.7.1: to a segment without ACK, sequence 0, acknowledgement SEG.SEQ + SEG.LEN, RST and ACK).
 * Built over the request: MAC addresses, addresses and ports swapped, VLAN tags kept, IPv4 options
 * and IPv6 extension headers left out, both checksums whole, nothing behind the TCP header.
 */
#ifndef POSTERN_DATAPLANE_CORE_RESET_H
#define POSTERN_DATAPLANE_CORE_RESET_H

#include "dataplane/core/checksum.h"
#include "dataplane/core/parse.h"

#define PS_RESET_HOPS 64u

/* Addresses that no attempt can honestly come from or go to, and that a reply would turn into noise
 * (RFC 9293 §3.9.2.3, RFC 1122 §3.2.1.3): IPv4 0.0.0.0/8, 127.0.0.0/8, multicast, and everything
 * above it, limited broadcast included; IPv6 ::, ::1, multicast. The broadcast address of a subnet
 * cannot be told from a host's. */
PS_INLINE int ps_is_unicast(enum ps_family family, const struct ps_address* address) {
  uint32_t words[4];
  uint8_t first = address->bytes[0];
  if (family == PS_FAMILY_V4) return first != 0 && first != 127 && first < 224;
  __builtin_memcpy(words, address->bytes, 16);
  if ((words[0] | words[1] | words[2]) == 0 && PS_SWAP32(words[3]) <= 1) return 0;
  return first != 0xff;
}

/* Length in bytes of the reply's frame, which is never longer than the request; 0 when none may be
 * sent: a group address in the Ethernet header, or an IP address that is not a unicast one. */
PS_INLINE uint32_t ps_reset_bytes(const struct ps_packet* packet) {
  if (packet->link_group || !ps_is_unicast(packet->family, &packet->source) ||
      !ps_is_unicast(packet->family, &packet->destination))
    return 0;
  return packet->l3_offset + (packet->family == PS_FAMILY_V4 ? PS_IPV4_BYTES : PS_IPV6_BYTES) +
         PS_TCP_BYTES;
}

/* The reply's TCP header, but for its checksum. */
PS_INLINE void ps_reset_tcp(const struct ps_packet* packet, struct ps_tcp_header* tcp) {
  uint32_t length = packet->payload_bytes + 1u; /* SYN counts one, FIN another */
  if (packet->tcp_flags & PS_TCP_FIN) length++;
  __builtin_memset(tcp, 0, sizeof(*tcp));
  tcp->source_port = packet->destination_port;
  tcp->destination_port = packet->source_port;
  tcp->acknowledgement = ps_be32_of(ps_be32_host(packet->sequence) + length);
  tcp->data_offset = (PS_TCP_BYTES / 4u) << 4;
  tcp->flags = PS_TCP_RST | PS_TCP_ACK;
}

PS_INLINE void ps_swap_ethernet(uint8_t* data) {
  uint8_t address[6];
  __builtin_memcpy(address, data, 6);
  __builtin_memcpy(data, data + 6, 6);
  __builtin_memcpy(data + 6, address, 6);
}

/* Writes the reply over the request, of which *packet was parsed. The frame must already have been
 * cut to ps_reset_bytes() (or the caller cuts it afterwards). 1 when written, 0 when the bounds do
 * not hold (a BPF verifier sees that check; it does not happen). */
PS_INLINE int ps_reset_write(uint8_t* data, const uint8_t* end, const struct ps_packet* packet) {
  uint32_t offset = packet->l3_offset, sum;
  struct ps_tcp_header tcp;
  uint8_t* at;
  if (offset > PS_ETHERNET_BYTES + PS_MAX_VLAN_TAGS * PS_VLAN_BYTES ||
      !PS_FITS(data, end, PS_ETHERNET_BYTES))
    return 0;
  ps_reset_tcp(packet, &tcp);
  /* Both pseudo headers are the addresses, the protocol and TCP's length (RFC 9293 §3.1). */
  sum = ps_checksum_add(0, &tcp, PS_TCP_BYTES);
  sum += ps_be16_of(PS_PROTOCOL_TCP).raw;
  sum += ps_be16_of(PS_TCP_BYTES).raw;
  if (packet->family == PS_FAMILY_V4) {
    struct ps_ipv4_header ip;
    at = data + offset;
    if (!PS_FITS(at, end, PS_IPV4_BYTES + PS_TCP_BYTES)) return 0;
    ps_swap_ethernet(data);
    __builtin_memset(&ip, 0, sizeof(ip));
    ip.version_length = 0x45;
    ip.total_length = ps_be16_of(PS_IPV4_BYTES + PS_TCP_BYTES);
    ip.fragment = ps_be16_of(PS_IPV4_DONT_FRAGMENT);
    ip.time_to_live = PS_RESET_HOPS;
    ip.protocol = PS_PROTOCOL_TCP;
    __builtin_memcpy(&ip.source, packet->destination.bytes, 4);
    __builtin_memcpy(&ip.destination, packet->source.bytes, 4);
    sum = ps_checksum_add(sum, packet->destination.bytes, 4);
    sum = ps_checksum_add(sum, packet->source.bytes, 4);
    tcp.checksum = ps_checksum_of(sum);
    ip.checksum = ps_checksum_of(ps_checksum_add(0, &ip, PS_IPV4_BYTES));
    *(struct ps_ipv4_header*)at = ip;
    *(struct ps_tcp_header*)(at + PS_IPV4_BYTES) = tcp;
  } else {
    struct ps_ipv6_header ip;
    at = data + offset;
    if (!PS_FITS(at, end, PS_IPV6_BYTES + PS_TCP_BYTES)) return 0;
    ps_swap_ethernet(data);
    __builtin_memset(&ip, 0, sizeof(ip));
    ip.version_flow = ps_be32_of(6u << 28);
    ip.payload_length = ps_be16_of(PS_TCP_BYTES);
    ip.next_header = PS_PROTOCOL_TCP;
    ip.hop_limit = PS_RESET_HOPS;
    __builtin_memcpy(ip.source, packet->destination.bytes, 16);
    __builtin_memcpy(ip.destination, packet->source.bytes, 16);
    sum = ps_checksum_add(sum, packet->destination.bytes, 16);
    sum = ps_checksum_add(sum, packet->source.bytes, 16);
    tcp.checksum = ps_checksum_of(sum);
    *(struct ps_ipv6_header*)at = ip;
    *(struct ps_tcp_header*)(at + PS_IPV6_BYTES) = tcp;
  }
  return 1;
}

#endif
