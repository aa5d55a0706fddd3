// SPDX-License-Identifier: BSD-3-Clause
//
// Addresses as text: against what the C library writes, over every pattern of zero groups and
// random addresses.
#include "dataplane/core/address_text.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>

namespace postern {
namespace {

std::string ours(ps_family family, const ps_address& address) {
  ps_address_text text{};
  ps_put_address(&text, family, &address);
  return std::string(text.bytes, text.bytes + text.length);
}

std::string theirs(ps_family family, const ps_address& address) {
  char text[INET6_ADDRSTRLEN];
  return inet_ntop(family == PS_FAMILY_V4 ? AF_INET : AF_INET6, address.bytes, text, sizeof text);
}

ps_address address_of(const char* text) {
  ps_address address{};
  inet_pton(std::strchr(text, ':') ? AF_INET6 : AF_INET, text, address.bytes);
  return address;
}

TEST(AddressText, EveryOctet) {
  for (unsigned octet = 0; octet < 256; octet++)
    for (size_t place = 0; place < 4; place++) {
      ps_address address{{1, 22, 133, 4}};
      address.bytes[place] = static_cast<uint8_t>(octet);
      ASSERT_EQ(ours(PS_FAMILY_V4, address), theirs(PS_FAMILY_V4, address));
    }
}

// Which groups are zero, and how many digits the others have.
TEST(AddressText, EveryPatternOfGroups) {
  constexpr uint16_t kGroups[] = {0x1, 0xab, 0xcde, 0xf019};
  for (unsigned zeros = 0; zeros < 256; zeros++)
    for (unsigned shape = 0; shape < 4; shape++) {
      ps_address address{};
      for (unsigned i = 0; i < 8; i++) {
        const unsigned group = (zeros >> i & 1) != 0 ? 0 : kGroups[(i + shape) % 4];
        address.bytes[2 * i] = static_cast<uint8_t>(group >> 8);
        address.bytes[2 * i + 1] = static_cast<uint8_t>(group);
      }
      // With the first six groups zero the C library writes the rest as an IPv4 address.
      if ((zeros & 0x3f) == 0x3f) continue;
      ASSERT_EQ(ours(PS_FAMILY_V6, address), theirs(PS_FAMILY_V6, address));
    }
}

TEST(AddressText, NeverAnIpv4AddressWithinIpv6) {
  EXPECT_EQ(ours(PS_FAMILY_V6, address_of("::")), "::");
  EXPECT_EQ(ours(PS_FAMILY_V6, address_of("::1")), "::1");
  EXPECT_EQ(ours(PS_FAMILY_V6, address_of("::192.0.2.1")), "::c000:201");
  EXPECT_EQ(ours(PS_FAMILY_V6, address_of("::ffff:192.0.2.1")), "::ffff:c000:201");
}

TEST(AddressText, RandomAddresses) {
  std::mt19937_64 random(5952);
  for (int i = 0; i < 200'000; i++) {
    ps_address address{};
    for (auto& byte : address.bytes) byte = static_cast<uint8_t>(random() % 3 == 0 ? 0 : random());
    if (address.bytes[0] == 0) address.bytes[0] = 0x20;
    ASSERT_EQ(ours(PS_FAMILY_V6, address), theirs(PS_FAMILY_V6, address));
    ASSERT_EQ(ours(PS_FAMILY_V4, address), theirs(PS_FAMILY_V4, address));
  }
}

TEST(AddressText, LiteralsAndTheLongest) {
  const auto literal = [](ps_family family, const char* of) {
    ps_address_text text{};
    const auto address = address_of(of);
    ps_put_literal(&text, family, &address);
    return std::string(text.bytes, text.bytes + text.length);
  };
  EXPECT_EQ(literal(PS_FAMILY_V4, "198.51.100.25"), "[198.51.100.25]");
  EXPECT_EQ(literal(PS_FAMILY_V6, "2001:db8::25"), "[IPv6:2001:db8::25]");
  const auto longest = literal(PS_FAMILY_V6, "2001:1db8:1111:2222:3333:4444:5555:6666");
  EXPECT_EQ(longest, "[IPv6:2001:1db8:1111:2222:3333:4444:5555:6666]");
}

}  // namespace
}  // namespace postern
