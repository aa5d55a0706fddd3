// SPDX-License-Identifier: BSD-3-Clause
//
// Addresses, prefixes and ranges, against the RFCs' examples and against the C library as a twin.
#include "rules/address/address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/rules/support/compiled.h"

namespace postern {
namespace {

using test::address;
using test::prefix;

TEST(IpAddress, ReadsWhatItWrites) {
  for (const char* text : {"0.0.0.0", "255.255.255.255", "192.0.2.1", "::", "::1",
                           "1::", "2001:db8::1", "1:2:3:4:5:6:7:8", "fe80::1:0:0:1"})
    EXPECT_EQ(address(text).to_string(), text);
}

// RFC 4291 section 2.2 and RFC 5952 sections 2 and 4.
TEST(IpAddress, WritesIpv6AsRfc5952Says) {
  const std::pair<const char*, const char*> kCases[] = {
      {"2001:DB8:0:0:8:800:200C:417A", "2001:db8::8:800:200c:417a"},
      {"FF01:0:0:0:0:0:0:101", "ff01::101"},
      {"0:0:0:0:0:0:0:1", "::1"},
      {"0:0:0:0:0:0:0:0", "::"},
      {"2001:0db8::0001", "2001:db8::1"},
      {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},  // one group is not shortened
      {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},           // the longest run
      {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},     // the first of equals
      {"1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"},
      {"::13.1.68.3", "::d01:4403"},
      {"::ffff:129.144.52.38", "::ffff:129.144.52.38"},  // section 5
      {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
  };
  for (const auto& [read, written] : kCases) EXPECT_EQ(address(read).to_string(), written);
}

TEST(IpAddress, RefusesWhatIsNone) {
  for (const char* text : {"",
                           " ",
                           "1",
                           "1.2.3",
                           "1.2.3.4.5",
                           "1.2.3.",
                           ".1.2.3",
                           "1..2.3",
                           "256.1.1.1",
                           "1.2.3.1000",
                           "012.0.0.1",
                           "00.0.0.0",
                           "1.2.3.04",
                           " 1.2.3.4",
                           "1.2.3.4 ",
                           "+1.2.3.4",
                           "0x1.2.3.4",
                           "1.2.3.a",
                           ":",
                           ":::",
                           "1:",
                           ":1",
                           "1::2::3",
                           "12345::",
                           "g::",
                           "1:2:3:4:5:6:7",
                           "1:2:3:4:5:6:7:8:9",
                           "1:2:3:4:5:6:7:8::",
                           "::1:2:3:4:5:6:7:8",
                           "1:2:3:4:5:6:7:1.2.3.4",
                           "::1.2.3",
                           "::1.2.3.4.5",
                           "::01.2.3.4",
                           "1.2.3.4::",
                           "fe80::1%eth0",
                           "[::1]",
                           "::1 "})
    EXPECT_EQ(IpAddress::parse(text), std::nullopt) << text;
  EXPECT_EQ(IpAddress::parse(std::string_view("1.2.3.4\0", 8)), std::nullopt);
}

// The C library reads the same texts as addresses, for random ones and for damaged ones.
TEST(IpAddress, AgreesWithTheCLibrary) {
  std::mt19937 random(1);
  constexpr std::string_view kBytes = "0123456789abcdef::::....";
  for (int i = 0; i < 20000; i++) {
    std::array<uint8_t, 16> bytes{};
    for (auto& byte : bytes)
      if (random() % 3 != 0) byte = static_cast<uint8_t>(random());
    const bool is_v4 = random() % 2 == 0;
    auto text = is_v4 ? IpAddress::v4(static_cast<uint32_t>(random())).to_string()
                      : IpAddress::v6(bytes).to_string();
    for (auto damage = random() % 3; damage > 0 && !text.empty(); damage--) {
      const auto at = random() % text.size();
      if (random() % 2 == 0)
        text[at] = kBytes[random() % kBytes.size()];
      else
        text.erase(at, 1);
    }
    std::array<uint8_t, 16> twin{};
    const bool is_v4_text = text.find(':') == std::string::npos;
    const bool ok = ::inet_pton(is_v4_text ? AF_INET : AF_INET6, text.c_str(), twin.data()) == 1;
    const auto parsed = IpAddress::parse(text);
    ASSERT_EQ(parsed.has_value(), ok) << text;
    if (ok) {
      ASSERT_EQ(parsed->bytes(), twin) << text;
      ASSERT_EQ(IpAddress::parse(parsed->to_string()), parsed) << text;
    }
  }
}

// The same for texts that are mostly digits and dots, long and short: where octets end, and of how
// many digits they are, is all there is to IPv4.
TEST(IpAddress, AgreesWithTheCLibraryOnQuads) {
  std::mt19937 random(2);
  constexpr std::string_view kBytes = "0011225569..";
  size_t addresses = 0;
  for (int i = 0; i < 300000; i++) {
    std::string text;
    for (int octet = 0; octet < 4; octet++) {
      if (octet > 0) text += '.';
      for (auto digits = random() % 16 == 0 ? random() % 5 : 1 + random() % 3; digits > 0; digits--)
        text += kBytes[random() % (random() % 32 == 0 ? kBytes.size() : kBytes.size() - 2)];
    }
    if (random() % 16 == 0) text += static_cast<char>(random());
    if (text.find('\0') != std::string::npos) continue;  // inet_pton's text would end there
    std::array<uint8_t, 4> twin{};
    const bool ok = ::inet_pton(AF_INET, text.c_str(), twin.data()) == 1;
    const auto parsed = IpAddress::parse(text);
    ASSERT_EQ(parsed.has_value(), ok) << text;
    ASSERT_EQ(Prefix::parse(text + "/32", Prefix::HostBits::kRefuse).has_value(), ok) << text;
    if (!ok) continue;
    ASSERT_TRUE(std::equal(twin.begin(), twin.end(), parsed->bytes().begin())) << text;
    addresses++;
  }
  EXPECT_GT(addresses, 10000u);
}

TEST(IpAddress, IsOrderedByFamilyThenNumber) {
  EXPECT_LT(address("9.0.0.0"), address("10.0.0.0"));
  EXPECT_LT(address("255.255.255.255"), address("::"));
  EXPECT_LT(address("::ffff"), address("::1:0"));
}

TEST(IpAddress, KnowsItsNeighbours) {
  EXPECT_EQ(address("10.0.0.255").next(), address("10.0.1.0"));
  EXPECT_EQ(address("10.0.1.0").previous(), address("10.0.0.255"));
  EXPECT_EQ(address("255.255.255.255").next(), std::nullopt);
  EXPECT_EQ(address("0.0.0.0").previous(), std::nullopt);
  EXPECT_EQ(address("::ffff:ffff").next(), address("::1:0:0"));
  EXPECT_EQ(address("::").previous(), std::nullopt);
  EXPECT_EQ(address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff").next(), std::nullopt);
}

TEST(IpAddress, ConvertsToAndFromTheAbi) {
  const auto v4 = address("192.0.2.1");
  EXPECT_EQ(v4.v4_host_order(), 0xc0000201u);
  EXPECT_EQ(v4.abi().bytes[0], 192);
  EXPECT_EQ(v4.abi().bytes[4], 0);
  EXPECT_EQ(IpAddress::from_abi(PS_FAMILY_V4, v4.abi()), v4);
  const auto v6 = address("2001:db8::1");
  EXPECT_EQ(v6.abi().bytes[1], 0x01);
  EXPECT_EQ(IpAddress::from_abi(PS_FAMILY_V6, v6.abi()), v6);
}

TEST(IpAddress, UnmapsOnlyMappedAddresses) {
  EXPECT_EQ(address("::ffff:192.0.2.1").unmapped(), address("192.0.2.1"));
  EXPECT_EQ(address("::192.0.2.1").unmapped(), address("::192.0.2.1"));
  EXPECT_EQ(address("192.0.2.1").unmapped(), address("192.0.2.1"));
}

TEST(Prefix, ReadsAndWrites) {
  EXPECT_EQ(prefix("192.0.2.0/24").to_string(), "192.0.2.0/24");
  EXPECT_EQ(prefix("192.0.2.1").to_string(), "192.0.2.1/32");
  EXPECT_EQ(prefix("2001:db8::/32").to_string(), "2001:db8::/32");
  EXPECT_EQ(prefix("::").to_string(), "::/128");
  EXPECT_EQ(prefix("0.0.0.0/0").to_string(), "0.0.0.0/0");
}

TEST(Prefix, RefusesWhatIsNone) {
  for (const char* text : {"192.0.2.0/33", "192.0.2.0/", "192.0.2.0/024", "192.0.2.0/-1", "/24",
                           "2001:db8::/129", "192.0.2.0/24/24", "192.0.2.0/24 ", "192.0.2/24",
                           "192.0.2.1/24", "2001:db8::1/32", "128.0.0.0/0"})
    EXPECT_EQ(Prefix::parse(text, Prefix::HostBits::kRefuse), std::nullopt) << text;
}

TEST(Prefix, MasksWhenAsked) {
  const auto mask = [](const char* text) {
    return Prefix::parse(text, Prefix::HostBits::kMask).value().to_string();
  };
  EXPECT_EQ(mask("192.0.2.1/24"), "192.0.2.0/24");
  EXPECT_EQ(mask("192.0.2.255/25"), "192.0.2.128/25");
  EXPECT_EQ(mask("255.255.255.255/0"), "0.0.0.0/0");
  EXPECT_EQ(mask("2001:db8:ffff::1/33"), "2001:db8:8000::/33");
}

TEST(Prefix, HoldsItsAddresses) {
  EXPECT_EQ(prefix("192.0.2.0/25").last(), address("192.0.2.127"));
  EXPECT_EQ(prefix("::/0").last(), address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
  EXPECT_TRUE(prefix("192.0.2.0/25").contains(address("192.0.2.127")));
  EXPECT_FALSE(prefix("192.0.2.0/25").contains(address("192.0.2.128")));
  EXPECT_FALSE(prefix("0.0.0.0/0").contains(address("::")));
  EXPECT_TRUE(prefix("192.0.2.7").contains(address("192.0.2.7")));
}

TEST(AddressRange, IsAPrefixWhereItIsOne) {
  const auto range = [](const char* first, const char* last) {
    return AddressRange::make(address(first), address(last)).value().to_string();
  };
  EXPECT_EQ(range("192.0.2.0", "192.0.2.255"), "192.0.2.0/24");
  EXPECT_EQ(range("192.0.2.1", "192.0.2.1"), "192.0.2.1/32");
  EXPECT_EQ(range("192.0.2.0", "192.0.2.254"), "192.0.2.0-192.0.2.254");
  EXPECT_EQ(range("192.0.2.128", "192.0.3.127"), "192.0.2.128-192.0.3.127");
  EXPECT_EQ(range("0.0.0.0", "255.255.255.255"), "0.0.0.0/0");
  EXPECT_EQ(range("2001:db8::", "2001:db8::1"), "2001:db8::/127");
}

TEST(AddressRange, RefusesWhatIsNone) {
  EXPECT_EQ(AddressRange::make(address("192.0.2.2"), address("192.0.2.1")), std::nullopt);
  EXPECT_EQ(AddressRange::make(address("192.0.2.2"), address("::")), std::nullopt);
}

}  // namespace
}  // namespace postern
