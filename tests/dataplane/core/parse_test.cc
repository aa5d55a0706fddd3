// SPDX-License-Identifier: BSD-3-Clause
//
// What ps_parse says about a frame that it accepts: every field, for both families and behind tags,
// options and extension headers. What it refuses is in the corpus.
#include "dataplane/core/parse.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "rules/address/address.h"
#include "tests/packets/builder.h"
#include "tests/packets/corpus.h"
#include "tests/packets/in_parts.h"

namespace postern::packets {
namespace {

ps_packet parsed(const Bytes& frame) {
  ps_packet packet;
  EXPECT_EQ(ps_parse(frame.data(), frame.data() + frame.size(), &packet), PS_PARSED_TCP);
  return packet;
}

std::string source_of(const ps_packet& packet) {
  return IpAddress::from_abi(packet.family, packet.source).to_string();
}
std::string destination_of(const ps_packet& packet) {
  return IpAddress::from_abi(packet.family, packet.destination).to_string();
}

const Tcp kSegment = {.flags = kSyn | kEce,
                      .destination_port = 25,
                      .source_port = 54321,
                      .sequence = 0x01020304,
                      .acknowledgement = 0xa0b0c0d0};

TEST(Parse, Ipv4Fields) {
  const auto packet = parsed(Ethernet{} / Ipv4{.source = "203.0.113.9"} / kSegment / payload(11));
  EXPECT_EQ(packet.family, PS_FAMILY_V4);
  EXPECT_EQ(source_of(packet), "203.0.113.9");
  EXPECT_EQ(destination_of(packet), "198.51.100.25");
  EXPECT_EQ(ps_be16_host(packet.source_port), 54321);
  EXPECT_EQ(ps_be16_host(packet.destination_port), 25);
  EXPECT_EQ(ps_be32_host(packet.sequence), 0x01020304u);
  EXPECT_EQ(ps_be32_host(packet.acknowledgement), 0xa0b0c0d0u);
  EXPECT_EQ(packet.tcp_flags, kSyn | kEce);
  EXPECT_EQ(packet.vlan_tags, 0);
  EXPECT_EQ(packet.link_group, 0);
  EXPECT_EQ(packet.l3_offset, 14);
  EXPECT_EQ(packet.l4_offset, 34);
  EXPECT_EQ(packet.payload_bytes, 11);
}

TEST(Parse, Ipv6Fields) {
  const auto packet = parsed(Ethernet{} / Ipv6{.source = "2001:db8::7"} / kSegment / payload(3));
  EXPECT_EQ(packet.family, PS_FAMILY_V6);
  EXPECT_EQ(source_of(packet), "2001:db8::7");
  EXPECT_EQ(destination_of(packet), "2001:db8:25::25");
  EXPECT_EQ(packet.l3_offset, 14);
  EXPECT_EQ(packet.l4_offset, 54);
  EXPECT_EQ(packet.payload_bytes, 3);
}

TEST(Parse, OffsetsBehindTagsAndOptions) {
  const auto v4 = parsed(Ethernet{} / Vlan{.tag = 0x88a8} / Vlan{} / Ipv4{.options = Bytes(12, 1)} /
                         Tcp{.options = Bytes(8, 1)} / payload(5));
  EXPECT_EQ(v4.vlan_tags, 2);
  EXPECT_EQ(v4.l3_offset, 22);
  EXPECT_EQ(v4.l4_offset, 22 + 32);
  EXPECT_EQ(v4.payload_bytes, 5);
  const auto v6 = parsed(Ethernet{} / Vlan{} / Ipv6{} / Extension{.type = 0, .bytes = 16} /
                         Fragment6{} / Extension{.type = 51, .bytes = 12} / Tcp{} / payload(6));
  EXPECT_EQ(v6.vlan_tags, 1);
  EXPECT_EQ(v6.l3_offset, 18);
  EXPECT_EQ(v6.l4_offset, 18 + 40 + 16 + 8 + 12);
  EXPECT_EQ(v6.payload_bytes, 6);
}

TEST(Parse, PaddingIsNotPayload) {
  EXPECT_EQ(parsed(padded(Ethernet{} / Ipv4{} / Tcp{} / payload(2), 60)).payload_bytes, 2);
  EXPECT_EQ(parsed(padded(Ethernet{} / Ipv6{} / Tcp{}, 200)).payload_bytes, 0);
}

// The first part of a frame says what the whole says, as long as its headers are in there.
TEST(Parse, AFrameInPartsIsReadByItsFirst) {
  const Bytes frames[] = {
      Ethernet{} / Vlan{} / Ipv4{.options = Bytes(8, 1)} / Tcp{} / payload(9000),
      Ethernet{} / Ipv6{} / Extension{.type = 0, .bytes = 16} / Tcp{} / payload(9000)};
  for (const auto& frame : frames) {
    const auto whole = parsed(frame);
    const size_t headers = size_t{whole.l4_offset} + PS_TCP_BYTES + 4;  // and payload_head
    for (size_t part = 0; part < frame.size(); part += part < 200 ? 1 : 1000) {
      const Bytes first(frame.begin(), frame.begin() + static_cast<ptrdiff_t>(part));
      const auto beyond = static_cast<uint32_t>(frame.size() - part);
      ps_packet packet;
      const auto reason = ps_parse_part(first.data(), first.data() + part, beyond, &packet);
      if (part < headers - 4) {
        EXPECT_TRUE(reason != PS_PARSED_TCP && ps_reason_stops(reason)) << part;
        continue;
      }
      EXPECT_EQ(reason, PS_PARSED_TCP) << part;
      EXPECT_EQ(packet.payload_bytes, whole.payload_bytes);
      if (part >= headers) {
        EXPECT_EQ(std::memcmp(&packet, &whole, sizeof whole), 0) << part;
      }
      // One octet less than the IP header says is too short, however it lies.
      EXPECT_EQ(ps_parse_part(first.data(), first.data() + part, beyond - 1, &packet),
                PS_REASON_BAD_IP_HEADER);
    }
  }
}

TEST(Parse, MutantsInPartsAreNeverTakenForSomethingElse) {
  Mutations mutations(4711);
  std::mt19937 random(42);
  for (int i = 0; i < 200'000; i++) {
    const auto mutant = mutations.next();
    const size_t part = random() % (mutant.frame.size() + 1);
    ASSERT_TRUE(agrees_in_parts(mutant.frame, part)) << part << " of " << hex(mutant.frame);
  }
}

TEST(Parse, GroupAddressesOnTheLink) {
  const Mac group = {0x33, 0x33, 0, 0, 0, 1};
  EXPECT_EQ(parsed(Ethernet{.destination = group} / Ipv6{} / Tcp{}).link_group, 1);
  EXPECT_EQ(parsed(Ethernet{.source = group} / Ipv6{} / Tcp{}).link_group, 1);
}

TEST(Parse, AttemptIsSynWithoutAckAndRst) {
  for (unsigned flags = 0; flags < 256; flags++) {
    const auto packet = parsed(Ethernet{} / Ipv4{} / Tcp{.flags = static_cast<uint8_t>(flags)});
    const bool syn = flags & 2, rst = flags & 4, ack = flags & 16;
    EXPECT_EQ(ps_is_attempt(&packet) != 0, syn && !rst && !ack) << flags;
  }
}

}  // namespace
}  // namespace postern::packets
