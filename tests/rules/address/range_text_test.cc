// SPDX-License-Identifier: BSD-3-Clause
//
// Ranges in all their spellings, and what is said about those that are none.
#include "rules/address/range_text.h"

#include <gtest/gtest.h>

namespace postern {
namespace {

std::string range_of(std::string_view text) {
  std::string why;
  const auto range = read_range(text, &why);
  return range ? range->to_string() : why;
}

TEST(RangeText, ReadsEverySpelling) {
  const std::pair<const char*, const char*> kCases[] = {
      {"192.0.2.1", "192.0.2.1/32"},
      {"192.0.2.0/24", "192.0.2.0/24"},
      {"192.0.2.0-192.0.2.255", "192.0.2.0/24"},
      {"192.0.2.1 - 192.0.2.9", "192.0.2.1-192.0.2.9"},
      {"192.0.2.1\t-192.0.2.1", "192.0.2.1/32"},
      {"0.0.0.0-255.255.255.255", "0.0.0.0/0"},
      {"192.0.2.0/255.255.255.0", "192.0.2.0/24"},
      {"192.0.2.1/255.255.255.255", "192.0.2.1/32"},
      {"0.0.0.0/0.0.0.0", "0.0.0.0/0"},
      {"128.0.0.0/128.0.0.0", "128.0.0.0/1"},
      {"2001:db8::/32", "2001:db8::/32"},
      {"2001:db8::1-2001:db8::3", "2001:db8::1-2001:db8::3"},
      {"2001:db8:: - 2001:db8::ffff", "2001:db8::/112"},
  };
  for (const auto& [text, range] : kCases) {
    EXPECT_EQ(range_of(text), range) << text;
    EXPECT_TRUE(looks_like_range(text)) << text;
  }
}

TEST(RangeText, SaysWhatIsWrong) {
  const std::pair<const char*, const char*> kCases[] = {
      {"192.0.2.9-192.0.2.1", " ends before it begins"},
      {"2001:db8::2-2001:db8::1", " ends before it begins"},
      {"192.0.2.1-2001:db8::1", " begins in one address family and ends in another"},
      {"2001:db8::1-192.0.2.1", " begins in one address family and ends in another"},
      {"192.0.2.1-", " is not a range of addresses"},
      {"-192.0.2.1", " is not a range of addresses"},
      {"-", " is not a range of addresses"},
      {"192.0.2.1-9", " is not a range of addresses"},
      {"192.0.2.0/24-192.0.3.0/24", " is not a range of addresses"},
      {"192.0.2.1-192.0.2.2-192.0.2.3", " is not a range of addresses"},
      {"192.0.2.1--192.0.2.2", " is not a range of addresses"},
      {"192.0.2.1-192.0.2.010",
       " has an octet with a leading zero, which some would read as octal"},
      {"012.0.0.1-13.0.0.1", " has an octet with a leading zero, which some would read as octal"},
      {"::ffff:192.0.2.0-::ffff:192.0.2.7",
       " is IPv4 written as IPv6, which no packet carries; did you mean 192.0.2.0/29?"},
      {"192.0.2.0/255.0.255.0", " has a mask that is not ones followed by zeros"},
      {"192.0.2.0/0.0.0.255", " has a mask that is not ones followed by zeros"},
      {"192.0.2.1/255.255.255.0", " has bits set behind its mask; did you mean 192.0.2.0/24?"},
      {"192.0.2.0/255.255.256.0", " is not an address with a mask"},
      {"192.0.2.0/::1.2.3.4", " is not an address with a mask"},
      {"2001:db8::/255.255.0.0", " is not an address with a mask"},
      {"012.0.0.0/255.0.0.0", " has an octet with a leading zero, which some would read as octal"},
      {"192.0.2.1/24", " has bits set behind its length; did you mean 192.0.2.0/24?"},
      {"012.0.0.1", " has an octet with a leading zero, which some would read as octal"},
      {"x", " is not an address or a prefix"},
      {"", " is not an address or a prefix"},
  };
  for (const auto& [text, why] : kCases)
    EXPECT_EQ(range_of(text), '"' + std::string(text) + '"' + why);
}

TEST(RangeText, SeesWhatWasMeant) {
  for (const char* text : {"192.0.2.9-192.0.2.1", "192.0.2.1 - 2001:db8::1", "192.0.2.1/24",
                           "192.0.2.1/255.0.255.0", "::ffff:192.0.2.1"})
    EXPECT_TRUE(looks_like_range(text)) << text;
  for (const char* text : {"", "-", "/", "192.0.2.1-9", "192.0.2.0/33", "a-b", "example.net"})
    EXPECT_FALSE(looks_like_range(text)) << text;
}

TEST(RangeText, ReadsTheEndsApart) {
  std::string why;
  EXPECT_EQ(read_range("192.0.2.0", "192.0.2.127", &why)->to_string(), "192.0.2.0/25");
  EXPECT_EQ(read_range("192.0.2.9", "192.0.2.1", &why), std::nullopt);
  EXPECT_EQ(why, "\"192.0.2.9-192.0.2.1\" ends before it begins");
}

}  // namespace
}  // namespace postern
