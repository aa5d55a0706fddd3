// SPDX-License-Identifier: BSD-3-Clause
//
// SipHash against the vectors of its authors, and which segments acknowledge a cookie. That the
// cookie is the right one is compared with the oracle's, by OpenSSL, in judge_test.cc.
#include "dataplane/core/cookie.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "tests/packets/world.h"

namespace postern::packets {
namespace {

// Key 00 01 .. 0f, message 00 01 .. (n - 1).
TEST(SipHash, ReferenceVectors) {
  ps_siphash_key key;
  uint8_t bytes[64];
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = static_cast<uint8_t>(i);
  std::memcpy(key.words, bytes, sizeof key.words);
  uint64_t words[4];
  std::memcpy(words, bytes, sizeof words);
  EXPECT_EQ(ps_siphash(&key, words, 0), 0x726fdb47dd0e0e31u);
  EXPECT_EQ(ps_siphash(&key, words, 1), 0x93f5f5799a932462u);
  EXPECT_EQ(ps_siphash(&key, words, 2), 0x3f2acc7f57c29bdbu);
}

ps_packet packet_of(std::mt19937_64& random, ps_family family) {
  ps_packet packet{};
  packet.family = family;
  for (size_t i = 0; i < (family == PS_FAMILY_V4 ? 4 : 16); i++) {
    packet.source.bytes[i] = static_cast<uint8_t>(random());
    packet.destination.bytes[i] = static_cast<uint8_t>(random());
  }
  packet.source_port.raw = static_cast<uint16_t>(random());
  packet.destination_port.raw = static_cast<uint16_t>(random());
  packet.tcp_flags = PS_TCP_ACK;
  return packet;
}

TEST(Cookie, IsRecognisedWithAllThatMayBeSaidBehindIt) {
  const auto& keys = corpus_world().cookies;
  std::mt19937_64 random(1);
  for (const auto family : {PS_FAMILY_V4, PS_FAMILY_V6})
    for (int i = 0; i < 100; i++) {
      auto packet = packet_of(random, family);
      const auto cookie = ps_cookie_make(&keys, &packet);
      for (const uint32_t said : {0u, 1u, 200u, 2047u}) {
        packet.acknowledgement = ps_be32_of(cookie + 1 + said);
        ASSERT_EQ(ps_cookie_said(&keys, &packet), static_cast<int>(said));
      }
      packet.acknowledgement = ps_be32_of(cookie + 1 + 2048);
      ASSERT_EQ(ps_cookie_said(&keys, &packet), -1);
      packet.acknowledgement = ps_be32_of(cookie);
      ASSERT_EQ(ps_cookie_said(&keys, &packet), -1);
    }
}

// One in 2^19, times three keys of four.
TEST(Cookie, GuessesAreSeldomRight) {
  const auto& keys = corpus_world().cookies;
  std::mt19937_64 random(2);
  int right = 0;
  for (int i = 0; i < 4'000'000; i++) {
    auto packet = packet_of(random, PS_FAMILY_V4);
    packet.acknowledgement.raw = static_cast<uint32_t>(random());
    if (ps_cookie_said(&keys, &packet) >= 0) right++;
  }
  EXPECT_LT(right, 30);  // expected 5.7
}

TEST(Cookie, DependsOnEverythingThatItIsMadeOf) {
  const auto& keys = corpus_world().cookies;
  std::mt19937_64 random(3);
  for (const auto family : {PS_FAMILY_V4, PS_FAMILY_V6}) {
    const auto packet = packet_of(random, family);
    const auto cookie = ps_cookie_make(&keys, &packet);
    const auto differs = [&](auto change) {
      auto other = packet;
      change(other);
      return ps_cookie_make(&keys, &other) != cookie;
    };
    const size_t size = family == PS_FAMILY_V4 ? 4 : 16;
    for (size_t i = 0; i < size; i++) {
      EXPECT_TRUE(differs([i](auto& other) { other.source.bytes[i] ^= 1; }));
      EXPECT_TRUE(differs([i](auto& other) { other.destination.bytes[i] ^= 0x80; }));
    }
    EXPECT_TRUE(differs([](auto& other) { other.source_port.raw ^= 1; }));
    EXPECT_TRUE(differs([](auto& other) { other.destination_port.raw ^= 0x8000; }));
    auto later = keys;
    later.epoch++;
    EXPECT_NE(ps_cookie_make(&later, &packet), cookie);
  }
}

}  // namespace
}  // namespace postern::packets
