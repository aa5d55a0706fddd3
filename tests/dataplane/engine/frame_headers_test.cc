// SPDX-License-Identifier: BSD-3-Clause
//
// What is read from sampled frames: on whole frames what the core reads, on cut ones as far as they
// go.
#include "dataplane/engine/frame_headers.h"

#include <gtest/gtest.h>

#include "dataplane/core/parse.h"
#include "tests/packets/corpus.h"

namespace postern {
namespace {

using packets::Bytes;

FrameHeaders read(const Bytes& frame) {
  return read_frame_headers(std::span(frame));
}

TEST(FrameHeaders, OfAnAttempt) {
  const Bytes frame = packets::Ethernet{} / packets::Ipv4{.source = "203.0.113.1"} /
                      packets::Tcp{} / packets::payload(24);
  const auto headers = read(frame);
  EXPECT_EQ(headers.source->to_string(), "203.0.113.1");
  EXPECT_EQ(headers.destination_port, 25);
  EXPECT_EQ(headers.protocol, 6);
  EXPECT_EQ(headers.bytes, 54u);  // none of what was said
}

// On frames that the core finds whole, both read the same.
TEST(FrameHeaders, AgreeWithTheCoreOnTheCorpusAndItsMutants) {
  int compared = 0;
  const auto compare = [&](const Bytes& frame) {
    ps_packet packet;
    const auto headers = read(frame);
    ASSERT_LE(headers.bytes, frame.size());
    if (ps_parse(frame.data(), frame.data() + frame.size(), &packet) != PS_PARSED_TCP) return;
    compared++;
    ASSERT_TRUE(headers.source && headers.destination_port && headers.tcp_flags)
        << packets::hex(frame);
    EXPECT_EQ(*headers.source, IpAddress::from_abi(packet.family, packet.source));
    EXPECT_EQ(*headers.destination, IpAddress::from_abi(packet.family, packet.destination));
    EXPECT_EQ(*headers.source_port, ps_be16_host(packet.source_port));
    EXPECT_EQ(*headers.destination_port, ps_be16_host(packet.destination_port));
    EXPECT_EQ(*headers.tcp_flags, packet.tcp_flags);
    EXPECT_EQ(headers.bytes,
              packet.l4_offset + static_cast<size_t>(frame[packet.l4_offset + 12u] >> 4) * 4);
  };
  for (const auto& one : packets::corpus()) compare(one.frame);
  packets::Mutations mutations(4711);
  for (int i = 0; i < 100'000; i++) compare(mutations.next().frame);
  EXPECT_GT(compared, 10'000);
}

TEST(FrameHeaders, OfACutFrameAreWhatIsThere) {
  const Bytes frame = packets::Ethernet{} / packets::Ipv6{} / packets::Tcp{};
  for (size_t cut = 0; cut <= frame.size(); cut++) {
    const auto headers = read_frame_headers(std::span(frame).first(cut));
    EXPECT_LE(headers.bytes, cut);
    EXPECT_EQ(headers.source.has_value(), cut >= 54);
    EXPECT_EQ(headers.source_port.has_value(), cut >= 58);
    EXPECT_EQ(headers.tcp_flags.has_value(), cut >= 68);
  }
}

TEST(FrameHeaders, OfWhatIsNoTcp) {
  Bytes arp(60, 0);
  arp[12] = 0x08;
  arp[13] = 0x06;
  EXPECT_EQ(read(arp).bytes, 42u);
  EXPECT_FALSE(read(arp).source);
  Bytes lldp(60, 0);
  lldp[12] = 0x88;
  lldp[13] = 0xcc;
  EXPECT_EQ(read(lldp).bytes, 14u);

  Bytes udp = packets::Ethernet{} / packets::Ipv4{} / packets::Tcp{} / packets::payload(24);
  udp[23] = 17;
  EXPECT_EQ(read(udp).bytes, 42u);
  EXPECT_EQ(read(udp).destination_port, 25);
  EXPECT_FALSE(read(udp).tcp_flags);
  udp[23] = 1;  // ICMP
  EXPECT_EQ(read(udp).bytes, 42u);
  EXPECT_FALSE(read(udp).destination_port);
  udp[23] = 47;  // GRE
  EXPECT_EQ(read(udp).bytes, 34u);
  udp[23] = 6;
  udp[21] = 9;  // a later fragment: what follows are no ports
  EXPECT_FALSE(read(udp).destination_port);
  EXPECT_EQ(read(udp).bytes, 34u);
}

}  // namespace
}  // namespace postern
