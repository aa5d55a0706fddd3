// SPDX-License-Identifier: BSD-3-Clause
//
// Which verdict a class gets, and which services share a row.
#include "rules/compile/matrix.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "rules/abi/snapshot_format.h"
#include "rules/policy/parse.h"
#include "tests/rules/support/compiled.h"

namespace postern {
namespace {

using testing::HasSubstr;

constexpr uint32_t kProtect = 3;  // the policies below have three lists

std::string told(const ps_verdict& verdict) {
  return std::string(word(static_cast<Action>(verdict.action))) + ' ' +
         std::string(word(static_cast<Reason>(verdict.reason))) + ' ' +
         std::to_string(verdict.rule) + (verdict.flags & PS_VERDICT_FINAL ? " final" : "");
}

const std::string kDeclarations =
    "list a \"a\" category x\nlist b \"b\" category x\nlist c \"c\"\n"
    "service one 192.0.2.1\nservice two 192.0.2.2\nservice three 192.0.2.3\n";

Matrix matrix_of(const std::string& rules, const std::vector<std::vector<uint32_t>>& classes) {
  return build_matrix(parse_policy(kDeclarations + rules, "p"), classes, kProtect);
}

TEST(Matrix, GivesTheFirstRuleThatMatches) {
  const auto matrix = matrix_of(
      "connection to one, two, three\n allow list c\n drop list b\n reset category x\n inspect "
      "any\n",
      {{}, {0}, {1}, {2}, {0, 1}, {0, 1, 2}, {kProtect}, {0, kProtect}});
  ASSERT_EQ(matrix.rows.size(), 1u);
  const auto& row = matrix.rows[0];
  EXPECT_EQ(told(row[0]), "inspect rule-inspect 4");
  EXPECT_EQ(told(row[1]), "reset rule-reset 3");
  EXPECT_EQ(told(row[2]), "drop rule-drop 2");
  EXPECT_EQ(told(row[3]), "allow rule-allow 1 final");
  EXPECT_EQ(told(row[4]), "drop rule-drop 2");
  EXPECT_EQ(told(row[5]), "allow rule-allow 1 final");
  EXPECT_EQ(told(row[6]), "allow protected 0 final");
  EXPECT_EQ(told(row[7]), "allow protected 0 final");
}

TEST(Matrix, AllowsWhatNoRuleMatches) {
  const auto matrix = matrix_of("connection to one, two, three\n drop list a\n", {{}, {0}, {1}});
  EXPECT_EQ(told(matrix.rows[0][0]), "allow no-rule 0");
  EXPECT_EQ(told(matrix.rows[0][2]), "allow no-rule 0");
}

TEST(Matrix, SharesEqualRows) {
  const auto matrix = matrix_of(
      "connection to one\n drop list a\nconnection to two\n reset list a\n"
      "connection to three\n drop list a\n",
      {{}, {0}});
  EXPECT_EQ(matrix.rows.size(), 2u);
  EXPECT_EQ(matrix.row_of_service, (std::vector<uint32_t>{0, 1, 0}));
}

TEST(Matrix, GivesServicesThatNoBlockNamesARowWithoutRules) {
  const auto matrix = matrix_of("connection to two\n drop list a\n", {{}, {0}, {kProtect}});
  EXPECT_EQ(matrix.row_of_service, (std::vector<uint32_t>{1, 0, 1}));
  EXPECT_EQ(told(matrix.rows[1][1]), "allow no-rule 0");
  EXPECT_EQ(told(matrix.rows[1][2]), "allow protected 0 final");
}

TEST(Matrix, RefusesMorePoliciesThanTheFormatHas) {
  std::string lists, services, blocks;
  std::vector<std::vector<uint32_t>> classes = {{}};
  for (uint32_t i = 0; i <= PS_MAX_POLICIES; i++) {
    const auto number = std::to_string(i);
    lists += "list a" + number + " \"a\"\n";
    services += "service s" + number + " 192.0.2." + number + "\n";
    blocks += "connection to s" + number + "\n drop list a" + number + "\n";
    classes.push_back({i});
  }
  const auto policy = parse_policy(lists + services + blocks, "p");
  EXPECT_EQ(test::complaint_of([&] { build_matrix(policy, classes, PS_MAX_POLICIES + 1); }),
            "p:259: this policy is one more than the 64 different policies that connections may "
            "have");
}

TEST(Matrix, RefusesMoreCellsThanTheFormatHas) {
  const auto policy = parse_policy(
      kDeclarations + "connection to one\n drop list a\nconnection to two\n drop list b\n", "p");
  std::vector<std::vector<uint32_t>> classes((PS_MAX_MATRIX_CELLS >> 1) + 1);
  classes[1] = {0};
  EXPECT_THAT(test::complaint_of([&] { build_matrix(policy, classes, kProtect); }),
              HasSubstr("p:9: this policy needs more than 1048576 verdicts in all"));
}

}  // namespace
}  // namespace postern
