// SPDX-License-Identifier: BSD-3-Clause
//
// What the cells have counted, in the policy's words: against a naive twin that asks the snapshot
// about each attempt, and over lists that expire and rules that change.
#include "dataplane/engine/rule_tally.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "dataplane/engine/active_rules.h"
#include "tests/dataplane/engine/memory_engine.h"
#include "tests/rules/support/compiled.h"

namespace postern {
namespace {

constexpr int64_t kNow = 1'700'000'000;

constexpr const char* kPolicy = R"(
list pools   "pools.txt"   category dynamic
list drop    "drop.txt"    category hijacked
list scored  "scored.txt"  category dynamic  weight 3
list names   "names.txt"   format domains  category friends
service mx  198.51.100.0/25
service alt 198.51.100.128/25 port 587
connection to mx
    observe reset list scored
    drop  list drop
    limit category dynamic 1/minute burst 1 else drop
connection to alt
    drop category dynamic
)";

class RuleTallyTest : public testing::Test {
 protected:
  RuleTallyTest() {
    shop_.list("pools.txt", "10.0.0.0/16\n10.9.0.0/16\n");
    shop_.list("drop.txt", "10.0.0.0/20\n192.0.2.0/24\n");
    shop_.list("scored.txt", "10.0.8.0/21\n");
    shop_.list("names.txt", "example.net\n");
  }
  std::shared_ptr<const Snapshot> snapshot(std::string_view policy = kPolicy, int64_t now = kNow) {
    return shop_.snapshot(policy, {.now = std::chrono::sys_seconds(std::chrono::seconds(now))});
  }
  // With a list that counts for two hours from now on.
  std::shared_ptr<const Snapshot> rules_that_expire() {
    return shop_.snapshot(
        "list short \"pools.txt\" category dynamic expires 2h\n"
        "service mx 198.51.100.0/25\nconnection to mx\n  drop list short\n",
        {.now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now())});
  }
  ps_cell_count& cell_of(const char* source, size_t service) {
    const auto& snapshot = *engine_.snapshot();
    return engine_.rule_counts_.cells[snapshot.row_of(service) * snapshot.header().class_count +
                                      snapshot.class_of(test::address(source))];
  }
  // As an engine counts an attempt of the source on the service.
  void attempt(const char* source, size_t service, bool over_limit, uint64_t times = 1) {
    auto& cell = cell_of(source, service);
    cell.attempts += times;
    if (over_limit) cell.over_limit += times;
  }
  AttemptCount of_list(const std::string& name) {
    return engine_.rule_totals().lists.at(name).count;
  }
  AttemptCount of_category(const std::string& name) {
    return engine_.rule_totals().categories.at(name);
  }
  uint64_t of_rule(const std::string& text) {
    for (const auto& [rule, count] : engine_.rule_totals().rules)
      if (rule.rule == text) return count.attempts;
    ADD_FAILURE() << "no rule " << text;
    return 0;
  }

  test::Workshop shop_;
  MemoryEngine engine_;
  ActiveRules active_{engine_};
};

TEST_F(RuleTallyTest, ListsCategoriesRulesAndWhatIsObserved) {
  engine_.features_ = PS_FEATURE_LIMIT;
  active_.load(snapshot(), kNow);
  attempt("10.0.0.1", 0, false, 5);   // pools, drop
  attempt("10.0.9.1", 0, false, 7);   // pools, drop, scored
  attempt("10.9.0.1", 0, false, 11);  // pools, within the limit
  attempt("10.9.0.1", 0, true, 13);   // and over it
  attempt("203.0.113.1", 0, false, 17);
  attempt("10.9.0.1", 1, false, 19);
  EXPECT_EQ(of_list("pools"), (AttemptCount{55, 44}));
  EXPECT_EQ(of_list("drop"), (AttemptCount{12, 12}));
  EXPECT_EQ(of_list("scored"), (AttemptCount{7, 7}));
  EXPECT_EQ(of_category("dynamic"), (AttemptCount{55, 44}));  // once for both lists
  EXPECT_EQ(of_category("hijacked"), (AttemptCount{12, 12}));
  EXPECT_EQ(of_rule("drop list drop"), 12u);
  EXPECT_EQ(of_rule("observe reset list scored"), 7u);
  EXPECT_EQ(of_rule("drop category dynamic"), 19u);
  EXPECT_EQ(of_rule("limit category dynamic 1/minute burst 1 else drop"), 13u);
  EXPECT_FALSE(engine_.rule_totals().lists.contains("names"));
}

// What was over a limit is the limit's, and the rest is of the rule behind it.
TEST_F(RuleTallyTest, ALimitDecidesWhatIsOverIt) {
  engine_.features_ = PS_FEATURE_LIMIT;
  active_.load(snapshot("list pools \"pools.txt\"\nservice mx 198.51.100.0/25\n"
                        "connection to mx\n limit list pools 1/minute burst 1 else drop\n"
                        " limit any 1/minute burst 1 else drop\n reset any\n"),
               kNow);
  attempt("10.0.0.1", 0, false);
  attempt("10.0.0.1", 0, true, 5);
  attempt("192.0.2.1", 0, false, 2);
  attempt("192.0.2.1", 0, true, 30);
  EXPECT_EQ(of_rule("limit list pools 1/minute burst 1 else drop"), 5u);
  EXPECT_EQ(of_rule("limit any 1/minute burst 1 else drop"), 30u);
  EXPECT_EQ(of_rule("reset any"), 3u);
  EXPECT_EQ(of_list("pools"), (AttemptCount{6, 6}));
}

// A limit that is only observed has its count, and takes nothing from the rule that decided.
TEST_F(RuleTallyTest, AnObservedLimitStopsNothing) {
  engine_.features_ = PS_FEATURE_LIMIT;
  active_.load(snapshot("list pools \"pools.txt\"\nservice mx 198.51.100.0/25\n"
                        "service alt 198.51.100.128/25\n"
                        "connection to mx\n observe limit any 1/minute burst 1 else drop\n"
                        " reset list pools\nconnection to alt\n"
                        " observe limit any 2/minute burst 1 else reset\n"),
               kNow);
  attempt("10.0.0.1", 0, false);
  attempt("10.0.0.1", 0, true, 5);
  attempt("10.0.0.1", 1, true, 7);
  EXPECT_EQ(of_rule("observe limit any 1/minute burst 1 else drop"), 5u);
  EXPECT_EQ(of_rule("observe limit any 2/minute burst 1 else reset"), 7u);
  EXPECT_EQ(of_rule("reset list pools"), 6u);
  EXPECT_EQ(of_list("pools"), (AttemptCount{13, 6}));
}

// An observed rule before a limit would have decided everything, one behind it what it left.
TEST_F(RuleTallyTest, WhatIsObservedBesideALimit) {
  engine_.features_ = PS_FEATURE_LIMIT;
  active_.load(snapshot("list pools \"pools.txt\"\nlist drop \"drop.txt\"\n"
                        "service mx 198.51.100.0/25\nconnection to mx\n observe drop list drop\n"
                        " limit any 1/minute burst 1 else drop\n observe reset list pools\n"),
               kNow);
  attempt("192.0.2.1", 0, false, 2);
  attempt("192.0.2.1", 0, true, 3);
  attempt("10.9.0.1", 0, false, 20);
  attempt("10.9.0.1", 0, true, 30);
  EXPECT_EQ(of_rule("observe drop list drop"), 5u);
  EXPECT_EQ(of_rule("limit any 1/minute burst 1 else drop"), 33u);
  EXPECT_EQ(of_rule("observe reset list pools"), 20u);
}

// Behind a limit whose list has expired the next one applies.
TEST_F(RuleTallyTest, ALimitThatExpires) {
  engine_.features_ = PS_FEATURE_LIMIT;
  const auto rules = shop_.snapshot(
      "list short \"pools.txt\" expires 2h\nservice mx 198.51.100.0/25\nconnection to mx\n"
      "  limit list short 1/minute burst 1 else drop\n  limit any 1/minute burst 1 else drop\n",
      {.now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now())});
  active_.load(rules, rules->created());
  attempt("10.0.0.1", 0, true, 3);
  active_.tick(rules->created() + 3 * 3600);
  attempt("10.0.0.1", 0, true, 4);
  EXPECT_EQ(of_rule("limit list short 1/minute burst 1 else drop"), 3u);
  EXPECT_EQ(of_rule("limit any 1/minute burst 1 else drop"), 4u);
}

// As when a worker is read between its two counters.
TEST_F(RuleTallyTest, AnAttemptThatIsJustBeingCounted) {
  engine_.features_ = PS_FEATURE_LIMIT;
  active_.load(snapshot(), kNow);
  const std::string limit = "limit category dynamic 1/minute burst 1 else drop";
  cell_of("10.9.0.1", 0) = {5, 6};
  EXPECT_EQ(of_list("pools"), (AttemptCount{5, 5}));
  EXPECT_EQ(of_rule(limit), 5u);
  cell_of("10.9.0.1", 0) = {7, 6};
  EXPECT_EQ(of_list("pools"), (AttemptCount{7, 6}));
  EXPECT_EQ(of_rule(limit), 6u);
}

TEST_F(RuleTallyTest, TotalsAddUpOverSnapshotsByName) {
  engine_.features_ = PS_FEATURE_LIMIT;
  active_.load(snapshot(), kNow);
  attempt("10.0.0.1", 0, false, 5);
  active_.load(snapshot(kPolicy, kNow + 1), kNow + 1);
  attempt("10.0.0.1", 0, false, 2);
  EXPECT_EQ(of_list("drop"), (AttemptCount{7, 7}));
  EXPECT_EQ(of_rule("drop list drop"), 7u);
  active_.load(snapshot("list other \"drop.txt\" category hijacked\nservice mx 198.51.100.0/25\n"
                        "connection to mx\n  drop list other\n",
                        kNow + 2),
               kNow + 2);
  EXPECT_EQ(of_list("other"), (AttemptCount{0, 0}));
  EXPECT_EQ(of_category("hijacked"), (AttemptCount{7, 7}));
  EXPECT_FALSE(engine_.rule_totals().lists.contains("drop"));
}

TEST_F(RuleTallyTest, WhatExpiresCountsNoMoreFromThenOn) {
  const auto rules = rules_that_expire();
  const auto now = rules->created();
  active_.load(rules, now);
  attempt("10.0.0.1", 0, false, 3);
  active_.tick(now + 3 * 3600);
  attempt("10.0.0.1", 0, false, 4);
  EXPECT_EQ(of_list("short"), (AttemptCount{3, 3}));
  EXPECT_EQ(of_rule("drop list short"), 3u);
}

// 64-bit counters that go on from zero, after 580,000 years at a million attempts a second.
TEST_F(RuleTallyTest, CountersThatWrap) {
  engine_.features_ = PS_FEATURE_LIMIT;
  active_.load(snapshot(), kNow);
  attempt("10.0.0.1", 0, false, UINT64_MAX - 2);
  EXPECT_EQ(of_list("drop").attempts, UINT64_MAX - 2);
  attempt("10.0.0.1", 0, false, 5);
  EXPECT_EQ(of_list("drop").attempts, 2u);
  attempt("10.0.0.1", 0, false, 1);
  EXPECT_EQ(of_list("drop").attempts, 3u);
}

// A wall clock that is set back does not bring back what has expired, and does no harm.
TEST_F(RuleTallyTest, AClockThatGoesBack) {
  const auto rules = rules_that_expire();
  const auto now = rules->created();
  active_.load(rules, now);
  active_.tick(now + 3 * 3600);
  active_.tick(now - 86400);
  active_.tick(0);
  active_.tick(INT64_MAX / 2);
  const auto cell = engine_.verdict(0, rules->class_of(test::address("10.0.0.1")));
  EXPECT_EQ(cell.reason, PS_REASON_NO_RULE);
}

TEST_F(RuleTallyTest, AgreesWithAskingAboutEachAttempt) {
  engine_.features_ = PS_FEATURE_LIMIT;
  active_.load(snapshot(), kNow);
  const auto& rules = *engine_.snapshot();
  std::mt19937 random(7);
  std::map<std::string, AttemptCount> lists, categories;
  std::map<std::string, uint64_t> decided;
  for (int i = 0; i < 20000; i++) {
    const auto text = (random() % 2 ? "10." + std::to_string(random() % 12) : "192.0") + "." +
                      std::to_string(random() % 24) + "." + std::to_string(random() % 256);
    const size_t service = random() % 2;
    const auto found = rules.explain(test::address(text), std::nullopt, kNow);
    const auto& judged = found.services[service];
    const bool over_limit = judged.verdict.limit != 0 && random() % 3 == 0;
    const bool stopped = over_limit || describe(static_cast<Reason>(judged.verdict.reason)).stops;
    attempt(text.c_str(), service, over_limit);
    std::set<std::string> in_lists, in_categories;
    for (const auto& entry : found.entries) {
      in_lists.insert(rules.lists()[entry.list].name);
      in_categories.insert(rules.sublists()[*entry.sublist].category);
    }
    const auto add = [&](AttemptCount& tally) {
      tally.attempts++;
      if (stopped) tally.stopped++;
    };
    for (const auto& name : in_lists) add(lists[name]);
    for (const auto& name : in_categories) add(categories[name]);
    // The one observed rule stands before the one limit, the other rules behind it.
    if (judged.observed_rule) decided[judged.observed_rule->text]++;
    if (over_limit)
      decided["limit category dynamic 1/minute burst 1 else drop"]++;
    else if (judged.rule)
      decided[judged.rule->text]++;
  }
  for (const auto& [name, tally] : engine_.rule_totals().lists)
    EXPECT_EQ(tally.count, lists[name]) << name;
  for (const auto& [name, tally] : engine_.rule_totals().categories)
    EXPECT_EQ(tally, categories[name]) << name;
  for (const auto& [rule, count] : engine_.rule_totals().rules)
    EXPECT_EQ(count.attempts, decided[rule.rule]) << rule.rule;
  EXPECT_GT(lists["scored"].attempts, 50u);
  EXPECT_GT(decided["limit category dynamic 1/minute burst 1 else drop"], 50u);
}

}  // namespace
}  // namespace postern
