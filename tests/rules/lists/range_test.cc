// SPDX-License-Identifier: BSD-3-Clause
//
// Format range: every spelling of a range, and bad lines.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/rules/lists/read_list.h"

namespace postern::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Range, ReadsEverySpelling) {
  const auto content = read_list("range",
                                 "# as iprange reads them\r\n"
                                 "192.0.2.1\r\n"
                                 "192.0.2.0/25  # half\n"
                                 "198.51.100.0/255.255.255.0\n"
                                 "203.0.113.1 - 203.0.113.9\n"
                                 "203.0.113.16-203.0.113.31\n"
                                 "2001:db8::1-2001:db8::3\n");
  EXPECT_THAT(entries_of(content), ElementsAre("192.0.2.1/32@2", "192.0.2.0/25@3",
                                               "198.51.100.0/24@4", "203.0.113.1-203.0.113.9@5",
                                               "203.0.113.16/28@6", "2001:db8::1-2001:db8::3@7"));
  EXPECT_THAT(skipped_of(content), IsEmpty());
  EXPECT_EQ(notes_of(content)[1].text, "half");
}

TEST(Range, SaysWhatIsWrongWithALine) {
  const auto content = read_list("range",
                                 "192.0.2.9-192.0.2.1\n"
                                 "192.0.2.1-2001:db8::1\n"
                                 "010.0.0.1-10.0.0.9\n"
                                 "192.0.2.1/24\n"
                                 "192.0.2.0/0.0.0.255\n"
                                 "example.net\n"
                                 "192.0.2.1\n");
  EXPECT_THAT(entries_of(content), ElementsAre("192.0.2.1/32@7"));
  EXPECT_THAT(skipped_of(content),
              ElementsAre("a.list:1: \"192.0.2.9-192.0.2.1\" ends before it begins",
                          HasSubstr("a.list:2: \"192.0.2.1-2001:db8::1\" begins in one address"),
                          HasSubstr("a.list:3: \"010.0.0.1-10.0.0.9\" has an octet with a leading"),
                          HasSubstr("a.list:4: \"192.0.2.1/24\" has bits set behind its length"),
                          HasSubstr("a.list:5: \"192.0.2.0/0.0.0.255\" has a mask that is not"),
                          HasSubstr("a.list:6: \"example.net\" is not an address or a prefix")));
}

}  // namespace
}  // namespace postern::test
