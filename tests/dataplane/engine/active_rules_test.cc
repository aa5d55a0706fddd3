// SPDX-License-Identifier: BSD-3-Clause
//
// Rules over time, by a clock that the test turns: lists that expire, rules that nobody confirms,
// and rules that ask for what the engine cannot do.
#include "dataplane/engine/active_rules.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/dataplane/engine/memory_engine.h"
#include "tests/rules/support/compiled.h"

namespace postern {
namespace {

constexpr int64_t kNow = 1'700'000'000;

class ActiveRulesTest : public testing::Test {
 protected:
  // A policy with this action for everyone.
  std::shared_ptr<const Snapshot> rules(const std::string& rule) {
    const auto snapshot =
        shop_.snapshot("service mx 198.51.100.25\nconnection to mx\n  " + rule + "\n",
                       {.now = std::chrono::sys_seconds(std::chrono::seconds(kNow + ++made_))});
    return snapshot;
  }
  Action action() const { return static_cast<Action>(engine_.verdict(0, 0).action); }

  test::Workshop shop_;
  MemoryEngine engine_;
  ActiveRules active_{engine_};
  int made_ = 0;
};

TEST_F(ActiveRulesTest, UnconfirmedRulesFallBack) {
  active_.load(rules("drop any"), kNow);
  const auto before = engine_.snapshot();
  active_.load_unconfirmed(rules("reset any"), kNow, 300);
  EXPECT_EQ(action(), Action::RESET);
  EXPECT_EQ(active_.unconfirmed_until(), kNow + 300);
  active_.tick(kNow + 299);
  EXPECT_EQ(action(), Action::RESET);
  active_.tick(kNow + 300);
  EXPECT_EQ(action(), Action::DROP);
  EXPECT_EQ(engine_.snapshot(), before);
  EXPECT_EQ(active_.unconfirmed_until(), std::nullopt);
}

TEST_F(ActiveRulesTest, ConfirmedRulesStay) {
  active_.load(rules("drop any"), kNow);
  active_.load_unconfirmed(rules("reset any"), kNow, 300);
  EXPECT_FALSE(active_.confirm(1));
  EXPECT_TRUE(active_.confirm(engine_.snapshot()->generation()));
  EXPECT_FALSE(active_.confirm(engine_.snapshot()->generation()));
  active_.tick(kNow + 1000);
  EXPECT_EQ(action(), Action::RESET);
}

TEST_F(ActiveRulesTest, SeveralUnconfirmedRulesFallBackToTheLastConfirmedOnes) {
  active_.load(rules("drop any"), kNow);
  active_.load_unconfirmed(rules("reset any"), kNow, 300);
  active_.load_unconfirmed(rules("inspect any"), kNow + 100, 300);
  active_.tick(kNow + 399);
  EXPECT_EQ(action(), Action::INSPECT);
  active_.tick(kNow + 400);
  EXPECT_EQ(action(), Action::DROP);
}

TEST_F(ActiveRulesTest, NothingToFallBackToIsSaid) {
  EXPECT_THROW(active_.load_unconfirmed(rules("drop any"), kNow, 300), std::runtime_error);
  EXPECT_EQ(engine_.snapshot(), nullptr);
  active_.tick(kNow);  // and nothing is due
}

TEST_F(ActiveRulesTest, RefusedRulesChangeNothing) {
  active_.load(rules("drop any"), kNow);
  engine_.refuses_ = true;
  EXPECT_THROW(active_.load_unconfirmed(rules("reset any"), kNow, 300), std::runtime_error);
  EXPECT_EQ(active_.unconfirmed_until(), std::nullopt);
  EXPECT_EQ(action(), Action::DROP);
}

TEST_F(ActiveRulesTest, LoadingConfirmedRulesEndsTheWaiting) {
  active_.load(rules("drop any"), kNow);
  active_.load_unconfirmed(rules("reset any"), kNow, 300);
  active_.load(rules("inspect any"), kNow + 10);
  EXPECT_EQ(active_.unconfirmed_until(), std::nullopt);
  active_.tick(kNow + 1000);
  EXPECT_EQ(action(), Action::INSPECT);
}

TEST_F(ActiveRulesTest, RefusedRulesDoNotEndTheWaiting) {
  active_.load(rules("drop any"), kNow);
  active_.load_unconfirmed(rules("reset any"), kNow, 300);
  engine_.refuses_ = true;
  EXPECT_THROW(active_.load(rules("inspect any"), kNow + 1), std::runtime_error);
  EXPECT_EQ(active_.unconfirmed_until(), kNow + 300);
  engine_.refuses_ = false;
  active_.tick(kNow + 300);
  EXPECT_EQ(action(), Action::DROP);
}

TEST_F(ActiveRulesTest, RulesThatTheEngineCannotDoAreRefusedByName) {
  active_.load(rules("drop any"), kNow);
  try {
    active_.load(rules("limit any 1/minute else refuse"), kNow);
    FAIL() << "was loaded";
  } catch (const std::runtime_error& refused) {
    EXPECT_STREQ(refused.what(),
                 "test has rules that this engine does not do: \"refuse\", \"limit\"");
  }
  EXPECT_EQ(action(), Action::DROP);
  engine_.features_ = PS_FEATURE_LIMIT | PS_FEATURE_REFUSE;
  active_.load(rules("limit any 1/minute else refuse"), kNow);
}

TEST_F(ActiveRulesTest, ExpiredListsLeaveThroughTheMatrix) {
  shop_.list("a.txt", "192.0.2.1\n");
  const auto snapshot = shop_.snapshot(
      "list a \"a.txt\" expires 2d\nservice mx 198.51.100.25\nconnection to mx\n  drop list a\n");
  const auto expiry = *snapshot->lists()[0].expires_at;
  const auto address_class = snapshot->class_of(test::address("192.0.2.1"));
  active_.load(snapshot, expiry - 100);
  EXPECT_EQ(engine_.verdict(0, address_class).action, PS_ACTION_DROP);
  active_.tick(expiry - 1);
  EXPECT_EQ(engine_.verdict(0, address_class).action, PS_ACTION_DROP);
  active_.tick(expiry);
  EXPECT_EQ(engine_.verdict(0, address_class).action, PS_ACTION_ALLOW);
  EXPECT_EQ(engine_.loads_, 1);  // by stores into the live matrix, not by loading again

  // Loaded when it has expired already, it never counts.
  MemoryEngine late;
  ActiveRules(late).load(snapshot, expiry + 5);
  EXPECT_EQ(late.verdict(0, address_class).action, PS_ACTION_ALLOW);
}

TEST_F(ActiveRulesTest, WhatExpiredMeanwhileDoesNotComeBackWithAFallBack) {
  shop_.list("a.txt", "192.0.2.1\n");
  const auto snapshot = shop_.snapshot(
      "list a \"a.txt\" expires 2d\nservice mx 198.51.100.25\nconnection to mx\n  drop list a\n");
  const auto expiry = *snapshot->lists()[0].expires_at;
  const auto address_class = snapshot->class_of(test::address("192.0.2.1"));
  active_.load(snapshot, expiry - 100);
  active_.load_unconfirmed(rules("reset any"), expiry - 50, 300);
  active_.tick(expiry + 250);
  EXPECT_EQ(engine_.snapshot(), snapshot);
  EXPECT_EQ(engine_.verdict(0, address_class).action, PS_ACTION_ALLOW);
}

}  // namespace
}  // namespace postern
