// SPDX-License-Identifier: BSD-3-Clause
//
// What all front doors rely on: facts that end in time, clients that have no address, when the body
// need not be seen, and what is said and remembered. The rules themselves are message_policy_test.
#include "control/policy/message_judge.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <optional>

#include "control/policy/disposition_text.h"
#include "tests/control/auth/signer.h"
#include "tests/rules/support/compiled.h"
#include "tests/support/scripted_resolver.h"

namespace postern::policy {
namespace {

namespace asio = boost::asio;

const std::string kMessage = "From: a@good.example\r\nSubject: s\r\n\r\nHello.\r\n";

class MessageJudgeTest : public testing::Test {
 protected:
  MessageJudgeTest() {
    workshop_.list("local.netset", "192.0.2.0/24\n");
    options_.authserv_id = "mx.example";
    judging_.policy = std::make_shared<const MessagePolicy>(workshop_.snapshot(
        "list local \"local.netset\" format cidr category local contact \"https://why.example/\"\n"
        "service mx 203.0.113.1/32 port 25\n"
        "connection to mx\n    inspect any\n"
        "message\n    reject category local\n    accept dkim = pass\n    tag any\n"
        "message to \"held.example\"\n    quarantine any\n"));
    resolver_.set_text("s._domainkey.good.example",
                       {"v=DKIM1; k=ed25519; p=" + key_.public_part()});
  }

  Judgement judge(MessageJudge& judge, std::string_view address) {
    SessionFacts session;
    if (!address.empty()) session.client = test::address(address);
    std::optional<Judgement> judgement;
    EnvelopeJudge envelope(judging_.splits, "a@good.example");
    for (const char* recipient : recipients_)
      envelope.take(judging_.policy, recipient, std::time(nullptr));
    asio::co_spawn(loop_, judge.judge(std::move(session), "a@good.example", envelope),
                   [&](const std::exception_ptr& thrown, Judgement made) {
                     if (!thrown) judgement = std::move(made);
                   });
    loop_.restart();
    loop_.run();
    return judgement.value();
  }
  std::string signed_message() const {
    return auth::sign_message(
        kMessage, "v=1; a=ed25519-sha256; c=simple/simple; d=good.example; s=s; h=from", key_);
  }

  test::Workshop workshop_;
  auth::SigningKey key_ = auth::SigningKey::ed25519();
  asio::io_context loop_;
  dns::ScriptedResolver resolver_;
  reputation::Store store_{":memory:"};
  JudgeOptions options_;
  JudgeServices judging_{
      .options = options_, .resolver = resolver_, .store = store_, .policy = nullptr, .splits = {}};
  std::vector<const char*> recipients_ = {"c@d.example"};
};

TEST_F(MessageJudgeTest, SignedMailPassesAndItsDomainIsRemembered) {
  MessageJudge one(judging_);
  one.update(signed_message());
  const auto judgement = judge(one, "198.51.100.7");
  EXPECT_EQ(judgement.disposition.rule, "accept dkim = pass");
  EXPECT_EQ(judgement.facts.signing_domain, "good.example");
  one.remember(judgement, reputation::Outcome::kAccepted);
  EXPECT_EQ(store_.find("good.example").value().accepted, 1u);
  const auto fields = result_fields("mx.example", judgement.facts, judgement.disposition, nullptr);
  EXPECT_NE(fields.find("dkim=pass"), std::string::npos);
}

TEST_F(MessageJudgeTest, TheAddressIsLookedUpAndARefusalSaysWhereToObject) {
  MessageJudge one(judging_);
  one.update(kMessage);
  const auto judgement = judge(one, "192.0.2.9");
  EXPECT_EQ(judgement.disposition.action, Action::kReject);
  const auto refusal = refusal_of(judgement.disposition);
  EXPECT_EQ(refusal.code, 550);
  EXPECT_EQ(refusal.enhanced, "5.7.1");
  EXPECT_NE(refusal.text.find("\nsee https://why.example/"), std::string::npos) << refusal.text;
}

TEST_F(MessageJudgeTest, RecipientsWhoseRulesDifferPutTheMessageOff) {
  recipients_ = {"c@d.example", "e@held.example"};
  MessageJudge one(judging_);
  one.update(kMessage);
  const auto judgement = judge(one, "198.51.100.7");
  EXPECT_TRUE(judgement.disposition.for_split);
  const auto refusal = refusal_of(judgement.disposition);
  EXPECT_EQ(refusal.code, 451);
  EXPECT_EQ(refusal.enhanced, "4.5.3");
  EXPECT_EQ(refusal.text,
            "deferred because its recipients are judged by different rules, and differently (tag, "
            "quarantine); try again, they will be taken in turn");
  recipients_ = {"e@held.example", "f@sub.Held.Example"};
  MessageJudge two(judging_);
  two.update(kMessage);
  EXPECT_EQ(judge(two, "198.51.100.7").disposition.action, Action::kQuarantine);
}

TEST_F(MessageJudgeTest, AClientWithoutAnAddressIsInNoList) {
  MessageJudge one(judging_);
  one.update(kMessage);
  const auto judgement = judge(one, "");
  EXPECT_EQ(judgement.disposition.rule, "tag any");
  EXPECT_EQ(judgement.session.address_class, 0u);
  one.remember(judgement, reputation::Outcome::kAccepted);  // nobody signed it
  EXPECT_FALSE(store_.find("good.example").has_value());
  const auto fields =
      result_fields("mx.example", judgement.facts, judgement.disposition, &options_.quarantine);
  EXPECT_TRUE(fields.ends_with("\r\nX-Postern-Tag: \"tag any\"\r\n")) << fields;
}

TEST_F(MessageJudgeTest, AnswersThatDoNotComeInTimeAreUnknownAndDeferWhereTheyMatter) {
  options_.authentication_time = std::chrono::milliseconds{1};
  resolver_.stall("s._domainkey.good.example");
  MessageJudge one(judging_);
  one.update(signed_message());
  const auto judgement = judge(one, "198.51.100.7");
  EXPECT_TRUE(judgement.facts.auth_unknown);
  EXPECT_EQ(judgement.disposition.action, Action::kDefer);
  EXPECT_EQ(refusal_of(judgement.disposition).enhanced, "4.4.3");

  MessageJudge other(judging_);
  other.update(signed_message());
  EXPECT_EQ(judge(other, "192.0.2.9").disposition.action, Action::kReject);  // it does not matter
}

TEST_F(MessageJudgeTest, OnlyASignatureWantsTheBody) {
  MessageJudge unsigned_one(judging_);
  EXPECT_TRUE(unsigned_one.wants_body());
  unsigned_one.update("From: a@good.example\r\n");
  EXPECT_TRUE(unsigned_one.wants_body());  // a signature may follow
  unsigned_one.update("\r\n");
  EXPECT_FALSE(unsigned_one.wants_body());

  MessageJudge signed_one(judging_);
  const auto message = signed_message();
  signed_one.update(message.substr(0, message.find("\r\n\r\n") + 4));
  EXPECT_TRUE(signed_one.wants_body());

  MessageJudge unusable(judging_);
  unusable.update("DKIM-Signature: v=9\r\n\r\n");
  EXPECT_FALSE(unusable.wants_body());
}

TEST_F(MessageJudgeTest, WhatIsPassedOverIsNotLookedUp) {
  MessageJudge one(judging_);
  one.update(signed_message());
  SessionFacts session;
  session.client = test::address("192.0.2.9");
  const auto judgement = one.pass_over(session, "a@good.example", {});
  EXPECT_NE(judgement.session.address_class, 0u);
  EXPECT_EQ(judgement.policy, judging_.policy);
  EXPECT_TRUE(resolver_.asked().empty());
}

}  // namespace
}  // namespace postern::policy
