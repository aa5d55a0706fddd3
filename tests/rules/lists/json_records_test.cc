// SPDX-License-Identifier: BSD-3-Clause
//
// The records of a JSON document and their lines, and documents that are refused.
#include "rules/lists/json_records.h"

#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>

#include "tests/rules/support/compiled.h"

namespace postern::test {
namespace {

std::string records_of(std::string_view text) {
  std::string all;
  read_json_records(text, "a.json", [&](const JsonRecord& record) {
    all += std::string(record.member) + (record.element ? "[]=" : "=") +
           boost::json::serialize(record.value) + '@' + std::to_string(record.line) + ' ';
  });
  return all;
}

TEST(JsonRecords, TellsEachWithItsLine) {
  EXPECT_EQ(records_of(R"({ "a": ["x", "y"], "b": 1 })"), R"(a[]="x"@1 a[]="y"@1 b=1@1 )");
  EXPECT_EQ(records_of("\xEF\xBB\xBF\r\n{\r\n\"a\":\n[\n\"x\",\n\n\"y\"\n]\n,\n\"b\":\n1\n}\n\n"),
            R"(a[]="x"@5 a[]="y"@7 b=1@11 )");
  EXPECT_EQ(records_of("{\"a\": [\n{\"p\":\n\"x\",\n\"q\":[1,\n{}]},\n-1.5,\ntrue\n,null,[2]]}"),
            R"(a[]={"p":"x","q":[1,{}]}@2 a[]=-1.5E0@6 a[]=true@7 a[]=null@8 a[]=[2]@8 )");
  EXPECT_EQ(records_of("{\"a\":{\"p\":[1]},\"b\":\"c\",\"d\":[],\"d\":18446744073709551615}"),
            R"(a={"p":[1]}@1 b="c"@1 d=18446744073709551615@1 )");
  EXPECT_EQ(records_of("{}"), "");
}

TEST(JsonRecords, ReadsEscapesInNamesAndValues) {
  EXPECT_EQ(records_of(R"({"a\u0062\n": ["x\ty\u00e9"]})"),
            std::string("ab\n[]=\"x\\ty\xC3\xA9\"@1 "));
}

TEST(JsonRecords, RefusesWhatIsNoDocument) {
  const std::pair<std::string, std::string> kCases[] = {
      {"", "a.json: the JSON document has no end; is the file truncated?"},
      {"{\n\"a\": [\n\"x\",\n", "a.json:3: the JSON document has no end; is the file truncated?"},
      {"{\n\"a\": [\"x", "a.json:2: the JSON document has no end; is the file truncated?"},
      {"[\"x\"]", "a.json:1: is not a JSON object"},
      {"\n\"x\"", "a.json:2: is not a JSON object"},
      {"7 ", "a.json:1: is not a JSON object"},
      {"{}\n\n{}", "a.json:3: something follows the JSON document"},
      {"{} x", "a.json:1: something follows the JSON document"},
      {"{\n\"a\": nul\n}", "a.json:2: is not JSON: "},
      {"{\n\"a\n\": 1}", "a.json:2: is not JSON: "},
      {"{\"a\":" + std::string(100000, '['), "a.json:1: is not JSON: "},
      {std::string("{\0}", 3), "a.json:1: is not JSON: "},
  };
  for (const auto& [text, why] : kCases) {
    const auto complaint = complaint_of([&] { records_of(text); });
    EXPECT_TRUE(complaint.starts_with(why)) << complaint << "\n instead of " << why;
    EXPECT_LT(complaint.size(), 200u);
  }
}

}  // namespace
}  // namespace postern::test
