// SPDX-License-Identifier: BSD-3-Clause
//
// Format weighted: addresses with their counts, and bad lines.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/rules/lists/read_list.h"

namespace postern::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Weighted, ReadsAddressesAndCounts) {
  const auto content = read_list("weighted",
                                 "# IP\tnumber of lists\n"
                                 "192.0.2.1\t10\r\n"
                                 "192.0.2.0/24   2.5  # a net\n"
                                 "2001:db8::/32 0\n");
  EXPECT_THAT(entries_of(content),
              ElementsAre("192.0.2.1/32@2", "192.0.2.0/24@3", "2001:db8::/32@4"));
  EXPECT_THAT(notes_of(content),
              ElementsAre(EntryNote{.number = 10}, EntryNote{.number = 2.5, .text = "a net"},
                          EntryNote{.number = 0}));
  EXPECT_THAT(skipped_of(content), IsEmpty());
}

TEST(Weighted, SaysWhatIsWrongWithALine) {
  const auto content = read_list("weighted",
                                 "192.0.2.1\n"
                                 "192.0.2.1 many\n"
                                 "192.0.2.1 -1\n"
                                 "192.0.2.1 1 2\n"
                                 "192.0.2.1/24 1\n"
                                 "1 192.0.2.1\n");
  EXPECT_THAT(entries_of(content), IsEmpty());
  EXPECT_THAT(skipped_of(content),
              ElementsAre("a.list:1: \"192.0.2.1\" has no count behind it",
                          "a.list:2: \"many\" is not a count", "a.list:3: \"-1\" is not a count",
                          "a.list:4: \"1 2\" is not a count",
                          HasSubstr("a.list:5: \"192.0.2.1/24\" has bits set"),
                          "a.list:6: \"1\" is not an address or a prefix"));
}

}  // namespace
}  // namespace postern::test
