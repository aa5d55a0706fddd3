// SPDX-License-Identifier: BSD-3-Clause
//
// Format ipset: what `ipset save` writes, timeouts, exclusions that stay in their set, bad lines.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/rules/lists/naive_listing.h"

namespace postern::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Ipset, ReadsWhatIpsetSaves) {
  const auto content = read_list(
      "ipset",
      "create a hash:ip family inet hashsize 1024 maxelem 65536 timeout 300 comment bucketsize 12 "
      "initval 0x0544161b\n"
      "add a 192.0.2.1 timeout 0 comment \"two words\"\n"
      "add a 192.0.2.11 timeout 299\n"
      "add a 192.0.2.12\n"
      "create n hash:net family inet hashsize 1024 maxelem 65536\n"
      "add n 10.0.0.0/8 packets 1 bytes 2\n"
      "add n 1.2.3.0-1.2.3.9 -exist\n"
      "create n6 hash:net family inet6 hashsize 1024 maxelem 65536\n"
      "add n6 2001:db8::/32\n"
      "create bm bitmap:ip range 10.0.0.0-10.0.255.255\n"
      "add bm 10.0.0.1\n"
      "create cn hash:ip family inet netmask 24 counters skbinfo\n"
      "add cn 9.9.9.0 packets 1 bytes 2 skbmark 0x1 skbprio 1:10\n"
      "COMMIT\n");
  EXPECT_THAT(skipped_of(content), IsEmpty());
  EXPECT_THAT(
      entries_of(content),
      ElementsAre("192.0.2.1/32@2", "192.0.2.11/32@3", "192.0.2.12/32@4", "10.0.0.0/8@6",
                  "1.2.3.0-1.2.3.9@7", "10.0.0.1/32@11", "9.9.9.0/24@13", "2001:db8::/32@9"));
  const auto notes = notes_of(content);
  EXPECT_EQ(notes[0], (EntryNote{.word = "a", .text = "two words"}));
  EXPECT_EQ(notes[1], (EntryNote{.word = "a", .expires_at = kModifiedAt + 299}));
  EXPECT_EQ(notes[2], (EntryNote{.word = "a", .expires_at = kModifiedAt + 300}));
  EXPECT_EQ(notes[3], (EntryNote{.word = "n"}));
}

TEST(Ipset, MasksAsIpsetDoes) {
  EXPECT_THAT(entries_of(read_list("ipset", "add n 10.1.2.3/16\nadd m 2001:db8::1/32\n")),
              ElementsAre("10.1.0.0/16@1", "2001:db8::/32@2"));
}

TEST(Ipset, ExclusionsStayInTheirSet) {
  const auto content = read_list("ipset",
                                 "create a hash:net\nadd a 10.0.0.0/8\n"
                                 "create b hash:net\nadd b 10.0.0.0/8\nadd b 10.1.0.0/16 nomatch\n"
                                 "add b 10.1.2.0/24\n");
  EXPECT_EQ(words_at(content, "10.0.0.1"), "a b");
  EXPECT_EQ(words_at(content, "10.1.0.1"), "a");
  EXPECT_EQ(words_at(content, "10.1.2.1"), "a b");
}

TEST(Ipset, RemarksSetsOfOtherTypes) {
  const auto content = read_list("ipset",
                                 "create p hash:ip,port family inet\nadd p 1.2.3.4,tcp:80\n"
                                 "create l list:set size 8\nadd l p\n");
  EXPECT_THAT(entries_of(content), IsEmpty());
  EXPECT_THAT(skipped_of(content), IsEmpty());
  EXPECT_THAT(
      remarks_of(content),
      ElementsAre("a.list:1: set \"p\" is of type \"hash:ip,port\", not of addresses, so it "
                  "is not read",
                  HasSubstr(":3: set \"l\" is of type \"list:set\"")));
}

TEST(Ipset, SaysWhatIsWrongWithALine) {
  const auto content = read_list("ipset",
                                 "create a hash:ip\nadd a 2001:db8::1\nadd a 010.0.0.1\n"
                                 "add a 10.0.0.1 timeout 5m\nadd a 10.0.0.1 comment \"x\n"
                                 "add a 10.0.0.1 forever\nadd a 10.0.0.9-10.0.0.1\nadd a\n"
                                 "del a 10.0.0.1\ncreate b hash:ip netmask 33\n"
                                 "create c hash:ip timeout never\nadd d 1.2.3.4,tcp:80\n");
  EXPECT_THAT(entries_of(content), IsEmpty());
  EXPECT_THAT(skipped_of(content),
              ElementsAre("a.list:2: \"2001:db8::1\" is not of the address family of its set",
                          HasSubstr(":3: \"010.0.0.1\" has an octet with a leading zero"),
                          "a.list:4: timeout is not followed by a number of seconds",
                          "a.list:5: comment is not followed by a text in double quotes",
                          "a.list:6: \"forever\" is not an option of an entry",
                          HasSubstr(":7: \"10.0.0.9-10.0.0.1\" ends before it begins"),
                          "a.list:8: \"\" is not an address or a prefix",
                          "a.list:9: \"del\" is neither create nor add",
                          "a.list:10: netmask is not followed by a prefix length",
                          "a.list:11: timeout is not followed by a number of seconds",
                          "a.list:12: \"1.2.3.4,tcp:80\" is not an address or a prefix"));
}

}  // namespace
}  // namespace postern::test
