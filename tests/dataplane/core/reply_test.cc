// SPDX-License-Identifier: BSD-3-Clause
//
// The bytes of replies, written out in full for one frame of each family (made with scapy, so by
// code that is not ours), and the checksum over every value that it can fold to. All other replies
// are compared with the oracle's in judge_test.cc.
#include "dataplane/core/reply.h"

#include <gtest/gtest.h>

#include <memory>

#include "tests/packets/oracle.h"

namespace postern::packets {
namespace {

constexpr ps_line kNoText{};

struct Parsed {
  ps_packet packet;
  ps_link link;
};

Parsed parsed(const Bytes& frame) {
  Parsed parts{};
  EXPECT_EQ(ps_parse(frame.data(), frame.data() + frame.size(), &parts.packet), PS_PARSED_TCP);
  EXPECT_EQ(ps_link_save(frame.data(), frame.data() + frame.size(), &parts.packet, &parts.link), 1);
  return parts;
}

std::string reset_of(const Bytes& frame) {
  const auto [packet, link] = parsed(frame);
  const auto answer = ps_answer_reset(&packet);
  Bytes reply(ps_reply_bytes(&packet, 0));
  if (!ps_reply_write(reply.data(), reply.data() + reply.size(), &packet, &link, &answer, &kNoText))
    return "none";
  return hex(reply);
}

TEST(Reply, ResetOfIpv4ByteForByte) {
  EXPECT_EQ(reset_of(Ethernet{} / Vlan{.id = 7} / Ipv4{.source = "203.0.113.129"} /
                     Tcp{.source_port = 54321, .sequence = 0x01020304} / payload(9)),
            "02000000000102000000000281000007080045000028000040004006d401c6336419cb0071810019d43100"
            "0000000102030e5014000070a70000");
}

TEST(Reply, ResetOfIpv6ByteForByte) {
  EXPECT_EQ(reset_of(Ethernet{} / Ipv6{.source = "2001:db8:e::1"} /
                     Tcp{.flags = kSyn | kFin, .source_port = 54321, .sequence = 0xfffffffe}),
            "02000000000102000000000286dd600000000014064020010db800250000000000000000002520010db800"
            "0e000000000000000000010019d4310000000000000000501400007fbb0000");
}

// RFC 9293 section 3.10.7.1: with an ACK, the sequence number that it acknowledges.
TEST(Reply, ResetOfASegmentWithAck) {
  const auto [packet, link] =
      parsed(Ethernet{} / Ipv4{} / Tcp{.flags = kAck, .acknowledgement = 0x0a0b0c0d} / payload(3));
  const auto answer = ps_answer_reset(&packet);
  EXPECT_EQ(answer.flags, kRst);
  EXPECT_EQ(answer.sequence, 0x0a0b0c0du);
  EXPECT_EQ(answer.acknowledgement, 0u);
}

std::unique_ptr<ps_line> line_of(const std::string& text) {
  auto line = std::make_unique<ps_line>();
  std::copy(text.begin(), text.end(), line->bytes);
  line->length = static_cast<uint32_t>(text.size());
  return line;
}

TEST(Reply, DoesNotWriteWhereItDoesNotFit) {
  for (const Bytes& request : {Bytes(Ethernet{} / Vlan{} / Ipv4{} / Tcp{}),
                               Bytes(Ethernet{} / Vlan{} / Vlan{} / Ipv6{} / Tcp{})}) {
    const auto [packet, link] = parsed(request);
    const ps_answer answer = {1, 2, kPsh | kAck, 0, 1};
    const auto line = line_of("554 5.7.1 no\r\n");
    const auto whole = ps_reply_bytes(&packet, line->length);
    for (size_t bytes = 0; bytes < whole; bytes++) {
      const auto place = std::make_unique<uint8_t[]>(bytes);  // a sanitizer sees any step outside
      EXPECT_EQ(
          ps_reply_write(place.get(), place.get() + bytes, &packet, &link, &answer, line.get()), 0);
    }
    Bytes place(whole);
    EXPECT_EQ(
        ps_reply_write(place.data(), place.data() + whole, &packet, &link, &answer, line.get()), 1);
  }
}

// Both addresses, the segment, and the two numbers of the pseudo header: order is free in sums.
bool checksums_hold(const Bytes& reply) {
  const Bytes ip(reply.begin() + 14, reply.begin() + 34);
  Bytes segment(reply.begin() + 26, reply.end());
  const auto length = reply.size() - 34;
  if (segment.size() % 2 != 0) segment.push_back(0);
  for (const size_t byte : {size_t{0}, size_t{6}, length >> 8, length & 255})
    segment.push_back(static_cast<uint8_t>(byte));
  return internet_checksum(ip) == 0 && internet_checksum(segment) == 0;
}

TEST(Reply, ChecksumIsRightForEverySequenceNumberThatFoldsDifferently) {
  const auto [packet, link] = parsed(Ethernet{} / Ipv4{.source = "203.0.113.129"} / Tcp{});
  for (uint32_t i = 0; i < 70'000; i++) {
    const ps_answer answer = {i * 0x00010001u + (i >> 3), ~i, kSyn | kAck, 0, 0};
    Bytes reply(ps_reply_bytes(&packet, 0));
    ASSERT_EQ(ps_reply_write(reply.data(), reply.data() + reply.size(), &packet, &link, &answer,
                             &kNoText),
              1);
    ASSERT_TRUE(checksums_hold(reply)) << i;
  }
}

TEST(Reply, ChecksumIsRightForLinesOfAnyLengthAndContent) {
  const auto [packet, link] = parsed(Ethernet{} / Ipv4{.source = "203.0.113.129"} / Tcp{});
  const ps_answer answer = {7, 8, kPsh | kAck, 0, 1};
  for (size_t length = PS_TEXT_SHORTEST; length <= PS_TEXT_LINE; length++)
    for (const char letter : {'\x01', 'A', '~', '\xff'}) {
      const auto line = line_of(std::string(length, letter));
      Bytes reply(ps_reply_bytes(&packet, line->length));
      ASSERT_EQ(ps_reply_write(reply.data(), reply.data() + reply.size(), &packet, &link, &answer,
                               line.get()),
                1);
      ASSERT_EQ(std::string(reply.end() - static_cast<ptrdiff_t>(length), reply.end()),
                std::string(length, letter));
      ASSERT_TRUE(checksums_hold(reply)) << length;
    }
}

}  // namespace
}  // namespace postern::packets
