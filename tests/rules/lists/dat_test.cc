// SPDX-License-Identifier: BSD-3-Clause
//
// Format dat: padded octets, levels, and bad lines.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/rules/lists/read_list.h"

namespace postern::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Dat, ReadsPaddedRanges) {
  const auto content = read_list("dat",
                                 "# ipfilter.dat\n"
                                 "001.002.003.004 - 001.002.003.255 , 000 , Some Org\r\n"
                                 "010.020.030.000 - 010.020.030.255 , 100 , Org, Inc.\n"
                                 "192.0.2.1-192.0.2.1,127,\n"
                                 "000.000.000.000 - 000.255.255.255 , 0\n");
  EXPECT_THAT(entries_of(content), ElementsAre("1.2.3.4-1.2.3.255@2", "10.20.30.0/24@3",
                                               "192.0.2.1/32@4", "0.0.0.0/8@5"));
  EXPECT_THAT(notes_of(content),
              ElementsAre(EntryNote{.text = "Some Org"}, EntryNote{.text = "Org, Inc."},
                          EntryNote{}, EntryNote{}));
  EXPECT_THAT(skipped_of(content), IsEmpty());
}

TEST(Dat, RemarksOnWhatIsAllowed) {
  const auto content = read_list("dat",
                                 "192.0.2.0 - 192.0.2.255 , 128 , a friend\n"
                                 "198.51.100.0 - 198.51.100.255 , 127 , none\n");
  EXPECT_THAT(entries_of(content), ElementsAre("198.51.100.0/24@2"));
  EXPECT_THAT(remarks_of(content),
              ElementsAre("a.list:1: level 128 allows 192.0.2.0/24, so it is not in the list"));
  EXPECT_THAT(skipped_of(content), IsEmpty());
}

TEST(Dat, SaysWhatIsWrongWithALine) {
  const auto content = read_list("dat",
                                 "192.0.2.0 - 192.0.2.255\n"
                                 "192.0.2.9 - 192.0.2.1 , 0 , x\n"
                                 "192.0.2.0 - 192.0.2.1 , x , y\n"
                                 "192.0.2.0 - 192.0.2.1 , 256 , y\n"
                                 "192.0.2.0 - 192.0.2.1 , , y\n"
                                 "0012.0.2.0 - 192.0.2.1 , 0 , y\n"
                                 "012.0.2 - 192.0.2.1 , 0 , y\n");
  EXPECT_THAT(entries_of(content), IsEmpty());
  EXPECT_THAT(
      skipped_of(content),
      ElementsAre("a.list:1: \"192.0.2.0 - 192.0.2.255\" is not first - last , level , name",
                  "a.list:2: \"192.0.2.9 - 192.0.2.1\" ends before it begins",
                  "a.list:3: \"x\" is not a level from 0 to 255",
                  "a.list:4: \"256\" is not a level from 0 to 255",
                  "a.list:5: \"\" is not a level from 0 to 255",
                  HasSubstr("a.list:6: \"0012.0.2.0 - 192.0.2.1\" has an octet"),
                  "a.list:7: \"12.0.2 - 192.0.2.1\" is not a range of addresses"));
}

}  // namespace
}  // namespace postern::test
