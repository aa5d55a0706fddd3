// SPDX-License-Identifier: BSD-3-Clause
//
// Message rules about a client's names: each condition, what a refusal tells, missing answers
// against a slow evaluator that tries every way, and what is to be learned.
#include <gtest/gtest.h>

#include <array>
#include <random>
#include <set>
#include <string>

#include "control/learning/rule_lesson.h"
#include "control/policy/disposition_text.h"
#include "control/policy/message_policy.h"
#include "control/policy/name_hypotheses.h"
#include "tests/rules/support/compiled.h"

namespace postern::policy {
namespace {

using Reverse = ClientNames::Reverse;

class NamesPolicyTest : public testing::Test {
 protected:
  MessagePolicy policy(const std::string& rules) {
    workshop_.list("local.netset", "192.0.2.0/24\n");
    return MessagePolicy(workshop_.snapshot(
        "list local \"local.netset\" format cidr category local contact \"https://list.example/\"\n"
        "service mx 198.51.100.25/32 port 25\nconnection to mx\n    allow any\nmessage\n" +
        rules));
  }
  static SessionFacts session(Reverse reverse, const std::string& name_class,
                              const std::string& helo_class = "unknown") {
    SessionFacts session;
    session.client = *IpAddress::parse("203.0.113.7");
    session.names.reverse = reverse;
    session.names.name_class = name_class;
    session.names.evidence = {
        .name = "pool-7.isp.example", .name_class = name_class, .place = "isp.pcre:12"};
    session.names.helo = {.name = "pool-8.isp.example", .name_class = helo_class, .place = "a:1"};
    return session;
  }
  static SessionFacts without_answer() {
    auto facts = session(Reverse::kTemperror, "");
    facts.names = ClientNames{};
    facts.names.fault = "7.113.0.203.in-addr.arpa: SERVFAIL";
    return facts;
  }
  Disposition decide(const std::string& rules, const SessionFacts& session) {
    return policy(rules).decide(session, MessageFacts{});
  }
  Action action(const std::string& rules, const SessionFacts& session) {
    return decide(rules, session).action;
  }
  test::Workshop workshop_;
};

TEST_F(NamesPolicyTest, TheClassOfAName) {
  const auto dynamic = session(Reverse::kConfirmed, "dynamic");
  EXPECT_EQ(action("reject name = dynamic\n", dynamic), Action::kReject);
  EXPECT_EQ(action("reject name != dynamic\n", dynamic), Action::kAccept);
  EXPECT_EQ(action("reject name = odd\n", dynamic), Action::kAccept);
  EXPECT_EQ(action("reject helo-name = dynamic\n", dynamic), Action::kAccept);
  EXPECT_EQ(
      action("reject helo-name = dynamic\n", session(Reverse::kConfirmed, "unknown", "dynamic")),
      Action::kReject);
}

TEST_F(NamesPolicyTest, WhatReverseDnsSays) {
  const std::string rules =
      "reject rdns = none\ntag rdns = unconfirmed\ndefer rdns = temperror\naccept any\n";
  EXPECT_EQ(action(rules, session(Reverse::kNone, "unknown")), Action::kReject);
  EXPECT_EQ(action(rules, session(Reverse::kUnconfirmed, "unknown")), Action::kTag);
  EXPECT_EQ(action(rules, session(Reverse::kConfirmed, "unknown")), Action::kAccept);
  EXPECT_EQ(action("tag rdns != confirmed\n", session(Reverse::kNone, "unknown")), Action::kTag);
}

// The milter asks at RCPT, when the look-up may still be under way.
TEST_F(NamesPolicyTest, AFailureIsNoFailureBeforeTheEnd) {
  const auto rules = policy("reject rdns = temperror\naccept any\n");
  EXPECT_FALSE(rules.decide_early(without_answer(), RuleBlock::kGeneral, 0));
  EXPECT_EQ(rules.decide(without_answer(), MessageFacts{}).action, Action::kReject);
  EXPECT_TRUE(policy("reject rdns != temperror\n")
                  .decide_early(session(Reverse::kNone, "unknown"), RuleBlock::kGeneral, 0));
}

TEST_F(NamesPolicyTest, AClientWithoutAnAddressHasNoNames) {
  auto local = session(Reverse::kConfirmed, "dynamic");
  local.client.reset();
  EXPECT_EQ(action("reject name = dynamic\n", local), Action::kAccept);
  EXPECT_EQ(action("reject rdns = none\n", local), Action::kAccept);
  EXPECT_EQ(action("reject rdns = temperror\n", local), Action::kAccept);
  EXPECT_EQ(action("reject name != static\n", local), Action::kReject);
}

TEST_F(NamesPolicyTest, ARefusalTellsTheNameItsRuleAndWhereToObject) {
  auto dynamic = session(Reverse::kUnconfirmed, "dynamic");
  dynamic.names.contact = "https://names.example/";
  const auto refusal = refusal_of(decide("reject name = dynamic\n", dynamic));
  EXPECT_EQ(refusal.code, 550);
  EXPECT_EQ(refusal.text,
            "refused by the rule \"reject name = dynamic\", reverse name pool-7.isp.example "
            "(dynamic, isp.pcre:12), unconfirmed\nsee https://names.example/");
  EXPECT_EQ(refusal_of(decide("reject rdns = none\n",
                              [&] {
                                auto none = session(Reverse::kNone, "unknown");
                                none.names.evidence = {};
                                return none;
                              }()))
                .text,
            "refused by the rule \"reject rdns = none\", reverse name: none");
  auto saying = session(Reverse::kConfirmed, "unknown", "dynamic");
  EXPECT_EQ(refusal_of(decide("reject helo-name = dynamic\n", saying)).text,
            "refused by the rule \"reject helo-name = dynamic\", HELO name pool-8.isp.example "
            "(dynamic, a:1)");
  auto listed = session(Reverse::kConfirmed, "dynamic");
  listed.names.contact = "https://names.example/";
  listed.client = *IpAddress::parse("192.0.2.7");
  const auto with = policy("reject list local and name = dynamic\n");
  listed.address_class = with.snapshot().class_of(*listed.client);
  EXPECT_EQ(with.decide(listed, MessageFacts{}).contact, "https://list.example/");
}

TEST_F(NamesPolicyTest, AMissingAnswerDefersOnlyWhereItMatters) {
  const auto missing = without_answer();
  EXPECT_EQ(action("reject dkim = fail\naccept any\n", missing), Action::kAccept);
  const auto deferred = decide("reject name = dynamic\naccept any\n", missing);
  EXPECT_EQ(deferred.action, Action::kDefer);
  EXPECT_TRUE(deferred.for_dns);
  EXPECT_NE(refusal_of(deferred).text.find("7.113.0.203.in-addr.arpa: SERVFAIL"), std::string::npos)
      << refusal_of(deferred).text;
  EXPECT_EQ(refusal_of(deferred).enhanced, "4.4.3");
  EXPECT_EQ(action("reject name = dynamic\nreject any\n", missing), Action::kReject);
  EXPECT_EQ(action("reject rdns = none\nreject rdns != none\n", missing), Action::kReject);
  EXPECT_EQ(action("accept rdns = temperror\nreject any\n", missing), Action::kAccept);
  const auto by_rule = decide("defer rdns = temperror\naccept any\n", missing);
  EXPECT_EQ(by_rule.action, Action::kDefer);
  EXPECT_TRUE(by_rule.for_dns);
  // Dynamic, confirmed or not.
  auto half = missing;
  half.names.name_class = "dynamic";
  half.names.could_be_nameless = false;
  EXPECT_EQ(action("reject name = dynamic\naccept any\n", half), Action::kReject);
  EXPECT_EQ(action("reject rdns = none\naccept any\n", half), Action::kAccept);
  EXPECT_EQ(action("reject rdns = unconfirmed\naccept any\n", half), Action::kDefer);
}

TEST_F(NamesPolicyTest, MoreClassesThanAreCountedOutAreUnknown) {
  std::string rules;
  for (char c = 'a'; c < 'k'; c++) rules += std::string("reject name = ") + c + "\n";
  EXPECT_EQ(action(rules, without_answer()), Action::kDefer);
  EXPECT_EQ(action(rules + "reject any\n", without_answer()), Action::kReject);
}

TEST_F(NamesPolicyTest, WhatIsLearnedNamesTheRule) {
  const auto dynamic = session(Reverse::kConfirmed, "dynamic");
  const auto rejected = decide("reject name = dynamic learn 24h\n", dynamic);
  EXPECT_EQ(rejected.learn, std::chrono::hours{24});
  const auto lesson = learning::lesson_of(dynamic, rejected, "m1", 1000);
  ASSERT_TRUE(lesson);
  EXPECT_EQ(lesson->source.to_string(), "203.0.113.7");
  EXPECT_TRUE(lesson->rule.ends_with(":6")) << lesson->rule;
  ASSERT_EQ(lesson->evidence.size(), 1u);
  EXPECT_EQ(lesson->evidence[0].id, "m1");
  EXPECT_EQ(lesson->evidence[0].time, 1000);
  EXPECT_TRUE(lesson->reason.find(":6 by the rule \"reject name = dynamic learn 24h\", reverse "
                                  "name pool-7.isp.example") != std::string::npos)
      << lesson->reason;
  EXPECT_FALSE(
      learning::lesson_of(dynamic, decide("reject name = dynamic\n", dynamic), "m1", 1000));
  auto local = dynamic;
  local.client.reset();
  EXPECT_FALSE(learning::lesson_of(local, rejected, "m1", 1000));
}

TEST_F(NamesPolicyTest, NothingIsLearnedWhereItIsNotKnownWhichRuleItIs) {
  const auto missing = without_answer();
  const auto decided = decide("reject name = dynamic learn 24h\nreject any\n", missing);
  EXPECT_EQ(decided.action, Action::kReject);
  EXPECT_EQ(decided.learn.count(), 0);
  EXPECT_EQ(decide("reject name = dynamic learn 24h\naccept any\n", missing).learn.count(), 0);
}

// What is missing is tried in every way: the message is deferred exactly where these ways differ.
TEST_F(NamesPolicyTest, AgreesWithTryingEveryWay) {
  const std::array<const char*, 8> kConditions = {
      "name = dynamic", "name != dynamic",    "name = odd",        "rdns = none",
      "rdns != none",   "rdns = unconfirmed", "rdns != confirmed", "any"};
  const std::array<const char*, 3> kActions = {"accept", "tag", "reject"};
  std::mt19937 random(8);
  for (int round = 0; round < 60; round++) {
    std::string rules;
    std::set<std::string> used;
    for (size_t i = 0; i < 4; i++) {
      const std::string condition = kConditions[random() % kConditions.size()];
      if (condition == "any" || !used.insert(condition).second) continue;
      rules += std::string(kActions[random() % 3]) + ' ' + condition + '\n';
    }
    if (rules.empty()) continue;
    const auto with = policy(rules);
    auto missing = without_answer();
    missing.names.could_be_nameless = random() % 2 == 0;
    std::set<Action> possible;
    for (const auto& [reverse, name_class] :
         std::vector<std::pair<Reverse, std::string>>{{Reverse::kConfirmed, "dynamic"},
                                                      {Reverse::kConfirmed, "odd"},
                                                      {Reverse::kConfirmed, "unknown"},
                                                      {Reverse::kUnconfirmed, "dynamic"},
                                                      {Reverse::kUnconfirmed, "odd"},
                                                      {Reverse::kUnconfirmed, "unknown"},
                                                      {Reverse::kNone, "unknown"}}) {
      if (reverse == Reverse::kNone && !missing.names.could_be_nameless) continue;
      possible.insert(with.decide(session(reverse, name_class), MessageFacts{}).action);
    }
    const auto expected = possible.size() == 1 ? *possible.begin() : Action::kDefer;
    EXPECT_EQ(with.decide(missing, MessageFacts{}).action, expected) << rules;
  }
}

}  // namespace
}  // namespace postern::policy
