// SPDX-License-Identifier: BSD-3-Clause
//
// Format postfix-cidr: what is an entry or an exclusion, nesting, and bad lines. That Postfix
// agrees, postfix_peer_test asks it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/rules/lists/naive_listing.h"

namespace postern::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(PostfixCidr, TheFirstMatchCounts) {
  const auto content = read_list("postfix-cidr",
                                 "# comment\n"
                                 "192.0.2.1  OK\n"
                                 "192.0.2.2\tpermit_mynetworks\n"
                                 "192.0.2.3 dunno\n"
                                 "192.0.2.4 1700000000\n"
                                 "192.0.2.0/24 REJECT go away\n"
                                 "192.0.2.5 OK\n"
                                 "[2001:db8::]/32 554 5.7.1 text\n"
                                 "[2001:db9::/32] DISCARD\n");
  EXPECT_THAT(skipped_of(content), IsEmpty());
  for (const auto* passed : {"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.3.0"})
    EXPECT_EQ(words_at(content, passed), "") << passed;
  EXPECT_EQ(words_at(content, "192.0.2.5"), "REJECT");
  EXPECT_EQ(words_at(content, "2001:db8::1"), "554");
  EXPECT_EQ(words_at(content, "2001:db9::1"), "DISCARD");
  EXPECT_EQ(notes_of(content)[4].text, "go away");
}

TEST(PostfixCidr, NegationStaysInItsFamily) {
  const auto content = read_list("postfix-cidr", "!192.0.2.0/24 REJECT\n! ::/1 DEFER\n");
  EXPECT_THAT(entries_of(content),
              ElementsAre("0.0.0.0-192.0.1.255@1", "192.0.3.0-255.255.255.255@1", "8000::/1@2"));
  EXPECT_THAT(entries_of(read_list("postfix-cidr", "!0.0.0.0/0 REJECT\n")), IsEmpty());
}

TEST(PostfixCidr, ConditionsNest) {
  const auto content = read_list("postfix-cidr",
                                 "if 10.0.0.0/8\n"
                                 "if !10.1.0.0/16\n"
                                 "10.0.0.0/14 REJECT\n"
                                 "endif\n"
                                 "!10.2.0.0/16 DISCARD\n"
                                 "endif\n"
                                 "0.0.0.0/0 HOLD\n");
  EXPECT_EQ(words_at(content, "10.0.0.1"), "REJECT");
  EXPECT_EQ(words_at(content, "10.1.0.1"), "DISCARD");
  EXPECT_EQ(words_at(content, "10.2.0.1"), "REJECT");
  EXPECT_EQ(words_at(content, "10.200.0.1"), "DISCARD");
  EXPECT_EQ(words_at(content, "11.0.0.1"), "HOLD");
}

TEST(PostfixCidr, JoinsContinuedLines) {
  const auto content =
      read_list("postfix-cidr", "192.0.2.1 REJECT\r\n  a\n\n# between\n\tb\n192.0.2.2\n REJECT\n");
  EXPECT_THAT(entries_of(content), ElementsAre("192.0.2.1/32@1", "192.0.2.2/32@6"));
  EXPECT_EQ(notes_of(content)[0].text, "a b");
}

TEST(PostfixCidr, SaysWhatIsWrongWithALine) {
  const auto content = read_list("postfix-cidr",
                                 " 192.0.2.1 REJECT\n"
                                 "192.0.2.1/24 REJECT\n"
                                 "010.0.0.1 REJECT\n"
                                 "192.0.2.1\n"
                                 "endif\n"
                                 "if 192.0.2.0/24 x\n"
                                 "192.0.2.1 REJECT\n"
                                 "endif y\n"
                                 "if 192.0.2.0/33\n"
                                 "192.0.2.1 REJECT\n"
                                 "endif\n"
                                 "example.net REJECT\n"
                                 "192.0.2.0-192.0.2.9 REJECT\n");
  EXPECT_THAT(entries_of(content), IsEmpty());
  EXPECT_THAT(
      skipped_of(content),
      ElementsAre("a.list:1: this line continues none",
                  HasSubstr("a.list:2: \"192.0.2.1/24\" has bits set behind its length"),
                  HasSubstr("a.list:3: \"010.0.0.1\" has an octet with a leading zero"),
                  "a.list:4: \"192.0.2.1\" has no result", "a.list:5: this endif has no if",
                  "a.list:6: \"x\" follows the pattern of an if", "a.list:8: \"y\" follows endif",
                  "a.list:9: \"192.0.2.0/33\" is not an address or a prefix",
                  "a.list:12: \"example.net\" is not an address or a prefix",
                  HasSubstr("a.list:13: \"192.0.2.0-192.0.2.9\" is not")));
}

TEST(PostfixCidr, IsRefusedWhenAConditionDoesNotEnd) {
  EXPECT_THROW(read_list("postfix-cidr", "if 10.0.0.0/8\n10.0.0.1 REJECT\n"), BadInput);
  std::string deep;
  for (int i = 0; i < 40; i++) deep += "if 10.0.0.0/8\n";
  EXPECT_THROW(read_list("postfix-cidr", deep), BadInput);
}

}  // namespace
}  // namespace postern::test
