// SPDX-License-Identifier: BSD-3-Clause
//
// Format drop: records, the trailer that makes the file whole, and files that are refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/rules/lists/read_list.h"
#include "tests/rules/support/compiled.h"

namespace postern::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kFirst = R"({"cidr":"192.0.2.0/24","sblid":"SBL1","rir":"apnic"})";
constexpr std::string_view kSecond = R"({"cidr":"2001:db8::/32","sblid":"SBL2","rir":"arin"})";

std::string trailer(const std::string& records) {
  return R"({"type":"metadata","timestamp":1700000000,"size":10,"records":)" + records +
         R"(,"copyright":"c","terms":"t"})";
}

std::string lines(std::initializer_list<std::string_view> all) {
  std::string text;
  for (const auto line : all) text.append(line).append("\n");
  return text;
}

TEST(Drop, ReadsRecordsAndTheirLines) {
  const auto content = read_list("drop", lines({kFirst, kSecond, trailer("2")}));
  EXPECT_THAT(entries_of(content), ElementsAre("192.0.2.0/24@1", "2001:db8::/32@2"));
  EXPECT_THAT(skipped_of(content), IsEmpty());
}

TEST(Drop, ToleratesBlanksAndAMissingLastNewline) {
  auto text = "\xEF\xBB\xBF" + lines({kFirst, "", kSecond, "  \r"}) + trailer("2");
  EXPECT_THAT(entries_of(read_list("drop", text)),
              ElementsAre("192.0.2.0/24@1", "2001:db8::/32@3"));
}

TEST(Drop, RefusesATruncatedFile) {
  const auto whole = lines({kFirst, kSecond, trailer("2")});
  for (size_t size = 0; size + 2 < whole.size(); size++)
    EXPECT_NE(complaint_of([&] { read_list("drop", whole.substr(0, size)); }), "") << size;
  EXPECT_EQ(complaint_of([] {
              read_list("drop", lines({kFirst, kSecond}));
            }),
            "a.list: the metadata line that ends a DROP file is missing; is the file truncated?");
}

TEST(Drop, RefusesATrailerThatDisagrees) {
  EXPECT_EQ(complaint_of([] {
              read_list("drop", lines({kFirst, kSecond, trailer("3")}));
            }),
            "a.list:3: the metadata line says 3 records, but there are 2; is the file damaged?");
  EXPECT_THAT(complaint_of([] {
                read_list("drop", lines({kFirst, kSecond, trailer("1")}));
              }),
              HasSubstr("says 1 records, but there are 2"));
}

TEST(Drop, RefusesATrailerWithoutANumber) {
  for (const char* records : {"\"1\"", "-1", "1.0", "null", "[1]", "18446744073709551617", "true"})
    EXPECT_THAT(complaint_of([&] {
                  read_list("drop", lines({kFirst, trailer(records)}));
                }),
                HasSubstr("no number \"records\""))
        << records;
  EXPECT_THAT(complaint_of([] {
                read_list("drop", lines({kFirst, R"({"type":"metadata"})"}));
              }),
              HasSubstr("no number \"records\""));
}

TEST(Drop, RefusesALineThatOnlyBeginsWithTheTrailer) {
  // Taken for a damaged record, it would be a whole file once cut short behind the brace.
  for (const char* behind : {"x", "24\"}", "{}", ","})
    EXPECT_EQ(complaint_of([&] {
                read_list("drop", lines({kFirst, trailer("1") + behind, trailer("2")}));
              }),
              "a.list:2: something follows the metadata")
        << behind;
}

TEST(Drop, RefusesWhatFollowsTheTrailer) {
  EXPECT_THAT(complaint_of([] {
                read_list("drop", lines({kFirst, trailer("1"), kSecond}));
              }),
              HasSubstr("a.list:3: something follows"));
  EXPECT_THAT(complaint_of([] {
                read_list("drop", lines({kFirst, trailer("1"), trailer("1")}));
              }),
              HasSubstr("something follows"));
}

TEST(Drop, SkipsHostileLinesButCountsThem) {
  const std::string kHostile[] = {"192.0.2.0/24",
                                  "[]",
                                  "null",
                                  "{",
                                  "{}",
                                  "{\"cidr\":}",
                                  R"({"cidr":7})",
                                  R"({"cidr":null})",
                                  R"({"cidr":"192.0.2.1/24"})",
                                  R"({"cidr":"012.0.0.0/8"})",
                                  R"({"cidr":"192.0.2.0/24"} {"cidr":"192.0.2.0/24"})",
                                  R"({"CIDR":"192.0.2.0/24"})",
                                  R"({"cidr":"192.0.2.0/24\u0000"})",
                                  R"({"cidr":"\ud800"})",
                                  "{\"cidr\":\"\xff\"}",
                                  R"({"type":"Metadata","records":0})",
                                  std::string(100000, '['),
                                  std::string(100000, '{'),
                                  "# a comment",
                                  R"({"cidr":{"cidr":{"cidr":{"cidr":{"cidr":"192.0.2.0/24"}}}}})"};
  std::string text;
  for (const auto& line : kHostile) text += line + '\n';
  const auto content =
      read_list("drop", text + lines({kFirst, trailer(std::to_string(std::size(kHostile) + 1))}));
  EXPECT_EQ(content.skipped_count, std::size(kHostile));
  EXPECT_EQ(content.v4.size(), 1u);
  for (const auto& complaint : skipped_of(content)) EXPECT_LT(complaint.size(), 200u);
}

TEST(Drop, SaysWhatIsWrongWithALine) {
  const auto content =
      read_list("drop", lines({kFirst, R"({"cidr":"192.0.2.1/24"})", "x", "{}", trailer("4")}));
  EXPECT_THAT(skipped_of(content),
              ElementsAre(HasSubstr("a.list:2: \"192.0.2.1/24\" has bits set"),
                          "a.list:3: \"x\" is not a JSON object",
                          "a.list:4: there is no string \"cidr\" in this object"));
}

}  // namespace
}  // namespace postern::test
