// SPDX-License-Identifier: BSD-3-Clause
//
// Format spamd: addresses, prefixes and ranges with any text behind them, and bad lines.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/rules/lists/read_list.h"

namespace postern::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Spamd, ReadsRangesAndKeepsTheText) {
  const auto content = read_list("spamd",
                                 "# traplist\n192.0.2.1\n192.0.2.0/25 seen 2026-01-01\n"
                                 "198.51.100.1 - 198.51.100.9 a range\r\n"
                                 "198.51.100.16-198.51.100.31\n  203.0.113.1 - hyphen of a text\n"
                                 "203.0.113.2 203.0.113.9\n");
  EXPECT_THAT(skipped_of(content), IsEmpty());
  EXPECT_THAT(entries_of(content),
              ElementsAre("192.0.2.1/32@2", "192.0.2.0/25@3", "198.51.100.1-198.51.100.9@4",
                          "198.51.100.16/28@5", "203.0.113.1/32@6", "203.0.113.2/32@7"));
  EXPECT_EQ(notes_of(content)[1].text, "seen 2026-01-01");
  EXPECT_EQ(notes_of(content)[2].text, "a range");
  EXPECT_EQ(notes_of(content)[4].text, "- hyphen of a text");
  EXPECT_EQ(notes_of(content)[5].text, "203.0.113.9");
}

TEST(Spamd, SaysWhatIsWrongWithALine) {
  const auto content = read_list("spamd",
                                 "192.0.2.9 - 192.0.2.1\n192.0.2.1,x\n012.0.0.1 x\n192.0.2.1/24 x\n"
                                 "example.net x\n2001:db8::1\n");
  EXPECT_THAT(entries_of(content), IsEmpty());
  EXPECT_THAT(skipped_of(content),
              ElementsAre("a.list:1: \"192.0.2.9 - 192.0.2.1\" ends before it begins",
                          HasSubstr(":2: \"192.0.2.1,x\" is not an address"),
                          HasSubstr(":3: \"012.0.0.1\" has an octet with a leading zero"),
                          HasSubstr(":4: \"192.0.2.1/24\" has bits set"),
                          HasSubstr(":5: \"example.net x\" is not an address"),
                          HasSubstr(":6: \"2001:db8::1\" is IPv6, which spamd does not know")));
}

}  // namespace
}  // namespace postern::test
