// SPDX-License-Identifier: BSD-3-Clause
//
// Message rules applied to facts: each condition, the order of rules, and what becomes of a message
// when the DNS did not answer, also against a slow evaluator that tries everything.
#include "control/policy/message_policy.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <string>

#include "rules/compile/compile.h"
#include "rules/policy/parse.h"

namespace postern::policy {
namespace {

using auth::Result;

const char kLists[] =
    "list pool \"pool.netset\" format cidr category dynamic contact \"https://pool.example/\"\n"
    "list bad \"bad.netset\" format cidr category spam\n"
    "list friends \"friends.domains\" format domains category accredited\n"
    "service mx 198.51.100.25/32 port 25\n"
    "connection to mx\n"
    "    allow any\n"
    "message\n";

class MessagePolicyTest : public testing::Test {
 protected:
  MessagePolicyTest() {
    directory_ =
        std::filesystem::temp_directory_path() / ("postern-policy-" + std::to_string(::getpid()));
    std::filesystem::create_directories(directory_);
    write("pool.netset", "192.0.2.0/24\n");
    write("bad.netset", "192.0.2.128/25\n203.0.113.0/24\n");
    write("friends.domains", "friend.example\n");
  }
  ~MessagePolicyTest() override { std::filesystem::remove_all(directory_); }

  void write(const std::string& name, const std::string& text) {
    std::ofstream(directory_ / name) << text;
  }

  MessagePolicy policy(const std::string& rules) {
    auto parsed = parse_policy(kLists + rules, (directory_ / "test.policy").string());
    return MessagePolicy(Snapshot::from_bytes(compile(parsed).bytes, "test"));
  }

  static auth::DkimResult signature(const std::string& domain, Result result) {
    auth::DkimResult found;
    found.domain = domain;
    found.selector = "s";
    found.result = result;
    return found;
  }

  static MessageFacts facts(std::vector<auth::DkimResult> signatures) {
    MessageFacts facts;
    facts.auth.dkim = std::move(signatures);
    for (const auto& signature : facts.auth.dkim) {
      if (signature.result == Result::kTempError) facts.auth.dns_failed = true;
      if (signature.result == Result::kPass && facts.signing_domain.empty())
        facts.signing_domain = signature.domain;
    }
    return facts;
  }

  static SessionFacts from(const MessagePolicy& policy, const char* address) {
    SessionFacts session;
    session.client = *IpAddress::parse(address);
    session.address_class = policy.snapshot().class_of(*session.client);
    return session;
  }

  Disposition decide(const std::string& rules, const MessageFacts& message,
                     const char* address = "198.51.100.1") {
    const auto with = policy(rules);
    return with.decide(from(with, address), message);
  }
  Action action(const std::string& rules, const MessageFacts& message,
                const char* address = "198.51.100.1") {
    return decide(rules, message, address).action;
  }

  std::filesystem::path directory_;
};

TEST_F(MessagePolicyTest, WhatNoRuleMatchesIsAccepted) {
  const auto disposition = decide("reject dkim = fail\n", facts({}));
  EXPECT_EQ(disposition.action, Action::kAccept);
  EXPECT_EQ(disposition.rule, "");
}

TEST_F(MessagePolicyTest, TheFirstRuleThatHoldsDecides) {
  const std::string rules =
      "tag dkim = fail\nreject dkim != pass and category dynamic\naccept any\n";
  const auto disposition =
      decide(rules, facts({signature("a.example", Result::kFail)}), "192.0.2.1");
  EXPECT_EQ(disposition.action, Action::kTag);
  EXPECT_EQ(disposition.rule, "tag dkim = fail");
  EXPECT_TRUE(disposition.rule_place.ends_with(":8")) << disposition.rule_place;
  EXPECT_EQ(action(rules, facts({}), "192.0.2.1"), Action::kReject);
  EXPECT_EQ(action(rules, facts({})), Action::kAccept);
}

TEST_F(MessagePolicyTest, DkimIsTheBestResultOfAllSignatures) {
  const std::string rules = "reject dkim = pass\ntag dkim = fail\ndefer dkim = none\naccept any\n";
  const auto pass = signature("a.example", Result::kPass);
  const auto fail = signature("b.example", Result::kFail);
  const auto permerror = signature("c.example", Result::kPermError);
  const auto policy_word = signature("d.example", Result::kPolicy);
  EXPECT_EQ(action(rules, facts({fail, pass})), Action::kReject);
  EXPECT_EQ(action(rules, facts({permerror, fail})), Action::kTag);
  EXPECT_EQ(action(rules, facts({permerror})), Action::kAccept);
  EXPECT_EQ(action(rules, facts({fail, policy_word})), Action::kAccept);
  EXPECT_EQ(action(rules, facts({})), Action::kDefer);
  EXPECT_EQ(action("reject dkim != pass\n", facts({fail})), Action::kReject);
  EXPECT_EQ(action("reject dkim != pass\n", facts({pass})), Action::kAccept);
}

TEST_F(MessagePolicyTest, ADomainStandsForItsSubdomainsAndOnlyWhenItPassed) {
  const auto message = [&](const char* domain, Result result = Result::kPass) {
    return facts({signature(domain, result)});
  };
  const std::string is = "reject domain = \"x.example\"\n";
  EXPECT_EQ(action(is, message("x.example")), Action::kReject);
  EXPECT_EQ(action(is, message("mail.x.example")), Action::kReject);
  EXPECT_EQ(action(is, message("notx.example")), Action::kAccept);
  EXPECT_EQ(action(is, message("example")), Action::kAccept);
  EXPECT_EQ(action(is, message("x.example", Result::kFail)), Action::kAccept);
  EXPECT_EQ(action("reject domain != \"x.example\"\n", message("y.example")), Action::kReject);
  const std::string in = "reject domain in friends\n";
  EXPECT_EQ(action(in, message("friend.example")), Action::kReject);
  EXPECT_EQ(action(in, message("a.b.friend.example")), Action::kReject);
  EXPECT_EQ(action(in, message("friend.example.evil.example")), Action::kAccept);
  EXPECT_EQ(action(in, message("unfriend.example")), Action::kAccept);
  EXPECT_EQ(action("reject domain in accredited\n", message("friend.example")), Action::kReject);
}

TEST_F(MessagePolicyTest, ReputationOfTheSigningDomain) {
  auto message = facts({signature("x.example", Result::kPass)});
  message.reputation = 0.2;
  EXPECT_EQ(action("reject reputation < 0.3\n", message), Action::kReject);
  EXPECT_EQ(action("reject reputation < 0.2\n", message), Action::kAccept);
  EXPECT_EQ(action("reject reputation <= 0.2\n", message), Action::kReject);
  EXPECT_EQ(action("reject reputation > 0.1\n", message), Action::kReject);
  // Of a stranger, and of nobody, 0.5.
  message.reputation.reset();
  EXPECT_EQ(action("reject reputation = 0.5\n", message), Action::kReject);
  EXPECT_EQ(action("reject reputation >= 0.5\n", facts({})), Action::kReject);
}

// What is known of a domain cannot be read: nobody is refused for it.
TEST_F(MessagePolicyTest, AReputationThatCannotBeReadDefersWhereItMatters) {
  auto message = facts({signature("x.example", Result::kPass)});
  message.signing_domain = "x.example";
  message.reputation_missing = {"x.example"};
  const std::string rules = "accept reputation > 0.8\nreject any\n";
  EXPECT_EQ(action(rules, message), Action::kDefer);
  EXPECT_EQ(action("accept reputation > 0.8\naccept any\n", message), Action::kAccept);
  message.reputation_missing = {"y.example"};
  EXPECT_EQ(action(rules, message), Action::kReject) << "somebody else's";
}

TEST_F(MessagePolicyTest, TheClassOfTheClient) {
  const std::string rules = "reject category dynamic\ndefer list bad\naccept any\n";
  EXPECT_EQ(action(rules, facts({}), "192.0.2.1"), Action::kReject);
  EXPECT_EQ(action(rules, facts({}), "192.0.2.200"), Action::kReject);
  EXPECT_EQ(action(rules, facts({}), "203.0.113.1"), Action::kDefer);
  EXPECT_EQ(action(rules, facts({}), "198.51.100.1"), Action::kAccept);
  EXPECT_EQ(action("reject category spam and dkim = fail\n", facts({}), "192.0.2.200"),
            Action::kAccept);
}

TEST_F(MessagePolicyTest, SaysWhyAndWhereToObject) {
  const auto disposition = decide("reject category dynamic\n", facts({}), "192.0.2.1");
  EXPECT_EQ(disposition.contact, "https://pool.example/");
  EXPECT_NE(disposition.explanation.find("reject category dynamic"), std::string::npos);
  EXPECT_NE(disposition.explanation.find("list pool (dynamic)"), std::string::npos);
  EXPECT_FALSE(disposition.for_dns);
}

TEST_F(MessagePolicyTest, AMissingAnswerDefersOnlyWhereItMatters) {
  const auto missing = facts({signature("x.example", Result::kTempError)});
  // It would make no difference.
  EXPECT_EQ(action("accept any\n", missing), Action::kAccept);
  EXPECT_EQ(action("reject category dynamic\naccept any\n", missing, "192.0.2.1"), Action::kReject);
  EXPECT_EQ(action("tag dkim = pass\ntag dkim != pass\n", missing), Action::kTag);
  EXPECT_EQ(action("reject domain = \"other.example\"\naccept any\n", missing), Action::kAccept);
  // It would.
  for (const char* rules : {"reject dkim = fail\n", "accept dkim = pass\nreject any\n",
                            "tag dkim = permerror\n", "tag dkim = policy\n", "tag dkim = neutral\n",
                            "reject domain = \"x.example\"\n", "tag dkim != pass\n"}) {
    const auto disposition = decide(rules, missing);
    EXPECT_EQ(disposition.action, Action::kDefer) << rules;
    EXPECT_TRUE(disposition.for_dns);
    EXPECT_NE(disposition.explanation.find("s._domainkey.x.example"), std::string::npos);
  }
  // "none" cannot come of it: there is a signature.
  EXPECT_EQ(action("reject dkim = none\n", missing), Action::kAccept);
}

TEST_F(MessagePolicyTest, ARuleAboutTheFailureItselfDecides) {
  const auto missing = facts({signature("x.example", Result::kTempError)});
  EXPECT_EQ(action("accept dns = error\nreject dkim != pass\n", missing), Action::kAccept);
  EXPECT_EQ(action("accept dkim = temperror\nreject dkim != pass\n", missing), Action::kAccept);
  const auto deferred = decide("defer dns = error\naccept any\n", missing);
  EXPECT_EQ(deferred.action, Action::kDefer);
  EXPECT_TRUE(deferred.for_dns);
  EXPECT_EQ(deferred.rule, "defer dns = error");
  EXPECT_EQ(action("reject dns = ok\n", missing), Action::kAccept);
  EXPECT_EQ(action("reject dns = ok\n", facts({})), Action::kReject);
  // A rule before it that might hold makes it matter again.
  EXPECT_EQ(action("reject dkim = fail\naccept dns = error\n", missing), Action::kDefer);
}

TEST_F(MessagePolicyTest, AnotherSignatureCanMakeTheAnswerNeedless) {
  const auto missing = signature("x.example", Result::kTempError);
  const auto pass = signature("y.example", Result::kPass);
  EXPECT_EQ(action("accept dkim = pass\nreject any\n", facts({missing, pass})), Action::kAccept);
  EXPECT_EQ(action("reject domain = \"x.example\"\n", facts({missing, pass})), Action::kDefer);
}

TEST_F(MessagePolicyTest, TheReputationOfTheDomainThatMightHavePassedCounts) {
  auto message = facts({signature("x.example", Result::kTempError)});
  const std::string rules = "reject reputation < 0.2\naccept any\n";
  EXPECT_EQ(action(rules, message), Action::kAccept) << "a stranger has 0.5 either way";
  message.known_domains = {{"x.example", 0.1}};
  EXPECT_EQ(action(rules, message), Action::kDefer);
  message.known_domains = {{"x.example", 0.9}};
  EXPECT_EQ(action(rules, message), Action::kAccept);
}

TEST_F(MessagePolicyTest, ASignatureWhoseKeyIsGivenUpIsAsIfItWereNotThere) {
  auto message = facts({signature("x.example", Result::kTempError)});
  message.auth.dkim[0].given_up = true;
  message.auth.dns_failed = false;  // as authentication has it
  message.known_domains = {{"x.example", 0.1}};
  EXPECT_EQ(action("reject dkim = none\n", message), Action::kReject);
  EXPECT_EQ(action("reject dkim = temperror\n", message), Action::kAccept);
  EXPECT_EQ(action("reject dkim = permerror\nreject dkim = fail\n", message), Action::kAccept);
  EXPECT_EQ(action("reject reputation < 0.2\n", message), Action::kAccept);
  EXPECT_EQ(action("reject domain = \"x.example\"\n", message), Action::kAccept);
}

TEST_F(MessagePolicyTest, ManySignaturesWithoutAKeyAreBounded) {
  std::vector<auth::DkimResult> signatures;
  for (int i = 0; i < 64; i++)
    signatures.push_back(signature("d" + std::to_string(i) + ".example", Result::kTempError));
  EXPECT_EQ(action("accept any\n", facts(signatures)), Action::kAccept);
  EXPECT_EQ(action("reject domain = \"d7.example\"\n", facts(signatures)), Action::kDefer);
}

TEST_F(MessagePolicyTest, ListsExpire) {
  write("old.netset", "192.0.2.0/24\n");
  auto parsed = parse_policy(
      "list old \"old.netset\" format cidr category old expires 1h\n"
      "service mx 198.51.100.25/32 port 25\nconnection to mx\n    allow any\n"
      "message\n    reject category old\n",
      (directory_ / "test.policy").string());
  const MessagePolicy with(Snapshot::from_bytes(compile(parsed).bytes, "test"));
  const auto expires = with.snapshot().lists()[0].expires_at;
  ASSERT_TRUE(expires);
  auto message = facts({});
  message.now = *expires - 1;
  EXPECT_EQ(with.decide(from(with, "192.0.2.1"), message).action, Action::kReject);
  message.now = *expires;
  EXPECT_EQ(with.decide(from(with, "192.0.2.1"), message).action, Action::kAccept);
}

// Tries every result for every signature without a key, one by one, and asks the policy with each
// as if it were certain. `dns` and `temperror` are left out of the rules here, as they ask of the
// failure and not of what might have been.
TEST_F(MessagePolicyTest, AgreesWithTryingEverything) {
  std::mt19937 random(6376);
  const std::vector<std::string> conditions = {"dkim = pass",
                                               "dkim = fail",
                                               "dkim = permerror",
                                               "dkim = policy",
                                               "dkim != neutral",
                                               "domain = \"a.example\"",
                                               "domain != \"b.example\"",
                                               "domain in friends",
                                               "reputation < 0.3",
                                               "reputation >= 0.6",
                                               "category dynamic"};
  const std::vector<std::string> actions = {"accept", "tag", "defer", "reject"};
  const std::vector<std::string> domains = {"a.example", "b.example", "friend.example"};
  const std::vector<Result> seen = {Result::kPass, Result::kFail, Result::kTempError,
                                    Result::kTempError, Result::kPermError};
  const std::vector<Result> possible = {Result::kPass, Result::kFail, Result::kPermError,
                                        Result::kPolicy, Result::kNeutral};
  int deferred = 0, decided = 0;
  for (int round = 0; round < 400; round++) {
    std::string rules;
    std::set<std::string> used;
    for (int i = 0; i < 3; i++) {
      const auto& condition = conditions[random() % conditions.size()];
      if (used.insert(condition).second)
        rules += actions[random() % actions.size()] + " " + condition + "\n";
    }
    const auto with = policy(rules);
    auto message = facts({});
    for (size_t i = random() % 4; i > 0; i--)
      message.auth.dkim.push_back(
          signature(domains[random() % domains.size()], seen[random() % seen.size()]));
    message.known_domains = {{"a.example", 0.1}, {"b.example", 0.7}};
    const auto complete = [&](MessageFacts& certain) {
      certain.signing_domain.clear();
      certain.reputation.reset();
      for (const auto& found : certain.auth.dkim) {
        if (found.result != Result::kPass) continue;
        certain.signing_domain = found.domain;
        for (const auto& known : certain.known_domains)
          if (known.domain == found.domain) certain.reputation = known.reputation;
        break;
      }
    };
    std::vector<MessageFacts> all = {message};
    for (size_t i = 0; i < message.auth.dkim.size(); i++) {
      if (message.auth.dkim[i].result != Result::kTempError) continue;
      std::vector<MessageFacts> more;
      for (const auto& one : all)
        for (const Result result : possible) {
          more.push_back(one);
          more.back().auth.dkim[i].result = result;
        }
      all = std::move(more);
    }
    const auto session = from(with, "192.0.2.1");
    std::set<Action> outcomes;
    for (auto& one : all) {
      complete(one);
      outcomes.insert(with.decide(session, one).action);
    }
    complete(message);
    message.auth.dns_failed = all.size() > 1;
    const auto disposition = with.decide(session, message);
    const Action expected = outcomes.size() == 1 ? *outcomes.begin() : Action::kDefer;
    ASSERT_EQ(disposition.action, expected) << rules;
    if (outcomes.size() == 1)
      decided += all.size() > 1;
    else
      deferred++;
  }
  EXPECT_GT(deferred, 20);
  EXPECT_GT(decided, 20);
}

}  // namespace
}  // namespace postern::policy
