// SPDX-License-Identifier: BSD-3-Clause
//
// Format pf: tables with exclusions, and bad lines.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/rules/lists/naive_listing.h"

namespace postern::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Pf, TheMostSpecificDecides) {
  const auto content = read_list("pf",
                                 "# a table\n10.0.0.0/8  !10.1.0.0/16\t10.1.2.3 # three\n"
                                 "2001:db8::/32\n!2001:db8::1\n");
  EXPECT_THAT(skipped_of(content), IsEmpty());
  EXPECT_THAT(words_at(content, "10.0.0.1"), "");  // listed, without a word:
  const auto listed = [&](std::string_view address) {
    return !listing_at(content, IpAddress::parse(address).value()).empty();
  };
  EXPECT_TRUE(listed("10.0.0.1"));
  EXPECT_FALSE(listed("10.1.0.1"));
  EXPECT_TRUE(listed("10.1.2.3"));
  EXPECT_TRUE(listed("2001:db8::2"));
  EXPECT_FALSE(listed("2001:db8::1"));
  EXPECT_EQ(notes_of(content)[0].text, "three");
}

TEST(Pf, MasksAsPfctlDoes) {
  EXPECT_THAT(entries_of(read_list("pf", "192.0.2.1/24\n!10.1/16\n10/8\n2001:db8::1/32\n")),
              ElementsAre("192.0.2.0/24@1", "10.1.0.0/16@2", "10.0.0.0/8@3", "2001:db8::/32@4"));
}

TEST(Pf, SaysWhatIsWrongWithALine) {
  const auto content = read_list("pf",
                                 "mail.example.net 192.0.2.1\nem0:network\n010.0.0.1\n10.1\n!\n"
                                 "192.0.2.0/33\n::ffff:192.0.2.1\nself\n");
  EXPECT_THAT(entries_of(content), ElementsAre("192.0.2.1/32@1"));
  EXPECT_THAT(skipped_of(content),
              ElementsAre("a.list:1: \"mail.example.net\" is not an address or a prefix; names are "
                          "not resolved here",
                          HasSubstr(":2: \"em0:network\" is not an address or a prefix; names"),
                          HasSubstr(":3: \"010.0.0.1\" has an octet with a leading zero"),
                          "a.list:4: \"10.1\" is not an address or a prefix",
                          "a.list:5: \"\" is not an address or a prefix",
                          "a.list:6: \"192.0.2.0/33\" is not an address or a prefix",
                          HasSubstr(":7: \"::ffff:192.0.2.1/128\" is IPv4 written as IPv6"),
                          HasSubstr(":8: \"self\" is not an address")));
}

}  // namespace
}  // namespace postern::test
