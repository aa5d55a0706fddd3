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
constexpr int64_t kNow = 1'700'000'000;

std::string told(const ps_verdict& verdict) {
  return std::string(word(static_cast<Action>(verdict.action))) + ' ' +
         std::string(word(static_cast<Reason>(verdict.reason))) + ' ' +
         std::to_string(verdict.rule) + (verdict.flags & PS_VERDICT_FINAL ? " final" : "");
}

const std::string kDeclarations =
    "list a \"a\" category x\nlist b \"b\" category x\nlist c \"c\"\n"
    "service one 192.0.2.1\nservice two 192.0.2.2\nservice three 192.0.2.3\n";

// One sub-list for each list, of which `expired` has expired.
std::vector<SubList> sublists_of(const Policy& policy, std::optional<uint32_t> expired = {}) {
  std::vector<SubList> sublists;
  for (uint32_t i = 0; i < policy.lists.size(); i++)
    sublists.push_back({.list = i,
                        .category = policy.lists[i].category,
                        .weight = policy.lists[i].weight,
                        .expires_at = expired == i ? kNow : kNeverExpires});
  return sublists;
}

Matrix matrix_of(const Policy& policy, const std::vector<std::vector<uint32_t>>& classes,
                 std::optional<uint32_t> expired = {}) {
  const auto sublists = sublists_of(policy, expired);
  return build_matrix({.policy = policy,
                       .sublists = sublists,
                       .classes = classes,
                       .protect_owner = static_cast<uint32_t>(sublists.size()),
                       .now = kNow});
}

Matrix matrix_of(const std::string& rules, const std::vector<std::vector<uint32_t>>& classes,
                 std::optional<uint32_t> expired = {}) {
  return matrix_of(parse_policy(kDeclarations + rules, "p"), classes, expired);
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
  EXPECT_EQ(test::complaint_of([&] { matrix_of(policy, classes); }),
            "p:259: this policy is one more than the 64 different policies that connections may "
            "have");
}

TEST(Matrix, RefusesMoreCellsThanTheFormatHas) {
  const auto policy = parse_policy(
      kDeclarations + "connection to one\n drop list a\nconnection to two\n drop list b\n", "p");
  std::vector<std::vector<uint32_t>> classes((PS_MAX_MATRIX_CELLS >> 1) + 1);
  classes[1] = {0};
  EXPECT_THAT(test::complaint_of([&] { matrix_of(policy, classes); }),
              HasSubstr("p:9: this policy needs more than 1048576 verdicts in all: the lists "
                        "overlap in 524289 different ways; most of these are of a (1), "));
}

TEST(Matrix, LooksPastWhatHasExpired) {
  const std::string rules = "connection to one, two, three\n drop list a\n reset list b\n";
  const auto matrix = matrix_of(rules, {{}, {0}, {0, 1}}, 0);
  EXPECT_EQ(told(matrix.rows[0][1]), "allow no-rule 0");
  EXPECT_EQ(told(matrix.rows[0][2]), "reset rule-reset 2");
}

TEST(Matrix, SumsWeights) {
  const auto policy = parse_policy(
      "list a \"a\" weight 2\nlist b \"b\" weight 3\nlist c \"c\" weight -4\n"
      "service one 192.0.2.1\nconnection to one\n reset weight >= 5\n drop weight >= 2\n",
      "p");
  const auto matrix = matrix_of(policy, {{}, {0}, {0, 1}, {0, 1, 2}, {2}});
  EXPECT_EQ(told(matrix.rows[0][0]), "allow no-rule 0");
  EXPECT_EQ(told(matrix.rows[0][1]), "drop rule-drop 2");
  EXPECT_EQ(told(matrix.rows[0][2]), "reset rule-reset 1");
  EXPECT_EQ(told(matrix.rows[0][3]), "allow no-rule 0");
  EXPECT_EQ(told(matrix.rows[0][4]), "allow no-rule 0");
}

TEST(Matrix, LimitsAndObservesOnTheWay) {
  const auto matrix = matrix_of(
      "connection to one, two, three\n observe drop list a\n limit list c 5/second else drop\n"
      " limit any 20/minute burst 40 else reset\n allow list b\n",
      {{}, {0}, {1}, {0, 1}, {2}});
  const auto& row = matrix.rows[0];
  EXPECT_EQ(row[0].limit, 2);
  EXPECT_EQ(row[0].observed_rule, 0);
  EXPECT_EQ(row[1].observed_rule, 1);
  EXPECT_EQ(told(row[1]), "allow no-rule 0");
  EXPECT_EQ(told(row[3]), "allow rule-allow 4 final");
  EXPECT_EQ(row[3].limit, 2);
  EXPECT_EQ(row[4].limit, 1);  // the first that matches
  ASSERT_EQ(matrix.limits.size(), 3u);
  EXPECT_EQ(matrix.limits[1].interval_ns, 200'000'000u);
  EXPECT_EQ(matrix.limits[2].interval_ns, 3'000'000'000u);
  EXPECT_EQ(matrix.limits[2].burst, 40u);
  EXPECT_EQ(matrix.limits[2].otherwise, PS_ACTION_RESET);
  EXPECT_EQ(matrix.features, PS_FEATURE_LIMIT);
  EXPECT_EQ(matrix.limit_rules[0], (std::vector<uint16_t>{3, 3, 3, 3, 2}));
}

// Rules whose limits are alike share one in the image, and are told apart here.
TEST(Matrix, SaysWhoseTheLimitIs) {
  const auto matrix = matrix_of(
      "connection to one\n limit list a 1/minute else drop\n observe limit list b 1/minute else "
      "drop\n limit list c 1/minute else drop\n allow list b\n"
      "connection to two, three\n drop list a\n",
      {{}, {0}, {1}, {2}, {0, 2}, {1, 2}, {0, kProtect}});
  ASSERT_EQ(matrix.limit_rules.size(), 2u);
  EXPECT_EQ(matrix.limit_rules[0], (std::vector<uint16_t>{0, 1, 2, 3, 1, 3, 0}));
  EXPECT_TRUE(matrix.limit_rules[1].empty());
  EXPECT_EQ(matrix.limits.size(), 3u);
}

TEST(Matrix, SaysWhatItAsksOfAnEngine) {
  const auto features = [](const std::string& rule) {
    return matrix_of("connection to one\n " + rule + '\n', {{}}).features;
  };
  EXPECT_EQ(features("drop list a"), 0u);
  EXPECT_EQ(features("refuse list a"), PS_FEATURE_REFUSE);
  EXPECT_EQ(features("observe refuse list a"), 0u);
  EXPECT_EQ(features("drop list a hard"), PS_FEATURE_HARD);
  EXPECT_EQ(features("limit any 1/minute else refuse"), PS_FEATURE_LIMIT | PS_FEATURE_REFUSE);
}

TEST(Matrix, JudgesWhatComesFromInsideByItsDestination) {
  const auto matrix = matrix_of("connection from list a port 25\n allow to list b\n reset any\n",
                                {{}, {0}, {1}, {0, 1}});
  EXPECT_EQ(matrix.features, PS_FEATURE_OUTBOUND);
  ASSERT_EQ(matrix.row_of_outbound.size(), 1u);
  ASSERT_EQ(matrix.outbound.size(), 4u);
  EXPECT_EQ(matrix.outbound[0].port, 0);
  EXPECT_EQ(matrix.outbound[1].port, 25);
  EXPECT_EQ(matrix.outbound[1].policy, matrix.row_of_outbound[0]);
  EXPECT_EQ(matrix.outbound[2].port, 0);
  EXPECT_EQ(matrix.outbound[3].port, 25);
  const auto& row = matrix.rows[matrix.row_of_outbound[0]];
  EXPECT_EQ(told(row[0]), "reset rule-reset 2");
  EXPECT_EQ(told(row[2]), "allow rule-allow 1 final");
}

TEST(Matrix, ProtectsByListsThatCount) {
  const std::string rules = "protect list a category x\nconnection to one, two, three\n drop any\n";
  const auto policy = parse_policy(kDeclarations + rules, "p");
  auto sublists = sublists_of(policy, 1);
  sublists[0].is_protected = sublists[1].is_protected = true;
  const std::vector<std::vector<uint32_t>> classes = {{}, {0}, {1}};
  const auto matrix = build_matrix({.policy = policy,
                                    .sublists = sublists,
                                    .classes = classes,
                                    .protect_owner = kProtect,
                                    .now = kNow});
  EXPECT_EQ(told(matrix.rows[0][1]), "allow protected 0 final");
  EXPECT_EQ(told(matrix.rows[0][2]), "drop rule-drop 1");  // has expired
}

}  // namespace
}  // namespace postern
