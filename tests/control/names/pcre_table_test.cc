// SPDX-License-Identifier: BSD-3-Clause
//
// Tables as pcre_table(5) describes them, and hostile ones, of which every mistake is told once,
// with its place.
#include "control/names/pcre_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace postern::names {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<Diagnostic> errors_in(std::string_view text) {
  try {
    PcreTable::parse(text, "t");
  } catch (const BadInput& bad) {
    return bad.diagnostics();
  }
  return {};
}

TEST(PcreTable, RulesConditionsAndTheirLines) {
  const auto table = PcreTable::parse(
      "# comment\n"
      "/a/ OK\n"
      "\n"
      "if /b/\n"
      "!/c/i REJECT no\n"
      "IF !!!/d/x\n"
      "/e/ 550 deep\n"
      "EndIf\n"
      "/f/ WARN\n"
      "endif\n"
      "/g/ DUNNO\n",
      "t");
  ASSERT_EQ(table.conditions.size(), 2u);
  ASSERT_EQ(table.rules.size(), 5u);
  EXPECT_EQ(table.conditions[0].line, 4u);
  EXPECT_FALSE(table.conditions[0].within);
  EXPECT_TRUE(table.conditions[1].negated);
  EXPECT_TRUE(table.conditions[1].pattern.flags.extended);
  EXPECT_EQ(table.conditions[1].within, 0u);
  std::vector<uint32_t> lines;
  std::vector<int> within;
  for (const auto& rule : table.rules) {
    lines.push_back(rule.line);
    within.push_back(rule.within ? static_cast<int>(*rule.within) : -1);
  }
  EXPECT_THAT(lines, ElementsAre(2u, 5u, 7u, 9u, 11u));
  EXPECT_THAT(within, ElementsAre(-1, 0, 1, 0, -1));
  EXPECT_TRUE(table.rules[1].negated);
  EXPECT_FALSE(table.rules[1].pattern.flags.caseless);
  EXPECT_EQ(table.rules[1].pattern.text(), "/c/i");
  EXPECT_EQ(table.rules[2].result.literal(), "550 deep");
}

TEST(PcreTable, FlagsToggle) {
  const auto table = PcreTable::parse("/a/imsxAEU OK\n/a/ii OK\n/a/iii OK\n", "t");
  const auto& all = table.rules[0].pattern.flags;
  EXPECT_FALSE(all.caseless || all.dot_all);
  EXPECT_TRUE(all.multi_line && all.extended && all.anchored && all.dollar_end_only &&
              all.ungreedy);
  EXPECT_TRUE(table.rules[1].pattern.flags.caseless);
  EXPECT_FALSE(table.rules[2].pattern.flags.caseless);
}

TEST(PcreTable, ObsoleteFlagIsAWarning) {
  const auto table = PcreTable::parse("/a/ OK\n/b/X OK\n", "t");
  ASSERT_EQ(table.warnings.size(), 1u);
  EXPECT_EQ(table.warnings[0].line, 2u);
}

TEST(PcreTable, DelimitersAndWhatStandsBetween) {
  const auto table = PcreTable::parse(
      "|a/b|  OK\n"
      "~c\\~d\\\\~ OK\n"
      "/e f/\tOK\n"
      "!xgx OK\n"
      "if{h{\n"
      "endif\n",
      "t");
  std::vector<std::string> expressions;
  for (const auto& rule : table.rules) expressions.push_back(rule.pattern.expression);
  EXPECT_THAT(expressions, ElementsAre("a/b", "c\\~d\\\\", "e f", "g"));
  EXPECT_EQ(table.conditions[0].pattern.expression, "h");
}

TEST(PcreTable, LinesContinue) {
  const auto table = PcreTable::parse(
      "\xEF\xBB\xBF/^noddy@my\\.domain$/\r\n"
      " 550 This user\r\n"
      "# comment between\n"
      "   \n"
      "\tis a funny one.  \n"
      "/a/ OK",
      "t");
  ASSERT_EQ(table.rules.size(), 2u);
  EXPECT_EQ(table.rules[0].result.literal(), "550 This user\r\tis a funny one.");
  EXPECT_EQ(table.rules[1].line, 6u);
}

struct Hostile {
  const char* text;
  uint32_t line, column;
  const char* says;
};

TEST(PcreTable, EveryMistakeIsToldWithItsPlace) {
  const Hostile all[] = {
      {"/a OK\n", 1, 1, "closing"},
      {"/a\\/ OK\n", 1, 1, "closing"},
      {"\n\n/a/q OK\n", 3, 4, "no flag"},
      {"/a/i\xff OK\n", 1, 5, "no flag"},
      {"/a/\n", 1, 4, "no result"},
      {"/a(/ OK\n", 1, 4, "parenthesis"},
      {"/a/ OK\n/x[a-/ OK\n", 2, 6, "]"},
      {"/a{3,1}/ OK\n", 1, 7, "quantifier"},
      {"/(a)/ $2\n", 1, 7, "out of range"},
      {"/(a)/ $1 $x\n", 1, 10, "no number"},
      {"!/(a)/ see $1\n", 1, 12, "!"},
      {"endif\n", 1, 1, "no if"},
      {"if /a/\n/b/ OK\n", 1, 1, "no endif"},
      {"if /a/ OK\nendif\n", 1, 8, "follows the pattern"},
      {"if /a/\n /b/ OK\nendif\n", 2, 2, "without a blank"},
      {"if /a/\nendif now\n", 2, 7, "follows endif"},
      {"if\nendif\n", 1, 3, "no pattern"},
      {"!\n", 1, 2, "no pattern"},
      {"word OK\n", 1, 1, "neither"},
      {"iffy /a/\n", 1, 1, "neither"},
      {" /a/ OK\n", 1, 1, "continues no line"},
      {"/a/\n OK\n $\n", 3, 2, "$"},
      {"/a\n  (/ OK\n", 2, 4, "parenthesis"},
  };
  for (const auto& hostile : all) {
    const auto errors = errors_in(hostile.text);
    ASSERT_EQ(errors.size(), 1u) << hostile.text;
    EXPECT_EQ(errors[0].file, "t");
    EXPECT_EQ(errors[0].line, hostile.line) << hostile.text << errors[0].message;
    EXPECT_EQ(errors[0].column, hostile.column) << hostile.text << errors[0].message;
    EXPECT_THAT(errors[0].message, HasSubstr(hostile.says)) << hostile.text;
  }
  const auto nul = errors_in(std::string_view("/a\0b/ OK\n", 9));
  ASSERT_EQ(nul.size(), 1u);
  EXPECT_EQ(nul[0].column, 3u);
}

TEST(PcreTable, OneErrorForEachMistake) {
  const auto errors = errors_in(
      "/(/ OK\n"
      "if /[/\n"
      "/fine/ OK\n"
      "if /also fine/\n"
      "/)/ OK\n"
      "endif\n"
      "endif\n"
      "endif\n");
  std::vector<uint32_t> lines;
  for (const auto& error : errors) lines.push_back(error.line);
  EXPECT_THAT(lines, ElementsAre(1u, 2u, 5u, 8u));
}

TEST(PcreTable, Bounds) {
  std::string deep;
  for (size_t i = 0; i <= PcreTable::kMaxDepth; i++) deep += "if /a/\n";
  for (size_t i = 0; i <= PcreTable::kMaxDepth; i++) deep += "endif\n";
  auto errors = errors_in(deep);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].line, PcreTable::kMaxDepth + 1);

  std::string many;
  for (int i = 0; i < 1000; i++) many += "/(/ OK\n";
  EXPECT_EQ(errors_in(many).size(), PcreTable::kMaxErrors);

  errors = errors_in("/a/ " + std::string(PcreTable::kMaxLine, 'x'));
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_THAT(errors[0].message, HasSubstr("longer"));

  EXPECT_EQ(PcreTable::parse("", "t").rules.size(), 0u);
}

TEST(PcreTable, AFileThatCannotBeReadIsNamed) {
  EXPECT_THROW(PcreTable::load("/nowhere/table.pcre"), BadInput);
}

}  // namespace
}  // namespace postern::names
