/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
 *
 * The frame that answers a segment: any segment of ours is a sequence number, an acknowledgement,
 * flags, and perhaps a line of text (struct ps_answer); addresses, ports, MAC addresses and VLAN
 * tags are those of the segment that it answers, the other way round. IPv4 options and IPv6
 * extension headers are left out, both checksums are whole. Bytes in, bytes out: the engine cuts or
 * grows the frame to ps_reply_bytes() in between.
 */
#ifndef POSTERN_DATAPLANE_CORE_REPLY_H
#define POSTERN_DATAPLANE_CORE_REPLY_H

#include "dataplane/core/checksum.h"
#include "dataplane/core/parse.h"
#include "dataplane/core/text.h"

#define PS_REPLY_HOPS 64u
/* What a refused client may send at once: a command, and no message. */
#define PS_REPLY_WINDOW 1024u

struct ps_answer {
  uint32_t sequence, acknowledgement; /* host order */
  uint8_t flags;                      /* PS_TCP_*; 0: nothing is to be sent */
  uint8_t reserved;
  uint16_t text; /* number of the struct ps_text that it says, 0 none */
};

/* Addresses that no segment can honestly come from or go to, and that a reply would turn into noise
 * (RFC 9293 section 3.9.2.3, RFC 1122 section 3.2.1.3): IPv4 0.0.0.0/8, 127.0.0.0/8, multicast, and
 * everything above it, limited broadcast included; IPv6 ::, ::1, multicast. The broadcast address
 * of a subnet cannot be told from a host's. */
PS_INLINE int ps_is_unicast(enum ps_family family, const struct ps_address* address) {
  uint32_t words[4];
  uint8_t first = address->bytes[0];
  if (family == PS_FAMILY_V4) return first != 0 && first != 127 && first < 224;
  __builtin_memcpy(words, address->bytes, 16);
  if ((words[0] | words[1] | words[2]) == 0 && PS_SWAP32(words[3]) <= 1) return 0;
  return first != 0xff;
}

/* Of a segment, its header included: more than a refused client may send at once, and about as much
 * as any may send in an attempt. */
#define PS_ANSWERED_BYTES 2048u

/* Whether a segment by itself may be answered: nothing that is an answer already (RST, SYN-ACK),
 * no group address in any header, and nothing whose checksum could not be verified, as it is only a
 * fragment or longer than PS_ANSWERED_BYTES. */
PS_INLINE int ps_is_answerable(const struct ps_packet* packet) {
  uint8_t flags = packet->tcp_flags;
  if (packet->fragment || packet->segment_bytes > PS_ANSWERED_BYTES) return 0;
  if ((flags & PS_TCP_RST) || (flags & (PS_TCP_SYN | PS_TCP_ACK)) == (PS_TCP_SYN | PS_TCP_ACK))
    return 0;
  return !packet->link_group && ps_is_unicast(packet->family, &packet->source) &&
         ps_is_unicast(packet->family, &packet->destination);
}

/* Whether it may be where nothing proves that its source has sent it: not to one of our own
 * services either, with which two engines could go on answering each other. */
PS_INLINE int ps_may_be_answered(struct ps_image* image, const struct ps_packet* packet) {
  return ps_is_answerable(packet) &&
         !ps_service_set_of(image, packet->vlan, packet->family, &packet->source);
}

/* The sequence number behind the segment. */
PS_INLINE uint32_t ps_sequence_behind(const struct ps_packet* packet) {
  uint32_t length = packet->payload_bytes;
  if (packet->tcp_flags & PS_TCP_SYN) length++;
  if (packet->tcp_flags & PS_TCP_FIN) length++;
  return ps_be32_host(packet->sequence) + length;
}

/* An RST that the sender's stack accepts (RFC 9293 section 3.10.7.1): it has the sequence number
 * that the segment acknowledges, or else acknowledges the segment. */
PS_INLINE struct ps_answer ps_answer_reset(const struct ps_packet* packet) {
  struct ps_answer answer = {0, 0, PS_TCP_RST, 0, 0};
  if (packet->tcp_flags & PS_TCP_ACK) {
    answer.sequence = ps_be32_host(packet->acknowledgement);
  } else {
    answer.acknowledgement = ps_sequence_behind(packet);
    answer.flags = PS_TCP_RST | PS_TCP_ACK;
  }
  return answer;
}

/* The segment as its receiver would send it: what answers it goes the way that the segment went. */
PS_INLINE struct ps_packet ps_turned(const struct ps_packet* packet) {
  struct ps_packet turned = *packet;
  turned.source = packet->destination;
  turned.destination = packet->source;
  turned.source_port = packet->destination_port;
  turned.destination_port = packet->source_port;
  turned.sequence = packet->acknowledgement;
  turned.acknowledgement = packet->sequence;
  return turned;
}

/* What a reply takes over from the frame it answers, for when that is overwritten. */
#define PS_LINK_ROOM (PS_ETHERNET_BYTES + PS_MAX_VLAN_TAGS * PS_VLAN_BYTES)
struct ps_link_header { /* Ethernet's, with its tags, and what comes behind */
  uint16_t words[PS_LINK_ROOM / 2];
} PS_ON_WIRE;
struct ps_link {
  struct ps_link_header header; /* MAC addresses swapped */
  uint16_t bytes;               /* of it: 14, 18 or 22 */
};

/* The MAC addresses the other way round. */
PS_INLINE void ps_link_turn(struct ps_link* link) {
  uint32_t i;
  for (i = 0; i < 3; i++) {
    uint16_t word = link->header.words[i];
    link->header.words[i] = link->header.words[3 + i];
    link->header.words[3 + i] = word;
  }
}

/* data: the frame that *packet was parsed from. 0 when it is too short (which it is not). */
PS_INLINE int ps_link_save(const uint8_t* data, const uint8_t* end, const struct ps_packet* packet,
                           struct ps_link* link) {
  if (!PS_FITS(data, end, PS_ETHERNET_BYTES + PS_IPV4_BYTES)) return 0;
  link->header = *(const struct ps_link_header*)data;
  ps_link_turn(link);
  link->bytes = packet->l3_offset;
  return 1;
}

/* Length in bytes of the frame with `text_bytes` of text. */
PS_INLINE uint32_t ps_reply_bytes(const struct ps_packet* packet, uint32_t text_bytes) {
  return packet->l3_offset + (packet->family == PS_FAMILY_V4 ? PS_IPV4_BYTES : PS_IPV6_BYTES) +
         PS_TCP_BYTES + text_bytes;
}

/* The sum of a line's bytes, which has zeros behind its end. */
PS_INLINE uint32_t ps_line_sum(const struct ps_line* line) {
  uint64_t sum = 0;
  uint32_t i;
  for (i = 0; i < PS_LINE_WORDS; i++) {
    uint64_t word = PS_LOAD64(&line->bytes[i * 8u]);
    sum += (word & 0xffffffffu) + (word >> 32);
  }
  sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
  return (uint32_t)sum;
}

/* The text behind the headers: 1, or 0 when the bounds do not hold. Words that would go beyond the
 * end are the last eight bytes once more, so that there is one way through. length:
 * PS_TEXT_SHORTEST at least. */
PS_INLINE int ps_line_write(const struct ps_line* line, uint32_t length, uint8_t* at,
                            const uint8_t* end) {
  uint32_t i;
#ifdef __bpf__
#pragma clang loop unroll(full)
#endif
  for (i = 0; i < PS_LINE_WORDS; i++) {
    uint32_t past = i * 8u + 8u - length, place;
    past &= ((length - i * 8u - 8u) >> 31) * 255u; /* by how much word i goes beyond the end */
    PS_OPAQUE(past);
    place = (i * 8u - past) & 255u;
    if (!PS_FITS(at + place, end, 8)) return 0;
    PS_STORE64(at + place, PS_LOAD64(&line->bytes[place]));
  }
  return 1;
}

/* The Internet checksum's sum of a TCP header with its pseudo header (RFC 9293 section 3.1). */
PS_INLINE uint32_t ps_pseudo_sum(const struct ps_packet* packet, uint32_t tcp_bytes) {
  uint32_t sum = ps_be16_of(PS_PROTOCOL_TCP).raw;
  sum += ps_be16_of((uint16_t)tcp_bytes).raw;
  if (packet->family == PS_FAMILY_V4) {
    sum = ps_checksum_add(sum, packet->source.bytes, 4);
    return ps_checksum_add(sum, packet->destination.bytes, 4);
  }
  sum = ps_checksum_add(sum, packet->source.bytes, 16);
  return ps_checksum_add(sum, packet->destination.bytes, 16);
}

/* Writes the reply to *packet at data, in a frame of exactly ps_reply_bytes(). line: of length 0
 * where there is no text. 1 when written, 0 when the bounds do not hold (a BPF verifier sees that
 * check; it does not happen). */
PS_INLINE int ps_reply_write(uint8_t* data, const uint8_t* end, const struct ps_packet* packet,
                             const struct ps_link* link, const struct ps_answer* answer,
                             const struct ps_line* line) {
  uint32_t tcp_bytes = PS_TCP_BYTES + line->length, link_bytes = link->bytes, sum;
  struct ps_tcp_header tcp;
  uint8_t* at;
  PS_OPAQUE(link_bytes); /* what is checked is what is used */
  if (!PS_FITS(data, end, PS_LINK_ROOM) || link_bytes > PS_LINK_ROOM) return 0;
  *(struct ps_link_header*)data = link->header;
  at = data + link_bytes;

  __builtin_memset(&tcp, 0, sizeof(tcp));
  tcp.source_port = packet->destination_port;
  tcp.destination_port = packet->source_port;
  tcp.sequence = ps_be32_of(answer->sequence);
  tcp.acknowledgement = ps_be32_of(answer->acknowledgement);
  tcp.data_offset = (PS_TCP_BYTES / 4u) << 4;
  tcp.flags = answer->flags;
  if (!(answer->flags & PS_TCP_RST)) tcp.window = ps_be16_of(PS_REPLY_WINDOW);
  sum = ps_checksum_add(ps_pseudo_sum(packet, tcp_bytes), &tcp, PS_TCP_BYTES);
  if (line->length) sum += ps_line_sum(line);
  tcp.checksum = ps_checksum_of(sum);

  if (packet->family == PS_FAMILY_V4) {
    struct ps_ipv4_header ip;
    if (!PS_FITS(at, end, PS_IPV4_BYTES + PS_TCP_BYTES)) return 0;
    __builtin_memset(&ip, 0, sizeof(ip));
    ip.version_length = 0x45;
    ip.total_length = ps_be16_of((uint16_t)(PS_IPV4_BYTES + tcp_bytes));
    ip.fragment = ps_be16_of(PS_IPV4_DONT_FRAGMENT);
    ip.time_to_live = PS_REPLY_HOPS;
    ip.protocol = PS_PROTOCOL_TCP;
    __builtin_memcpy(&ip.source, packet->destination.bytes, 4);
    __builtin_memcpy(&ip.destination, packet->source.bytes, 4);
    ip.checksum = ps_checksum_of(ps_checksum_add(0, &ip, PS_IPV4_BYTES));
    *(struct ps_ipv4_header*)at = ip;
    at += PS_IPV4_BYTES;
  } else {
    struct ps_ipv6_header ip;
    if (!PS_FITS(at, end, PS_IPV6_BYTES + PS_TCP_BYTES)) return 0;
    __builtin_memset(&ip, 0, sizeof(ip));
    ip.version_flow = ps_be32_of(6u << 28);
    ip.payload_length = ps_be16_of((uint16_t)tcp_bytes);
    ip.next_header = PS_PROTOCOL_TCP;
    ip.hop_limit = PS_REPLY_HOPS;
    __builtin_memcpy(ip.source, packet->destination.bytes, 16);
    __builtin_memcpy(ip.destination, packet->source.bytes, 16);
    *(struct ps_ipv6_header*)at = ip;
    at += PS_IPV6_BYTES;
  }
  *(struct ps_tcp_header*)at = tcp;
  if (line->length < PS_TEXT_SHORTEST) return 1; /* there is none */
  return ps_line_write(line, line->length, at + PS_TCP_BYTES, end);
}

#endif
