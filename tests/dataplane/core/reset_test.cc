// SPDX-License-Identifier: BSD-3-Clause
//
// The bytes of a reset, written out in full for one frame of each family (made with scapy, so by
// code that is not ours), and the checksum over every value that it can fold to. All other replies
// are compared with the oracle's in judge_test.cc.
#include "dataplane/core/reset.h"

#include <gtest/gtest.h>

#include "tests/packets/oracle.h"

namespace postern::packets {
namespace {

std::string reset_of(Bytes frame) {
  ps_packet packet;
  if (ps_parse(frame.data(), frame.data() + frame.size(), &packet) != PS_PARSED_TCP) return "?";
  const auto bytes = ps_reset_bytes(&packet);
  if (bytes == 0 || !ps_reset_write(frame.data(), frame.data() + bytes, &packet)) return "none";
  return hex(cut(frame, bytes));
}

TEST(Reset, Ipv4ByteForByte) {
  EXPECT_EQ(reset_of(Ethernet{} / Vlan{.id = 7} / Ipv4{.source = "203.0.113.129"} /
                     Tcp{.source_port = 54321, .sequence = 0x01020304} / payload(9)),
            "02000000000102000000000281000007080045000028000040004006d401c6336419cb0071810019d43100"
            "0000000102030e5014000070a70000");
}

TEST(Reset, Ipv6ByteForByte) {
  EXPECT_EQ(reset_of(Ethernet{} / Ipv6{.source = "2001:db8:e::1"} /
                     Tcp{.flags = kSyn | kFin, .source_port = 54321, .sequence = 0xfffffffe}),
            "02000000000102000000000286dd600000000014064020010db800250000000000000000002520010db800"
            "0e000000000000000000010019d4310000000000000000501400007fbb0000");
}

TEST(Reset, DoesNotWriteWhereItDoesNotFit) {
  Bytes frame = Ethernet{} / Ipv4{.source = "203.0.113.129"} / Tcp{};
  ps_packet packet;
  ASSERT_EQ(ps_parse(frame.data(), frame.data() + frame.size(), &packet), PS_PARSED_TCP);
  const Bytes before = frame;
  for (size_t bytes = 0; bytes < 54; bytes++) {
    EXPECT_EQ(ps_reset_write(frame.data(), frame.data() + bytes, &packet), 0);
    EXPECT_EQ(frame, before);
  }
}

TEST(Reset, ChecksumIsRightForEverySequenceNumberThatFoldsDifferently) {
  for (uint32_t i = 0; i < 70'000; i++) {
    const uint32_t sequence = i * 0x00010001u + (i >> 3);
    const Bytes frame = Ethernet{} / Ipv4{.source = "203.0.113.129"} / Tcp{.sequence = sequence};
    Bytes reply = frame;
    ps_packet packet;
    ASSERT_EQ(ps_parse(reply.data(), reply.data() + reply.size(), &packet), PS_PARSED_TCP);
    ASSERT_EQ(ps_reset_write(reply.data(), reply.data() + reply.size(), &packet), 1);
    const Bytes ip(reply.begin() + 14, reply.begin() + 34);
    // Both addresses, the segment, and the two numbers of the pseudo header: order is free in sums.
    Bytes segment(reply.begin() + 26, reply.end());
    for (const uint8_t byte : std::initializer_list<uint8_t>{0, 6, 0, 20}) segment.push_back(byte);
    ASSERT_EQ(internet_checksum(ip), 0) << sequence;
    ASSERT_EQ(internet_checksum(segment), 0) << sequence;
  }
}

}  // namespace
}  // namespace postern::packets
