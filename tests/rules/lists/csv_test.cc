// SPDX-License-Identifier: BSD-3-Clause
//
// Format csv: columns by their names, and files and rows that are refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/rules/lists/read_list.h"
#include "tests/rules/support/compiled.h"

namespace postern::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Csv, FindsColumnsByTheirNames) {
  const auto content = read_list("csv",
                                 "# a feed\n"
                                 "first_seen,IP,Category,score,Valid_Until,description\n"
                                 "x,192.0.2.1,spam,3,1700000000,\"one, two\"\n"
                                 "x,2001:db8::/32,,,,\n"
                                 "x,192.0.2.0-192.0.2.9,dynamic,0.5,2023-11-14T22:13:20Z,\r\n");
  EXPECT_THAT(entries_of(content),
              ElementsAre("192.0.2.1/32@3", "192.0.2.0-192.0.2.9@5", "2001:db8::/32@4"));
  EXPECT_THAT(
      notes_of(content),
      ElementsAre(
          EntryNote{.word = "spam", .number = 3, .text = "one, two", .expires_at = 1'700'000'000},
          EntryNote{.word = "dynamic", .number = 0.5, .expires_at = 1'700'000'000}, EntryNote{}));
  EXPECT_THAT(skipped_of(content), IsEmpty());
}

TEST(Csv, ReadsTheEndsFromTwoColumns) {
  EXPECT_THAT(entries_of(read_list("csv", "start;end\n192.0.2.0;192.0.2.9\n\"::\";\"::1\"\n")),
              ElementsAre("192.0.2.0-192.0.2.9@2", "::/127@3"));
}

TEST(Csv, TakesTheDelimiterFromTheHeader) {
  EXPECT_THAT(entries_of(read_list("csv", "\xEF\xBB\xBF\"ip\"\t\"a,b\"\n192.0.2.1\t1;2,3\n")),
              ElementsAre("192.0.2.1/32@2"));
  EXPECT_THAT(entries_of(read_list("csv", "network\n192.0.2.0/24\n")),
              ElementsAre("192.0.2.0/24@2"));
}

TEST(Csv, KeepsTheFirstLineOfARow) {
  const auto content = read_list("csv",
                                 "ip,comment\n"
                                 "192.0.2.1,\"one\ntwo\n\nfour\"\n"
                                 "192.0.2.2,\n"
                                 "192.0.2.256,\"\n\"\n"
                                 "192.0.2.3,x\n");
  EXPECT_THAT(entries_of(content),
              ElementsAre("192.0.2.1/32@2", "192.0.2.2/32@6", "192.0.2.3/32@9"));
  EXPECT_THAT(skipped_of(content), ElementsAre(HasSubstr("a.list:7: \"192.0.2.256\" is not")));
  EXPECT_EQ(notes_of(content)[0].text, "one\ntwo\n\nfour");
}

TEST(Csv, SaysWhatIsWrongWithARow) {
  const auto content = read_list("csv",
                                 "ip,weight,expires\n"
                                 "192.0.2.1/24,1,\n"
                                 "192.0.2.1,much,\n"
                                 "192.0.2.1,1,tomorrow\n"
                                 "192.0.2.1,1\n"
                                 "192.0.2.1,1,,\n"
                                 "\"192.0.2.1\"x,1,\n"
                                 ",1,\n");
  EXPECT_THAT(entries_of(content), IsEmpty());
  EXPECT_THAT(
      skipped_of(content),
      ElementsAre(HasSubstr("a.list:2: \"192.0.2.1/24\" has bits set"),
                  "a.list:3: \"much\" is not a weight",
                  "a.list:4: \"tomorrow\" is neither Unix seconds nor a time as in RFC 3339",
                  "a.list:5: this row has 2 fields, but the header 3",
                  "a.list:6: this row has 4 fields, but the header 3",
                  "a.list:7: something follows a closing quote in this row",
                  "a.list:8: \"\" is not an address or a prefix"));
  EXPECT_THAT(skipped_of(read_list("csv", "start,end\n192.0.2.9,192.0.2.1\n")),
              ElementsAre("a.list:2: \"192.0.2.9-192.0.2.1\" ends before it begins"));
}

TEST(Csv, RefusesAHeaderWithoutAddresses) {
  EXPECT_EQ(
      complaint_of([] { read_list("csv", "\nname,value\n1,2\n"); }),
      "a.list:2: the header names no column of addresses (address, ip, cidr, prefix, network, "
      "or start and end); it has \"name\", \"value\"");
  EXPECT_THAT(complaint_of([] { read_list("csv", "start,b,c,d,e,f\n"); }),
              HasSubstr("it has \"start\", \"b\", \"c\", ..."));
  EXPECT_NE(complaint_of([] { read_list("csv", "192.0.2.1,spam\n"); }), "");
}

TEST(Csv, RefusesAQuoteThatNeverCloses) {
  EXPECT_EQ(complaint_of([] { read_list("csv", "ip,comment\n192.0.2.1,\"x\n192.0.2.2,y\n"); }),
            "a.list:2: a quote opens in this row and never closes; is the file truncated?");
}

}  // namespace
}  // namespace postern::test
