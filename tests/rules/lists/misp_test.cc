// SPDX-License-Identifier: BSD-3-Clause
//
// Format misp: warninglists of prefixes and of domains, and those that are refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/rules/lists/read_list.h"
#include "tests/rules/support/compiled.h"

namespace postern::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string warninglist(const std::string& records, const std::string& type) {
  return "{\n  \"description\": \"d\",\n  \"list\": [\n" + records +
         "\n  ],\n  \"matching_attributes\": [\n    \"ip-src\"\n  ],\n  \"type\": \"" + type +
         "\",\n  \"version\": 1\n}\n";
}

TEST(Misp, ReadsPrefixesAtTheirLines) {
  const auto content = read_list(
      "misp", warninglist("\"192.0.2.0/24\",\n\n\"2001:db8::/32\", \"192.0.2.1\"", "cidr"));
  EXPECT_THAT(entries_of(content),
              ElementsAre("192.0.2.0/24@4", "192.0.2.1/32@6", "2001:db8::/32@6"));
  EXPECT_THAT(skipped_of(content), IsEmpty());
}

TEST(Misp, ReadsDomains) {
  const auto content = read_list(
      "misp", warninglist("\"Example.net\",\n\"mail.example.org\",\n\"com\"", "hostname"));
  EXPECT_THAT(entries_of(content), ElementsAre("example.net@4", "mail.example.org@5"));
  EXPECT_THAT(skipped_of(content), ElementsAre(HasSubstr("a.list:6: \"com\" is a single label")));
}

TEST(Misp, SkipsBadRecords) {
  const auto content = read_list(
      "misp", warninglist("\"192.0.2.1/24\",\n7,\n[\"192.0.2.9\"],\n\"192.0.2.1\"", "cidr"));
  EXPECT_THAT(entries_of(content), ElementsAre("192.0.2.1/32@7"));
  EXPECT_THAT(skipped_of(content), ElementsAre(HasSubstr("a.list:4: \"192.0.2.1/24\" has bits set"),
                                               "a.list:5: this record is not a string",
                                               "a.list:6: this record is not a string"));
}

TEST(Misp, RefusesOtherTypes) {
  EXPECT_EQ(complaint_of([] { read_list("misp", warninglist("\"a\"", "regex")); }),
            "a.list: is a warninglist of type \"regex\"; only \"cidr\" and \"hostname\" say "
            "something about senders");
  EXPECT_EQ(complaint_of([] { read_list("misp", "{\"list\":[\"192.0.2.1\"]}"); }),
            "a.list: has no \"type\" that says what its records are");
}

TEST(Misp, RefusesATruncatedFile) {
  const auto whole = warninglist("\"192.0.2.0/24\",\n\"192.0.2.1\"", "cidr");
  for (size_t size = 0; size + 1 < whole.size(); size++)
    EXPECT_NE(complaint_of([&] { read_list("misp", whole.substr(0, size)); }), "") << size;
}

}  // namespace
}  // namespace postern::test
