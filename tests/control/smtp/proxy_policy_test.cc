// SPDX-License-Identifier: BSD-3-Clause
//
// Facts, policy and disposition in the whole proxy: signed mail with keys from the DNS, answers
// that do not come, forged results, rules that tag, defer and refuse, and what is remembered.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/control/auth/signer.h"
#include "tests/control/smtp/running_proxy.h"

namespace postern::test {
namespace {

const std::string kMessage =
    "From: <a@good.example>\r\nTo: c@d.example\r\nSubject: x\r\n\r\nHello.\r\n";

class ProxyPolicy : public testing::Test {
 protected:
  ProxyPolicy() : key_(auth::SigningKey::ed25519()) {
    for (const char* domain : {"good.example", "spam.example"})
      proxy_.resolver.set_text("s._domainkey." + std::string(domain),
                               {"v=DKIM1; k=ed25519; p=" + key_.public_part()});
    proxy_.resolver.fail("s._domainkey.silent.example", dns::RecordType::kTxt, "timed out");
  }

  std::string signed_by(const std::string& domain) const {
    return auth::sign_message(
        kMessage, "v=1; a=ed25519-sha256; c=relaxed/simple; d=" + domain + "; s=s; h=from:subject",
        key_);
  }
  // The header that the farm got, unfolded; "" where it got nothing.
  std::string delivered_header() {
    const auto messages = proxy_.farm.acknowledged();
    if (messages.empty()) return "";
    std::string header = messages.back().wire;
    header.resize(header.find("\r\n\r\n") + 2);
    for (size_t at; (at = header.find("\r\n\t")) != std::string::npos;) header.replace(at, 3, " ");
    for (size_t at; (at = header.find("\r\n ")) != std::string::npos;) header.replace(at, 3, " ");
    return header;
  }
  std::optional<reputation::DomainRecord> remembered(const std::string& domain) {
    return proxy_.on_loop([&] { return proxy_.store.find(domain); });
  }

  auth::SigningKey key_;
  RunningProxy proxy_;
};

TEST_F(ProxyPolicy, SignedMailIsAcceptedMarkedAndRemembered) {
  proxy_.start();
  const auto client = greeted(proxy_);
  EXPECT_TRUE(send_message(*client, signed_by("good.example")).starts_with("250 "));
  const auto header = delivered_header();
  EXPECT_NE(header.find("Authentication-Results: mx.example;"), std::string::npos) << header;
  EXPECT_NE(header.find("dkim=pass"), std::string::npos) << header;
  EXPECT_NE(header.find("for <c@d.example>"), std::string::npos);
  EXPECT_EQ(header.find("X-Postern-Tag"), std::string::npos);
  const auto record = remembered("good.example");
  ASSERT_TRUE(record);
  EXPECT_EQ(record->messages, 1u);
  EXPECT_EQ(record->accepted, 1u);
  // What the farm refuses counts against the domain, what it defers does not.
  proxy_.farm.set("dot", "554 5.7.1 spam\r\n");
  send_message(*client, signed_by("good.example"));
  proxy_.farm.set("dot", "451 4.3.0 later\r\n");
  send_message(*client, signed_by("good.example"));
  EXPECT_EQ(remembered("good.example")->messages, 3u);
  EXPECT_EQ(remembered("good.example")->rejected, 1u);
  EXPECT_EQ(remembered("good.example")->accepted, 1u);
}

TEST_F(ProxyPolicy, ABrokenSignatureIsNobodys) {
  proxy_.start("    tag dkim = fail\n    accept any\n");
  const auto client = greeted(proxy_);
  auto broken = signed_by("good.example");
  broken += "One more line.\r\n";
  EXPECT_TRUE(send_message(*client, broken).starts_with("250 "));
  const auto header = delivered_header();
  EXPECT_NE(header.find("dkim=fail"), std::string::npos) << header;
  EXPECT_NE(header.find("X-Postern-Tag: \"tag dkim = fail\"\r\n"), std::string::npos) << header;
  EXPECT_FALSE(remembered("good.example"));
}

TEST_F(ProxyPolicy, ForgedResultsAreRemovedAndOthersStay) {
  proxy_.start();
  const auto client = greeted(proxy_);
  const std::string forged =
      "Authentication-Results:\tMX.Example (really) ;\r\n  dkim=pass header.d=bank.example\r\n"
      "Authentication-Results: other.example; dkim=pass header.d=kept.example\r\n" +
      kMessage;
  EXPECT_TRUE(send_message(*client, forged).starts_with("250 "));
  const auto header = delivered_header();
  EXPECT_EQ(header.find("bank.example"), std::string::npos) << header;
  EXPECT_NE(header.find("kept.example"), std::string::npos) << header;
}

// Our fields are on top: a text that begins as if in the middle of a field would have the last word
// in them. Nor does a reader that stops at a NUL get to see another name than we did.
TEST_F(ProxyPolicy, NothingThatASenderWroteRunsOnFromOurFields) {
  using namespace std::string_literals;
  proxy_.start("    tag dkim = none\n    accept any\n");
  const auto client = greeted(proxy_);
  for (const auto& begin :
       {" ; dkim=pass header.d=bank.example\r\n"s, "\t; dkim=pass header.d=bank.example\r\n"s,
        " \r\n"s, "Authentication-Results\0: mx.example; dkim=pass header.d=bank.example\r\n"s,
        "A: b\r\nAuthentication-Results\0 : mx.example; dkim=pass\r\n"s}) {
    const auto reply = send_message(*client, begin + kMessage);
    EXPECT_TRUE(reply.starts_with("550 5.6.0 ")) << begin << reply;
  }
  EXPECT_TRUE(proxy_.farm.acknowledged().empty());
  EXPECT_TRUE(
      send_message(*client, "Authentication-Results\x01: mx.example; dkim=pass\r\n" + kMessage)
          .starts_with("250 "));
  const auto header = delivered_header();
  const auto ours =
      "\r\nAuthentication-Results: mx.example; dkim=none\r\n"
      "X-Postern-Tag: \"tag dkim = none\"\r\nFrom: <a@good.example>\r\n"s;
  EXPECT_NE(header.find(ours), std::string::npos) << header;
}

TEST_F(ProxyPolicy, ARefusalSaysWhyAndWhereToObject) {
  proxy_.start("    reject category local and dkim = none\n    accept any\n");
  const auto client = greeted(proxy_);
  const auto reply = send_message(*client, kMessage);
  EXPECT_EQ(reply,
            "550-5.7.1 refused by the rule \"reject category local and dkim = none\", list local "
            "(local)\r\n550 5.7.1 see https://why.example/\r\n");
  EXPECT_TRUE(proxy_.farm.acknowledged().empty());
  EXPECT_EQ(proxy_.farm.count("DATA"), 0u);
  // The transaction that was begun there does not get in the way of the next message.
  EXPECT_TRUE(send_message(*client, signed_by("good.example")).starts_with("250 "));
  EXPECT_EQ(proxy_.farm.count("RSET"), 1u);
}

TEST_F(ProxyPolicy, ADeferralByARule) {
  proxy_.start("    defer reputation < 0.6\n    accept any\n");
  EXPECT_TRUE(
      send_message(*greeted(proxy_), kMessage).starts_with("451 4.7.1 deferred by the rule"));
}

TEST_F(ProxyPolicy, AListOfDomainsAndTheReputationOfADomain) {
  proxy_.start("    reject domain in spam\n    reject reputation < 0.3\n    accept any\n");
  const auto client = greeted(proxy_);
  EXPECT_TRUE(send_message(*client, signed_by("spam.example")).starts_with("550-5.7.1 ") ||
              send_message(*client, signed_by("spam.example")).starts_with("550 5.7.1 "));
  EXPECT_TRUE(send_message(*client, signed_by("good.example")).starts_with("250 "));
  proxy_.on_loop([&] {
    for (int i = 0; i < 10; i++)
      proxy_.store.record("good.example", reputation::Outcome::kRejected, 1);
  });
  EXPECT_TRUE(send_message(*client, signed_by("good.example")).starts_with("550 5.7.1 "));
}

TEST_F(ProxyPolicy, AMissingAnswerDefersOnlyWhereItMatters) {
  proxy_.start("    accept any\n");
  const auto client = greeted(proxy_);
  EXPECT_TRUE(send_message(*client, signed_by("silent.example")).starts_with("250 "));
  EXPECT_NE(delivered_header().find("dkim=temperror"), std::string::npos) << delivered_header();
  proxy_.set_policy("    reject dkim = fail\n    accept any\n");
  const auto reply = send_message(*client, signed_by("silent.example"));
  EXPECT_TRUE(reply.starts_with("451 4.4.3 ")) << reply;
  EXPECT_NE(reply.find("s._domainkey.silent.example"), std::string::npos) << reply;
  EXPECT_TRUE(send_message(*client, kMessage).starts_with("250 "))
      << "not signed: no answer needed";
  EXPECT_FALSE(remembered("silent.example"));
  proxy_.set_policy("    accept dns = error\n    reject dkim = fail\n");
  EXPECT_TRUE(send_message(*client, signed_by("silent.example")).starts_with("250 "));
}

TEST_F(ProxyPolicy, AuthenticationThatDoesNotEndDefersWhereItMatters) {
  proxy_.judge_options.authentication_time = std::chrono::milliseconds{100};
  proxy_.resolver.stall("s._domainkey.good.example");
  proxy_.start("    reject dkim = fail\n    accept any\n");
  const auto client = greeted(proxy_);
  EXPECT_TRUE(send_message(*client, signed_by("good.example")).starts_with("451 4.4.3 "));
  proxy_.set_policy("    accept any\n");
  EXPECT_TRUE(send_message(*client, signed_by("good.example")).starts_with("250 "));
}

// What was said to each recipient, then to the text; "" where it was not asked for.
std::vector<std::string> said_to(MailClient& client, const std::vector<std::string>& recipients,
                                 const std::string& text = kMessage) {
  client.say("MAIL FROM:<a@b.example>");
  std::vector<std::string> replies;
  bool any = false;
  for (const auto& recipient : recipients) {
    replies.push_back(client.say("RCPT TO:<" + recipient + ">"));
    any = any || replies.back().starts_with("250");
  }
  replies.push_back("");
  if (!any) {
    client.say("RSET");
    return replies;
  }
  client.say("DATA");
  client.send(text + ".\r\n");
  replies.back() = client.reply();
  return replies;
}

TEST_F(ProxyPolicy, AMessageInQuarantineReachesTheFarmMarkedAndSpeaksForNobody) {
  proxy_.start("    quarantine dkim = pass\n    accept any\n");
  const auto client = greeted(proxy_);
  EXPECT_TRUE(send_message(*client, signed_by("good.example")).starts_with("250 "));
  EXPECT_NE(delivered_header().find(
                "\r\nX-Postern-Quarantine: \"quarantine dkim = pass\"\r\nDKIM-Signature"),
            std::string::npos)
      << delivered_header();
  EXPECT_EQ(remembered("good.example").value().accepted, 0u);
  EXPECT_EQ(remembered("good.example").value().rejected, 0u);
  EXPECT_TRUE(client->say("QUIT").starts_with("221"));
  EXPECT_EQ(client->rest(), "");
  EXPECT_EQ(proxy_.on_loop([&] { return proxy_.sources().known.size(); }), 0u);
}

TEST_F(ProxyPolicy, TheQuarantineFieldIsTheSites) {
  proxy_.judge_options.quarantine = {.name = "X-Spam-Flag", .value = "YES"};
  proxy_.start("    quarantine any\n");
  EXPECT_TRUE(send_message(*greeted(proxy_), kMessage).starts_with("250 "));
  EXPECT_NE(delivered_header().find("\r\nX-Spam-Flag: YES\r\nFrom:"), std::string::npos)
      << delivered_header();
}

TEST_F(ProxyPolicy, WhatNoTextCouldSaveIsRefusedAtRcptAndTheFarmHearsNothing) {
  proxy_.more_blocks = "message to \"open.example\"\n    accept any\n";
  proxy_.start("    reject category local\n    accept any\n");
  const auto client = greeted(proxy_);
  EXPECT_TRUE(client->say("MAIL FROM:<a@b.example>").starts_with("250"));
  EXPECT_EQ(client->say("RCPT TO:<c@d.example>"),
            "550-5.7.1 refused by the rule \"reject category local\", list local (local)\r\n"
            "550 5.7.1 see https://why.example/\r\n");
  EXPECT_EQ(proxy_.farm.count("MAIL"), 0u);
  EXPECT_TRUE(client->say("RCPT TO:<c@sub.open.example>").starts_with("250"));
  EXPECT_TRUE(client->say("DATA").starts_with("354"));
  client->send(kMessage + ".\r\n");
  EXPECT_TRUE(client->reply().starts_with("250"));
  EXPECT_EQ(proxy_.farm.count("RCPT"), 1u);
  // A rule before it that looks at the message might hold: that is decided at the end.
  proxy_.set_policy("    accept dkim = pass\n    reject category local\n");
  EXPECT_TRUE(send_message(*client, signed_by("good.example")).starts_with("250 "));
  proxy_.set_policy("    defer category local\n");
  EXPECT_TRUE(client->say("MAIL FROM:<a@b.example>").starts_with("250"));
  EXPECT_TRUE(client->say("RCPT TO:<c@d.example>").starts_with("451-4.7.1 deferred by the rule"));
}

TEST_F(ProxyPolicy, RecipientsWhoseRulesDifferComeInTurn) {
  proxy_.more_blocks =
      "message to \"strict.example\", \"stricter.example\"\n    reject dkim != pass\n"
      "message to \"mild.example\"\n    accept any\n";
  proxy_.start("    accept any\n");
  const auto client = greeted(proxy_);
  const std::vector<std::string> recipients = {"a@open.example", "b@strict.example",
                                               "c@mild.example"};
  // Where they agree they are one message.
  EXPECT_TRUE(said_to(*client, recipients, signed_by("good.example")).back().starts_with("250 "));
  ASSERT_EQ(proxy_.farm.acknowledged().size(), 1u);
  auto said = said_to(*client, recipients);
  EXPECT_TRUE(said[0].starts_with("250") && said[1].starts_with("250")) << said[0] << said[1];
  EXPECT_EQ(said.back(),
            "451 4.5.3 deferred because its recipients are judged by different rules, and "
            "differently (accept, reject); try again, they will be taken in turn\r\n");
  EXPECT_EQ(proxy_.farm.acknowledged().size(), 1u);
  // From another session, as queues do it.
  said = said_to(*greeted(proxy_), recipients);
  EXPECT_TRUE(said[0].starts_with("452 4.5.3 ")) << said[0];
  EXPECT_TRUE(said[1].starts_with("250")) << said[1];
  EXPECT_TRUE(said[2].starts_with("452 4.5.3 ")) << said[2];
  EXPECT_TRUE(said[3].starts_with("550 5.7.1 ")) << said[3];
  said = said_to(*greeted(proxy_), {"a@open.example", "c@mild.example"});
  EXPECT_TRUE(said.back().starts_with("250")) << said[0] << said[1] << said[2];
  EXPECT_EQ(proxy_.farm.acknowledged().size(), 2u);
  // Whom the policy refuses anyway is no party to it.
  proxy_.set_policy("    reject category local\n");
  said = said_to(*client, {"x@other.example", "d@stricter.example"}, signed_by("good.example"));
  EXPECT_TRUE(said[0].starts_with("550") && said[1].starts_with("250") &&
              said[2].starts_with("250"))
      << said[0] << said[1] << said[2];
}

TEST_F(ProxyPolicy, PostmasterAndAbuseAreHeardSoOftenAndNotMore) {
  using policy::Limited;
  proxy_.source_options.limits.rates[static_cast<size_t>(Limited::kRoleRecipients)] = {3,
                                                                                       3'600'000};
  proxy_.source_options.greylist.delay = 60;
  proxy_.more_blocks = "message to \"d.example\"\n    reject any\n";
  proxy_.start("    reject any\n");
  const auto client = greeted(proxy_);
  for (const char* recipient : {"postmaster@d.example", "ABUSE@e.example", "abuse+1@d.example"}) {
    const auto said = said_to(*client, {recipient}, signed_by("spam.example"));
    EXPECT_TRUE(said.back().starts_with("250 ")) << said[0] << said[1];
  }
  EXPECT_EQ(said_to(*client, {"abuse@d.example"})[0],
            "450 4.7.1 too many recipients from your address; try again later\r\n");
  EXPECT_TRUE(said_to(*client, {"c@d.example"})[0].starts_with("550")) << "others as ever";
  EXPECT_FALSE(remembered("spam.example")) << "exempt from reputation";
  client->say("QUIT");
  EXPECT_EQ(client->rest(), "");
  EXPECT_EQ(proxy_.on_loop([&] { return proxy_.sources().known.size(); }), 0u)
      << "nobody becomes known by writing to postmaster";
}

TEST_F(ProxyPolicy, PostmasterWithOthersIsAPartyLikeThem) {
  proxy_.start("    reject dkim = none\n");
  const auto client = greeted(proxy_);
  const std::vector<std::string> recipients = {"postmaster@d.example", "c@d.example"};
  EXPECT_TRUE(said_to(*client, recipients).back().starts_with("451 4.5.3 "));
  auto said = said_to(*client, recipients);
  EXPECT_TRUE(said[0].starts_with("452") && said[2].starts_with("550")) << said[0] << said[2];
  EXPECT_TRUE(said_to(*client, {"postmaster@d.example"}).back().starts_with("250 "));
}

TEST_F(ProxyPolicy, AReloadCountsFromTheNextMessageOn) {
  proxy_.start();
  const auto client = greeted(proxy_);
  EXPECT_TRUE(send_message(*client, kMessage).starts_with("250 "));
  proxy_.set_policy("    reject category local\n");
  EXPECT_TRUE(send_message(*client, kMessage).starts_with("550"));
}

}  // namespace
}  // namespace postern::test
