// SPDX-License-Identifier: BSD-3-Clause
//
// Format cidr: what is an entry, and what is a bad line with which complaint.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/rules/lists/read_list.h"

namespace postern::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Cidr, ReadsAddressesAndPrefixesOfBothFamilies) {
  const auto content = read_list("cidr",
                                 "# a FireHOL netset\n"
                                 "#\n"
                                 "192.0.2.1\n"
                                 "198.51.100.0/24\n"
                                 "\n"
                                 "2001:db8::/32\n"
                                 "2001:DB8::1\n");
  EXPECT_THAT(entries_of(content), ElementsAre("192.0.2.1/32@3", "198.51.100.0/24@4",
                                               "2001:db8::/32@6", "2001:db8::1/128@7"));
  EXPECT_THAT(skipped_of(content), IsEmpty());
}

TEST(Cidr, ToleratesHowFilesAreEdited) {
  const auto content = read_list("cidr",
                                 "\xEF\xBB\xBF"
                                 "192.0.2.1\r\n"
                                 "  192.0.2.2 \t\r\n"
                                 " \t \r\n"
                                 "192.0.2.3# behind it\n"
                                 "   # alone\n"
                                 "192.0.2.4");
  EXPECT_THAT(entries_of(content),
              ElementsAre("192.0.2.1/32@1", "192.0.2.2/32@2", "192.0.2.3/32@4", "192.0.2.4/32@6"));
  EXPECT_EQ(content.skipped_count, 0u);
}

TEST(Cidr, SaysWhatIsWrongWithALine) {
  const auto content = read_list("cidr",
                                 "192.0.2.1/24\n"
                                 "012.0.0.1\n"
                                 "192.0.2.1\n"
                                 "192.0.2.0-192.0.2.9\n");
  EXPECT_THAT(entries_of(content), ElementsAre("192.0.2.1/32@3"));
  EXPECT_THAT(
      skipped_of(content),
      ElementsAre("a.list:1: \"192.0.2.1/24\" has bits set behind its length; did you mean "
                  "192.0.2.0/24?",
                  "a.list:2: \"012.0.0.1\" has an octet with a leading zero, which some would read "
                  "as octal",
                  "a.list:4: \"192.0.2.0-192.0.2.9\" is not an address or a prefix"));
}

TEST(Cidr, SkipsHostileLinesOneByOne) {
  const std::string kHostile[] = {"192.0.2.1 ; SBL1",
                                  "192.0.2.1 192.0.2.2",
                                  "192.0.2.1/33",
                                  "192.0.2.1/-1",
                                  "192.0.2.256",
                                  "0x7f.0.0.1",
                                  "127.1",
                                  "2130706433",
                                  "2001:db8::/129",
                                  "2001:db8::1::",
                                  "::ffff:192.0.2.01",
                                  "fe80::1%eth0",
                                  "example.net",
                                  "192.0.2.1/24/24",
                                  "192.0.2.1/",
                                  "/24",
                                  "<html>",
                                  "{\"cidr\":\"192.0.2.0/24\"}",
                                  std::string(1 << 20, '9'),
                                  std::string("192.0.2.1\0", 10),
                                  "\x1b]0;title\x07",
                                  "\xff\xfe",
                                  "192.0.2.1,",
                                  "add spamhaus_v6 2001:db8::/32"};
  std::string text;
  for (const auto& line : kHostile) text += line + '\n';
  const auto content = read_list("cidr", text + "192.0.2.1\n");
  EXPECT_EQ(content.skipped_count, std::size(kHostile));
  EXPECT_THAT(entries_of(content),
              ElementsAre("192.0.2.1/32@" + std::to_string(std::size(kHostile) + 1)));
  for (const auto& complaint : skipped_of(content)) {
    EXPECT_LT(complaint.size(), 200u);
    EXPECT_EQ(complaint.find_first_of("\x1b\x07\n"), std::string::npos);
  }
}

TEST(Cidr, KeepsTheFirstComplaintsAndCountsAll) {
  std::string text;
  for (int i = 0; i < 1000; i++) text += "nonsense\n";
  const auto content = read_list("cidr", text);
  EXPECT_EQ(content.skipped.size(), ListContent::kMaxKept);
  EXPECT_EQ(content.skipped_count, 1000u);
  EXPECT_THAT(content.skipped.back().to_string(), HasSubstr("a.list:100: "));
}

TEST(Cidr, LeavesJudgingTheFileToOthers) {
  EXPECT_THAT(entries_of(read_list("cidr", "")), IsEmpty());
  EXPECT_THAT(entries_of(read_list("cidr", "0.0.0.0/0\n")), ElementsAre("0.0.0.0/0@1"));
}

}  // namespace
}  // namespace postern::test
