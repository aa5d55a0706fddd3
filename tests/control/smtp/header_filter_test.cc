// SPDX-License-Identifier: BSD-3-Clause
//
// The header on its way in: fields are seen whole whatever the cut, what is not wanted goes, and
// every other byte stays as it is.
#include "control/smtp/header_filter.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace postern::smtp {
namespace {

struct Filtered {
  std::string kept;
  std::vector<std::string> fields;
  size_t received = 0;
  size_t removed = 0;
  bool operator==(const Filtered&) const = default;
};

Filtered filter(std::string_view message, size_t cut) {
  Filtered result;
  HeaderFilter filter([&](std::string_view field) {
    result.fields.emplace_back(field);
    return field.starts_with("Forged:");
  });
  filter.update(message.substr(0, cut), result.kept);
  filter.update(message.substr(cut), result.kept);
  filter.finish(result.kept);
  result.received = filter.received_count();
  result.removed = filter.removed_count();
  return result;
}

TEST(HeaderFilter, SeesWholeFieldsAtEveryCut) {
  const std::string message =
      "Received: a\r\n\tby b\r\nForged: x\r\n y\r\n\tz\r\nRECEIVED : c\r\nSubject: s\r\n\r\n"
      "Forged: this is the body\r\n\r\n";
  const Filtered expected{.kept =
                              "Received: a\r\n\tby b\r\nRECEIVED : c\r\nSubject: s\r\n\r\n"
                              "Forged: this is the body\r\n\r\n",
                          .fields = {"Received: a\r\n\tby b\r\n", "Forged: x\r\n y\r\n\tz\r\n",
                                     "RECEIVED : c\r\n", "Subject: s\r\n"},
                          .received = 2,
                          .removed = 1};
  for (size_t cut = 0; cut <= message.size(); cut++)
    EXPECT_EQ(filter(message, cut), expected) << cut;
}

TEST(HeaderFilter, KeepsEveryByteOfOddMessages) {
  for (const std::string_view message :
       {"", "\r\n", "\r\nbody", "no header at all", "A: b", "A: b\r\n", " starts folded\r\n\r\nx",
        "A: b\n\nbare\n", "A:\r\r\n\r\n"})
    for (size_t cut = 0; cut <= message.size(); cut++)
      EXPECT_EQ(filter(message, cut).kept, message) << testing::PrintToString(message) << cut;
}

TEST(HeaderFilter, TheLastFieldCountsWithoutABody) {
  EXPECT_EQ(filter("A: b\r\nForged: x\r\n", 3).kept, "A: b\r\n");
  EXPECT_EQ(filter("Forged: x", 3).kept, "");
}

TEST(HeaderFilter, AFieldTooLongToHoldPassesUnlessItIsOfTheKindThatIsForged) {
  const std::string longest(HeaderFilter::kMaxField, 'x');
  const std::string subject = "Subject: " + longest + "\r\n more\r\n";
  const std::string results = "authentication-RESULTS: " + longest + "\r\n more\r\n";
  const std::string rest = "To: x\r\n\r\nbody";
  for (const size_t cut : {0u, 5u, 30u, 65000u, 65536u, 65560u}) {
    EXPECT_TRUE(filter(subject + rest, cut).kept == subject + rest) << cut;
    const auto removed = filter(results + rest, cut);
    EXPECT_TRUE(removed.kept == rest) << cut;
    EXPECT_EQ(removed.removed, 1u);
  }
  EXPECT_EQ(filter("Received: " + longest + "\r\n\r\n", 7).received, 1u);
}

}  // namespace
}  // namespace postern::smtp
