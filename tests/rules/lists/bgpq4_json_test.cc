// SPDX-License-Identifier: BSD-3-Clause
//
// Format bgpq4-json: records at their lines, and what is no record.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/rules/lists/read_list.h"

namespace postern::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Bgpq4Json, ReadsRecordsAtTheirLines) {
  const auto content = read_list("bgpq4-json",
                                 "{ \"NN\": [\n"
                                 "    { \"prefix\": \"192.0.2.0\\/24\", \"exact\": true },\n"
                                 "    { \"prefix\": \"198.51.100.0\\/24\", \"exact\": false,\n"
                                 "      \"greater-equal\": 25, \"less-equal\": 32 },\n"
                                 "    { \"prefix\": \"2001:db8::\\/32\" }\n"
                                 "] }\n");
  EXPECT_THAT(entries_of(content),
              ElementsAre("192.0.2.0/24@2", "198.51.100.0/24@3", "2001:db8::/32@5"));
  EXPECT_EQ(notes_of(content)[0], EntryNote{.word = "NN"});
  EXPECT_EQ(content.skipped_count, 0u);
}

TEST(Bgpq4Json, SaysWhatIsWrongWithARecord) {
  const auto content = read_list("bgpq4-json",
                                 "{ \"NN\": [\n{\"prefix\":\"192.0.2.1/24\"},\n{\"prefix\":5},\n"
                                 "\"192.0.2.0/24\",\n{}\n],\n\"x\": 1 }\n");
  EXPECT_EQ(content.size(), 0u);
  EXPECT_THAT(
      skipped_of(content),
      ElementsAre(HasSubstr("a.list:2: \"192.0.2.1/24\" has bits set"),
                  "a.list:3: there is no string \"prefix\" in this record", HasSubstr("a.list:4: "),
                  HasSubstr("a.list:5: "), HasSubstr("a.list:7: ")));
}

TEST(Bgpq4Json, IsRefusedWhenItEndsInTheMiddle) {
  EXPECT_THROW(read_list("bgpq4-json", "{ \"NN\": [\n{\"prefix\":\"192.0.2.0/24\"},\n"), BadInput);
}

}  // namespace
}  // namespace postern::test
