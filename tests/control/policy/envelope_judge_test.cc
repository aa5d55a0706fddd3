// SPDX-License-Identifier: BSD-3-Clause
//
// What is said of recipients: at RCPT what the end would say too, whatever the text (against a
// naive twin that tries many texts), and at the end one answer for all or a split, after which
// every recipient gets the answer of its own rules, whatever queues and farms do.
#include "control/policy/envelope_judge.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/rules/support/compiled.h"

namespace postern::policy {
namespace {

using auth::Result;

constexpr int64_t kNow = 1'800'000'000;

class EnvelopeJudgeTest : public testing::Test {
 protected:
  EnvelopeJudgeTest() {
    workshop_.list("pool", "192.0.2.0/24\n");
    workshop_.list("bad", "192.0.2.128/25\n203.0.113.0/24\n");
    workshop_.list("friends", "friend.example\n");
  }
  std::shared_ptr<const MessagePolicy> policy(const std::string& blocks) {
    return std::make_shared<const MessagePolicy>(workshop_.snapshot(
        "list pool \"pool\" format cidr category dynamic contact \"https://pool.example/\"\n"
        "list bad \"bad\" format cidr category spam\n"
        "list friends \"friends\" format domains category accredited\n"
        "service mx 198.51.100.25\n" +
        blocks));
  }
  static SessionFacts from(const MessagePolicy& policy, const char* address) {
    SessionFacts session;
    session.client = test::address(address);
    session.address_class = policy.snapshot().class_of(*session.client);
    return session;
  }
  static MessageFacts signed_by(const std::string& domain, Result result) {
    MessageFacts facts;
    facts.now = kNow;
    auth::DkimResult signature;
    signature.domain = domain;
    signature.selector = "s";
    signature.result = result;
    facts.auth.dkim = {signature};
    facts.auth.dns_failed = result == Result::kTempError;
    if (result == Result::kPass) facts.signing_domain = domain;
    return facts;
  }
  static MessageFacts not_signed() {
    MessageFacts facts;
    facts.now = kNow;
    return facts;
  }

  test::Workshop workshop_;
  RecipientSplits splits_{{}, 1};
};

TEST_F(EnvelopeJudgeTest, WhatNoTextCouldSaveIsRefusedAtRcptInTheSameWords) {
  const auto with = policy(
      "message\n tag dkim = fail and list friends_of_nobody\n reject category dynamic\n accept "
      "any\n"
      "list friends_of_nobody \"pool\" format cidr\n");
  const auto without = policy("message\n accept dkim = pass\n reject category dynamic\n");
  EnvelopeJudge judge(splits_, "a@b.example");
  // The list of nobody is the pool: whether the first rule holds is up to the message.
  EXPECT_FALSE(judge.ask(with, from(*with, "192.0.2.1"), "c@d.example", kNow));
  EXPECT_FALSE(judge.ask(without, from(*without, "192.0.2.1"), "c@d.example", kNow));
  const auto strict = policy(
      "message\n tag dkim = fail and category spam\n reject category dynamic\n accept any\n");
  const auto session = from(*strict, "192.0.2.1");
  const auto refused = judge.ask(strict, session, "c@d.example", kNow);
  ASSERT_TRUE(refused);
  const auto at_the_end = strict->decide(session, not_signed());
  EXPECT_EQ(refused->disposition.rule, at_the_end.rule);
  EXPECT_EQ(refused->disposition.explanation, at_the_end.explanation);
  EXPECT_EQ(refused->refusal.code, 550);
  EXPECT_EQ(refused->refusal.text, refusal_of(at_the_end).text);
  EXPECT_FALSE(judge.ask(strict, session, "Postmaster@d.example", kNow));
  EXPECT_FALSE(judge.ask(strict, from(*strict, "198.51.100.7"), "c@d.example", kNow));
}

// Rules at random: where RCPT says something, every text gets that answer; and where it says
// nothing although all texts that were tried are refused alike, a rule looks at the message.
TEST_F(EnvelopeJudgeTest, RcptNeverSaysWhatTheEndWouldNot) {
  std::mt19937 random(1870);
  const std::vector<std::string> conditions = {
      "category dynamic", "category spam",    "list pool",         "list bad",
      "dkim = pass",      "dkim = temperror", "dkim != temperror", "dns = error",
      "dns = ok",         "reputation < 0.5", "domain in friends", "domain != \"friend.example\""};
  const std::vector<std::string> actions = {"accept", "tag", "quarantine", "defer", "reject"};
  std::vector<MessageFacts> texts = {not_signed()};
  for (const Result result : {Result::kPass, Result::kFail, Result::kTempError, Result::kPermError})
    for (const char* domain : {"friend.example", "other.example"}) {
      texts.push_back(signed_by(domain, result));
      texts.back().known_domains = {{domain, 0.1}};
      if (result == Result::kPass) texts.back().reputation = 0.1;
    }
  int early = 0, late = 0;
  for (int round = 0; round < 400; round++) {
    std::string rules = "message\n";
    std::set<std::string> used;
    for (int i = 0; i < 4; i++) {
      std::string rule = conditions[random() % conditions.size()];
      if (random() % 3 == 0) rule += " and " + conditions[random() % conditions.size()];
      if (used.insert(rule).second)
        rules += ' ' + actions[random() % actions.size()] + ' ' + rule + '\n';
    }
    std::shared_ptr<const MessagePolicy> with;
    try {
      with = policy(rules);
    } catch (const BadInput&) {
      continue;  // a rule that can never match
    }
    for (const char* address : {"192.0.2.1", "192.0.2.200", "203.0.113.1", "198.51.100.1"}) {
      const auto session = from(*with, address);
      const auto said = with->decide_early(session, RuleBlock::kGeneral, kNow);
      (said ? early : late)++;
      if (!said) continue;
      EXPECT_GE(said->action, Action::kDefer);
      for (const auto& text : texts) {
        const auto end = with->decide(session, text);
        ASSERT_EQ(end.action, said->action) << rules << address;
        ASSERT_EQ(end.rule, said->rule) << rules << address;
        ASSERT_EQ(end.explanation, said->explanation) << rules << address;
        ASSERT_EQ(end.for_dns, said->for_dns) << rules << address;
      }
    }
  }
  EXPECT_GT(early, 50);
  EXPECT_GT(late, 100);
}

const char kTable[] =
    "message\n accept any\n"
    "message to \"rejects.example\"\n reject any\n"
    "message to \"rejects2.example\"\n reject dkim = none\n"
    "message to \"defers.example\"\n defer dkim = none\n"
    "message to \"holds.example\"\n quarantine dkim = none\n"
    "message to \"holds2.example\"\n quarantine dkim = none\n"
    "message to \"tags.example\"\n tag dkim = none\n"
    "message to \"tags2.example\"\n tag dkim != pass\n"
    "message to \"accepts.example\"\n accept dkim = none\n"
    "message to \"empty.example\"\n";

TEST_F(EnvelopeJudgeTest, OneAnswerForAllOrNone) {
  const auto with = policy(kTable);
  const std::vector<std::pair<std::vector<const char*>, std::string>> cases = {
      {{}, "accept"},
      {{"a@x.example"}, "accept"},
      {{"a@rejects.example"}, "reject"},
      {{"postmaster@rejects.example"}, "accept"},
      {{"a@rejects.example", "a@rejects2.example"}, "reject"},
      {{"a@x.example", "a@accepts.example", "a@empty.example", "abuse@tags.example"}, "accept"},
      {{"a@holds.example", "a@holds2.example"}, "quarantine"},
      {{"a@defers.example", "b@defers.example"}, "defer"},
      // One answer would be wrong for somebody.
      {{"a@x.example", "a@rejects.example"}, "split"},
      {{"a@rejects.example", "postmaster@rejects.example"}, "split"},
      {{"a@rejects.example", "a@defers.example"}, "split"},
      {{"a@x.example", "a@tags.example"}, "split"},
      {{"a@holds.example", "a@tags.example"}, "split"},
      {{"a@defers.example", "a@x.example"}, "split"},
      // The field would name another's rule.
      {{"a@tags.example", "a@tags2.example"}, "split"},
  };
  for (const auto& [recipients, expected] : cases) {
    EnvelopeJudge judge(splits_, "a@b.example");
    std::string all;
    for (const char* recipient : recipients) {
      judge.take(with, recipient, kNow);
      all += std::string(recipient) + ' ';
    }
    const auto disposition = judge.decide(with, from(*with, "198.51.100.7"), not_signed());
    EXPECT_EQ(disposition.for_split ? "split" : word(disposition.action), expected) << all;
    if (disposition.for_split) {
      EXPECT_EQ(disposition.action, Action::kDefer);
    }
  }
}

TEST_F(EnvelopeJudgeTest, AReloadBetweenRcptAndTheEndSortsAnew) {
  EnvelopeJudge judge(splits_, "a@b.example");
  const auto before = policy("message\n accept any\n");
  judge.take(before, "c@x.example", kNow);
  judge.take(before, "c@y.example", kNow);
  const auto after =
      policy("message\n accept any\nmessage to \"y.example\"\n reject dkim = none\n");
  EXPECT_TRUE(judge.decide(after, from(*after, "198.51.100.7"), not_signed()).for_split);
}

TEST_F(EnvelopeJudgeTest, OnlyRoles) {
  const auto with = policy("message\n accept any\n");
  EnvelopeJudge judge(splits_, "a@b.example");
  EXPECT_FALSE(judge.only_roles());
  judge.take(with, "postmaster@x.example", kNow);
  judge.take(with, "abuse@y.example", kNow);
  EXPECT_TRUE(judge.only_roles());
  judge.take(with, "c@y.example", kNow);
  EXPECT_FALSE(judge.only_roles());
  EXPECT_EQ(judge.recipients().size(), 3u);
}

// A queue as mail servers have them: all that is left in one transaction, in an order of its own,
// until each recipient has its answer. answered: what each got in the end.
struct Queue {
  std::vector<std::string> left;
  std::map<std::string, Action> answered;
  int attempts = 0;

  // busy: the farm, or another filter, puts this recipient off, which the judge may not see.
  template <typename Busy, typename Decide>
  void attempt(RecipientSplits& splits, const std::shared_ptr<const MessagePolicy>& policy,
               const SessionFacts& session, int64_t now, Busy busy, Decide text) {
    attempts++;
    EnvelopeJudge judge(splits, "a@b.example");
    std::vector<std::string> taken, later;
    for (const auto& recipient : left) {
      if (const auto refused = judge.ask(policy, session, recipient, now)) {
        if (refused->disposition.action == Action::kReject)
          answered[recipient] = Action::kReject;
        else
          later.push_back(recipient);
        continue;
      }
      judge.take(policy, recipient, now);
      (busy(recipient) ? later : taken).push_back(recipient);
    }
    left = std::move(later);
    if (taken.empty()) return;
    const auto disposition = judge.decide(policy, session, text());
    if (disposition.action == Action::kDefer) {
      left.insert(left.end(), taken.begin(), taken.end());
      return;
    }
    for (const auto& recipient : taken) answered[recipient] = disposition.action;
    judge.settle(policy, now);
  }
};

TEST_F(EnvelopeJudgeTest, TheStrictestHaveTheFirstTurnAndEachGoesOnAlone) {
  const auto with = policy(kTable);
  const auto session = from(*with, "198.51.100.7");
  Queue queue{.left = {"a@x.example", "a@rejects2.example", "b@y.example"}, .answered = {}};
  const auto attempt = [&] {
    queue.attempt(
        splits_, with, session, kNow, [](const auto&) { return false; }, not_signed);
  };
  attempt();
  EXPECT_EQ(queue.left.size(), 3u) << "451 for all";
  attempt();
  EXPECT_EQ(queue.answered,
            (std::map<std::string, Action>{{"a@rejects2.example", Action::kReject}}));
  attempt();
  EXPECT_TRUE(queue.left.empty());
  EXPECT_EQ(queue.answered.at("a@x.example"), Action::kAccept);
  EXPECT_EQ(queue.answered.at("b@y.example"), Action::kAccept);
  EXPECT_EQ(queue.attempts, 3);
}

TEST_F(EnvelopeJudgeTest, WhoIsPutOffByOthersHoldsNobodyUp) {
  const auto with = policy(kTable);
  const auto session = from(*with, "198.51.100.7");
  for (const bool strict_first : {true, false}) {
    RecipientSplits splits({}, 1);
    Queue queue;
    queue.left = {"a@x.example", "a@rejects2.example", "b@rejects2.example"};
    if (strict_first) std::ranges::reverse(queue.left);
    const auto in_order = queue.left;
    // A mailbox that is full for ever, behind us.
    for (int i = 0; i < 6 && !queue.answered.contains("a@x.example"); i++) {
      queue.attempt(
          splits, with, session, kNow + i,
          [](const std::string& recipient) { return recipient.ends_with("@rejects2.example"); },
          not_signed);
      std::ranges::sort(queue.left, {}, [&](const auto& one) {
        return std::ranges::find(in_order, one) - in_order.begin();
      });
    }
    EXPECT_EQ(queue.answered.at("a@x.example"), Action::kAccept) << strict_first;
  }
}

// Whatever the recipients, the order and the text of each attempt, and however small the table:
// each gets the answer of its own rules, within a number of attempts that queues make.
TEST_F(EnvelopeJudgeTest, NobodyIsLostAndNobodyWaitsForEver) {
  const auto with = policy(kTable);
  const auto session = from(*with, "198.51.100.7");
  const std::vector<std::string> domains = {"x",    "rejects", "rejects2", "holds", "holds2",
                                            "tags", "tags2",   "accepts",  "empty"};
  std::mt19937 random(451);
  for (const size_t capacity : {65'536u, 3u, 1u}) {
    int most = 0;
    for (int round = 0; round < 300; round++) {
      RecipientSplits splits({.capacity = capacity}, round);
      Queue queue;
      for (const auto& domain : domains)
        for (const char* local : {"a@", "b@"})
          if (random() % 3 == 0) queue.left.push_back(local + domain + ".example");
      if (random() % 3 == 0) queue.left.push_back("postmaster@rejects.example");
      const auto all = queue.left;
      // Rules that look at the text may say something else each time.
      const bool fickle = random() % 2 == 0;
      const auto text = [&] {
        return fickle && random() % 2 == 0 ? signed_by("x.example", Result::kPass) : not_signed();
      };
      while (!queue.left.empty() && queue.attempts < 100) {
        if (random() % 2 == 0) std::shuffle(queue.left.begin(), queue.left.end(), random);
        queue.attempt(
            splits, with, session, kNow + queue.attempts, [](const auto&) { return false; }, text);
      }
      most = std::max(most, queue.attempts);
      ASSERT_TRUE(queue.left.empty()) << capacity << ' ' << queue.left.front();
      for (const auto& recipient : all) {
        ASSERT_TRUE(queue.answered.contains(recipient)) << recipient;
        if (fickle) continue;
        const auto own = with->decide(session, not_signed(), with->block_of(recipient, kNow));
        ASSERT_EQ(queue.answered.at(recipient), own.action) << recipient;
      }
    }
    EXPECT_LE(most, 40) << capacity;
  }
}

TEST_F(EnvelopeJudgeTest, AFullTableTakesOneBlockAtATime) {
  const auto with = policy(kTable);
  const auto session = from(*with, "198.51.100.7");
  RecipientSplits splits({.capacity = 2, .keep_for = 100}, 1);
  for (const char* sender : {"a@b.example", "c@d.example"}) {
    EnvelopeJudge judge(splits, sender);
    judge.take(with, "a@x.example", kNow);
    judge.take(with, "a@tags.example", kNow);
    EXPECT_TRUE(judge.decide(with, session, not_signed()).for_split);
  }
  EXPECT_TRUE(splits.crowded(kNow + 99));
  EXPECT_LE(splits.size(), 2u);
  EnvelopeJudge judge(splits, "e@f.example");
  EXPECT_FALSE(judge.ask(with, session, "a@x.example", kNow));
  judge.take(with, "a@x.example", kNow);
  EXPECT_FALSE(judge.ask(with, session, "b@y.example", kNow)) << "the same block";
  const auto refused = judge.ask(with, session, "a@accepts.example", kNow);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->refusal.code, 452);
  EXPECT_EQ(refused->refusal.enhanced, "4.5.3");
  EXPECT_FALSE(splits.crowded(kNow + 200));
}

TEST_F(EnvelopeJudgeTest, SoManyBlocksOfOneMessageAreAsked) {
  std::string blocks;
  for (int i = 0; i < 20; i++) blocks += "message to \"d" + std::to_string(i) + ".example\"\n";
  const auto with = policy(blocks);
  const auto session = from(*with, "198.51.100.7");
  Queue queue;
  for (int i = 0; i < 20; i++) queue.left.push_back("a@d" + std::to_string(i) + ".example");
  queue.attempt(
      splits_, with, session, kNow, [](const auto&) { return false; }, not_signed);
  EXPECT_EQ(queue.answered.size(), EnvelopeJudge::kMaxBlocks);
  queue.attempt(
      splits_, with, session, kNow, [](const auto&) { return false; }, not_signed);
  EXPECT_TRUE(queue.left.empty());
}

}  // namespace
}  // namespace postern::policy
