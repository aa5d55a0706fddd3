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
  std::string fault = "";
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
  result.fault = filter.fault();
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
  for (const std::string_view message : {"", "\r\n", "\r\nbody", "no header at all", "A: b",
                                         "A: b\r\n", "A: b\n\nbare\n", "A:\r\r\n\r\n"})
    for (size_t cut = 0; cut <= message.size(); cut++)
      EXPECT_EQ(filter(message, cut).kept, message) << testing::PrintToString(message) << cut;
}

// What would run on from the field above it, or be read in two ways, is told at every cut.
TEST(HeaderFilter, FindsWhatMustNotBeSentOn) {
  using namespace std::string_view_literals;
  for (const std::string_view message :
       {" starts folded\r\n\r\nx"sv, "\t; dkim=pass\r\nA: b\r\n\r\n"sv, " "sv,
        " \r\nA: b\r\n\r\n"sv, " "sv, "A\0: b\r\n\r\n"sv, "A: b\r\nC: d\r\n \0\r\n\r\n"sv, "\0"sv})
    for (size_t cut = 0; cut <= message.size(); cut++) {
      const Filtered found = filter(message, cut);
      EXPECT_EQ(found.fault, message.find('\0') == message.npos
                                 ? "the first line begins with a blank, as if it continued another"
                                 : "there is a NUL in the header")
          << testing::PrintToString(message) << cut;
    }
  for (const std::string_view message :
       {"A: b\r\n c\r\n\r\nx"sv, "\r\n folded body"sv, "A: b\r\n\r\n\0"sv, ""sv, "A: \x01\r\n"sv})
    for (size_t cut = 0; cut <= message.size(); cut++)
      EXPECT_EQ(filter(message, cut).fault, "") << testing::PrintToString(message) << cut;
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
  // What some reader may overlook does not make it another field.
  EXPECT_EQ(filter("Authentication-\x01Results\x7f : " + longest + "\r\n\r\n", 7).kept, "\r\n");
}

}  // namespace
}  // namespace postern::smtp
