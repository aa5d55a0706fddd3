// SPDX-License-Identifier: BSD-3-Clause
//
// Format prefix-list: order by sequence number, names, and bad lines.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/rules/lists/naive_listing.h"

namespace postern::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(PrefixList, TheFirstMatchCounts) {
  const auto content = read_list("prefix-list",
                                 "! a router\nno ip prefix-list POOLS\n"
                                 "ip prefix-list POOLS description of pools\n"
                                 "ip prefix-list POOLS seq 5 deny 192.0.2.0/25\n"
                                 "ip prefix-list POOLS seq 10 permit 192.0.2.0/24 le 32\n"
                                 "ip prefix-list POOLS permit 198.51.100.0/24 ge 25 le 30\n"
                                 "end\n");
  EXPECT_THAT(skipped_of(content), IsEmpty());
  EXPECT_THAT(entries_of(content),
              ElementsAre("192.0.2.0/25@4", "192.0.2.0/24@5", "198.51.100.0/24@6"));
  EXPECT_EQ(content.overlap, Overlap::kFirst);
  EXPECT_EQ(words_at(content, "192.0.2.1"), "");
  EXPECT_EQ(words_at(content, "192.0.2.129"), "POOLS");
}

TEST(PrefixList, SequenceNumbersComeBeforeLines) {
  const auto content = read_list("prefix-list",
                                 "ip prefix-list P seq 20 permit 10.0.0.0/8\n"
                                 "ip prefix-list P seq 10 deny 10.1.0.0/16\n"
                                 "ip prefix-list P permit 10.1.0.0/16\n"
                                 "ip prefix-list P seq 20 permit 11.0.0.0/8\n");
  EXPECT_THAT(entries_of(content), ElementsAre("11.0.0.0/8@4"));
  EXPECT_THAT(remarks_of(content), ElementsAre("a.list:1: line 4 has this sequence number too, and "
                                               "replaces this line"));
}

TEST(PrefixList, NamesAndFamiliesStayApart) {
  const auto content = read_list("prefix-list",
                                 "ip prefix-list A permit 10.0.0.0/8\n"
                                 "ip prefix-list B deny 10.1.0.0/16\n"
                                 "ip prefix-list B permit any\n"
                                 "ipv6 prefix-list A seq 5 permit 2001:db8::/32 le 48\n"
                                 "ip prefix-list GONE permit 172.16.0.0/12\n"
                                 "no ip prefix-list GONE\n");
  EXPECT_THAT(skipped_of(content), IsEmpty());
  EXPECT_EQ(words_at(content, "10.0.0.1"), "A B");
  EXPECT_EQ(words_at(content, "10.1.0.1"), "A");
  EXPECT_EQ(words_at(content, "172.16.0.1"), "B");
  EXPECT_EQ(words_at(content, "2001:db8::1"), "A");
}

TEST(PrefixList, SaysWhatIsWrongWithALine) {
  const auto content = read_list("prefix-list",
                                 "ip prefix-list P seq x permit 10.0.0.0/8\n"
                                 "ip prefix-list P allow 10.0.0.0/8\n"
                                 "ip prefix-list P permit 10.0.0.1/8\n"
                                 "ip prefix-list P permit 2001:db8::/32\n"
                                 "ip prefix-list P permit 10.0.0.0/8 ge 4\n"
                                 "ip prefix-list P permit 10.0.0.0/8 le 33\n"
                                 "ip prefix-list P permit 10.0.0.0/8 upto 9\n"
                                 "ip prefix-list P permit 010.0.0.0/8\n"
                                 "no ip prefix-list P seq 5\n"
                                 "interface eth0\n"
                                 "ip prefix-list\n"
                                 "ip prefix-list sequence-number\n");
  EXPECT_THAT(entries_of(content), IsEmpty());
  EXPECT_THAT(skipped_of(content),
              ElementsAre("a.list:1: \"x\" is not a sequence number",
                          "a.list:2: \"allow\" stands where permit or deny should",
                          HasSubstr(":3: \"10.0.0.1/8\" has bits set"),
                          HasSubstr(":4: \"2001:db8::/32\" is not of the address family"),
                          "a.list:5: \"4\" is not a length that 10.0.0.0/8 has inside",
                          "a.list:6: \"33\" is not a length that 10.0.0.0/8 has inside",
                          "a.list:7: \"upto\" stands where ge, le or the end of the line should",
                          HasSubstr(":8: \"010.0.0.0/8\" has an octet with a leading zero"),
                          "a.list:9: entries are not removed one by one here",
                          "a.list:10: \"interface eth0\" is not a line of a prefix-list",
                          HasSubstr(":11: \"ip prefix-list\" is not a line")));
}

}  // namespace
}  // namespace postern::test
