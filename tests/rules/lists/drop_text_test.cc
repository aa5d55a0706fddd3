// SPDX-License-Identifier: BSD-3-Clause
//
// Format drop-text: prefixes with the number of the listing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/rules/lists/read_list.h"

namespace postern::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(DropText, ReadsPrefixesAndTheirListing) {
  const auto content = read_list("drop-text",
                                 "; Spamhaus DROP List\n"
                                 "; Expires: soon\n"
                                 "192.0.2.0/24 ; SBL1\n"
                                 "2001:db8::/32;SBL2\r\n"
                                 "\n"
                                 "198.51.100.0/24\n");
  EXPECT_THAT(entries_of(content),
              ElementsAre("192.0.2.0/24@3", "198.51.100.0/24@6", "2001:db8::/32@4"));
  EXPECT_THAT(notes_of(content),
              ElementsAre(EntryNote{.text = "SBL1"}, EntryNote{}, EntryNote{.text = "SBL2"}));
  EXPECT_THAT(skipped_of(content), IsEmpty());
}

TEST(DropText, SaysWhatIsWrongWithALine) {
  const auto content = read_list("drop-text",
                                 "192.0.2.1/24 ; SBL1\n"
                                 "192.0.2.0-192.0.2.9 ; SBL2\n"
                                 "# no comment here\n"
                                 "192.0.2.0/24 SBL3\n");
  EXPECT_THAT(entries_of(content), IsEmpty());
  EXPECT_THAT(skipped_of(content),
              ElementsAre(HasSubstr("a.list:1: \"192.0.2.1/24\" has bits set"),
                          HasSubstr("a.list:2: "), HasSubstr("a.list:3: "),
                          "a.list:4: \"192.0.2.0/24 SBL3\" is not an address or a prefix"));
}

}  // namespace
}  // namespace postern::test
