// SPDX-License-Identifier: BSD-3-Clause
//
// The door for the site's own mail and reports that come in, as a whole proxy on real sockets.
#include "control/smtp/outbound.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "control/smtp/backscatter.h"
#include "tests/control/auth/rfc8463.h"
#include "tests/control/auth/run.h"
#include "tests/control/smtp/running_proxy.h"

namespace postern::test {
namespace {

const std::string kMessage = "From: <a@example.org>\r\nSubject: x\r\n\r\nHello.\r\n.\r\nBye.\r\n";

class OutboundTest : public testing::Test {
 protected:
  OutboundTest() {
    write("ed.pem", auth::kRfc8463Ed25519PrivateKey);
    signing_.table = std::make_shared<const auth::SigningTable>(
        auth::SigningTable::load(write("keys", "example.org ed ed.pem\n")));
    resolver_.set_text("ed._domainkey.example.org", {auth::kRfc8463Ed25519Key});
    outbound_.clients = {*Prefix::parse("127.0.0.0/8", Prefix::HostBits::kRefuse)};
    outbound_.signing = &signing_;
  }
  std::string write(const std::string& name, const std::string& text) {
    const auto path = directory_.write(name, text);
    ::chmod(path.c_str(), 0600);
    return path;
  }
  void use_tags(const std::string& domains) {
    batv_ = std::make_shared<const smtp::Batv>(
        smtp::Batv::parse("key 1 0123456789abcdef\n" + domains, "batv"));
    outbound_.batv = batv_;
  }
  void start() {
    proxy_.outbound = &outbound_;
    proxy_.start("    reject any\n");
  }
  // The message as the smarthost has it, without what DATA adds.
  std::string sent(size_t number = 0) {
    std::string wire = proxy_.farm.acknowledged().at(number).wire;
    std::string text;
    for (size_t i = 0; i < wire.size(); i++) {
      const bool at_start = i == 0 || wire[i - 1] == '\n';
      if (at_start && wire.compare(i, 3, ".\r\n") == 0 && i + 3 == wire.size()) break;
      if (at_start && wire[i] == '.') continue;
      text += wire[i];
    }
    return text;
  }

  TemporaryDirectory directory_;
  dns::ScriptedResolver resolver_;
  auth::SigningService signing_;
  std::shared_ptr<const smtp::Batv> batv_;
  smtp::Outbound outbound_;
  RunningProxy proxy_;
};

TEST_F(OutboundTest, MailIsSignedAndSentOnWithoutBeingJudged) {
  start();
  const auto client = greeted(proxy_);
  EXPECT_EQ(send_message(*client, kMessage, "a@example.org"), "250 2.0.0 queued as 12345\r\n");
  const std::string message = sent();
  EXPECT_TRUE(message.starts_with("Received: from client.example ([127.0.0.1])")) << message;
  EXPECT_TRUE(message.ends_with(kMessage));
  const auto result = auth::authenticate(message, resolver_);
  ASSERT_EQ(result.dkim.size(), 1U);
  EXPECT_EQ(result.dkim[0].result, auth::Result::kPass) << result.dkim[0].reason;
  EXPECT_EQ(message.find("Authentication-Results"), std::string::npos);
  proxy_.stop();
  EXPECT_EQ(signing_.signed_messages, 1U);
}

TEST_F(OutboundTest, ResultsThatClaimToBeOursDoNotGoOut) {
  start();
  const auto client = greeted(proxy_);
  send_message(*client, "Authentication-Results: mx.example; dkim=pass\r\n" + kMessage);
  EXPECT_EQ(sent().find("Authentication-Results"), std::string::npos);
  EXPECT_EQ(auth::authenticate(sent(), resolver_).dkim.at(0).result, auth::Result::kPass);
}

TEST_F(OutboundTest, MailOfOthersGoesUnsigned) {
  start();
  const auto client = greeted(proxy_);
  EXPECT_TRUE(send_message(*client, "From: x@other.example\r\n\r\nx\r\n").starts_with("250"));
  EXPECT_EQ(sent().find("DKIM-Signature"), std::string::npos);
  proxy_.stop();
  EXPECT_EQ(signing_.unsigned_messages, 1U);
}

TEST_F(OutboundTest, StrangersAreRefusedBeforeAnythingElse) {
  outbound_.clients = {*Prefix::parse("192.0.2.0/24", Prefix::HostBits::kRefuse)};
  start();
  MailClient client(proxy_.port());
  EXPECT_EQ(client.reply(), "554 5.7.1 only for this site's own mail\r\n");
  EXPECT_EQ(proxy_.farm.count("MAIL"), 0U);
}

TEST_F(OutboundTest, NothingIsAcknowledgedThatTheSmarthostDidNotTake) {
  start();
  for (const auto& [step, answer, heard] :
       {std::tuple{"dot", "451 4.3.0 not now\r\n", "451 4.3.0 not now\r\n"},
        std::tuple{"dot", "554 5.6.0 never\r\n", "554 5.6.0 never\r\n"},
        std::tuple{"dot", ScriptedFarm::kCut, "451 4.4.1 "}}) {
    proxy_.farm.set(step, answer);
    const auto client = greeted(proxy_);
    EXPECT_TRUE(send_message(*client, kMessage).starts_with(heard)) << heard;
  }
  EXPECT_TRUE(proxy_.farm.acknowledged().empty());
}

TEST_F(OutboundTest, ALargeMessageIsSignedFromItsStream) {
  start();
  std::string large = "From: a@example.org\r\n\r\n";
  while (large.size() < 300'000) large += "a line of text  \r\n";  // more than stays in memory
  const auto client = greeted(proxy_);
  EXPECT_TRUE(send_message(*client, large).starts_with("250"));
  EXPECT_EQ(auth::authenticate(sent(), resolver_).dkim.at(0).result, auth::Result::kPass);
}

TEST_F(OutboundTest, HostsOfOursMaySayWhatBotsSay) {
  start();
  MailClient client(proxy_.port());
  client.reply();
  EXPECT_TRUE(client.say("EHLO ylmf-pc").starts_with("250"));
}

TEST_F(OutboundTest, SendersAreTagged) {
  use_tags("tag example.org\n");
  start();
  const auto client = greeted(proxy_);
  for (const char* from : {"a@example.org", "", "a@other.example"})
    EXPECT_TRUE(send_message(*client, kMessage, from).starts_with("250"));
  const auto messages = proxy_.farm.acknowledged();
  EXPECT_TRUE(messages.at(0).mail.starts_with("MAIL FROM:<prvs=1")) << messages.at(0).mail;
  EXPECT_NE(messages.at(0).mail.find("=a@example.org>"), std::string::npos);
  EXPECT_TRUE(messages.at(1).mail.starts_with("MAIL FROM:<>"));
  EXPECT_TRUE(messages.at(2).mail.starts_with("MAIL FROM:<a@other.example>"));
}

TEST_F(OutboundTest, ReportsComeInByTheirTag) {
  use_tags("check example.org\n");
  policy::SourceLimits limits({});
  smtp::Backscatter backscatter({}, limits);
  backscatter.use(batv_);
  proxy_.backscatter = &backscatter;
  proxy_.start();
  const auto client = greeted(proxy_);
  client->say("MAIL FROM:<>");
  EXPECT_TRUE(client->say("RCPT TO:<a@example.org>").starts_with("550 5.7.1 "));
  EXPECT_TRUE(client->say("RCPT TO:<prvs=1234abcdef=a@example.org>").starts_with("550 5.7.1 "));
  const auto tagged = batv_->tag("a@example.org", std::time(nullptr));
  EXPECT_TRUE(client->say("RCPT TO:<" + tagged + ">").starts_with("250"));
  client->say("RSET");
  client->say("MAIL FROM:<b@other.example>");
  EXPECT_TRUE(client->say("RCPT TO:<a@example.org>").starts_with("250"));
  EXPECT_TRUE(client->say("RCPT TO:<" + tagged + ">").starts_with("250"));
  EXPECT_EQ(proxy_.farm.count("RCPT TO:<a@example.org>"), 3U);
  EXPECT_EQ(proxy_.farm.count("RCPT TO:<prvs="), 0U);
}

TEST_F(OutboundTest, ReportsHaveARate) {
  policy::SourceLimits::Options rates;
  rates.rates[static_cast<size_t>(policy::Limited::kNullSenders)] = {1, 3'600'000};
  policy::SourceLimits limits(rates);
  smtp::Backscatter backscatter({}, limits);
  proxy_.backscatter = &backscatter;
  proxy_.start();
  const auto client = greeted(proxy_);
  client->say("MAIL FROM:<>");
  EXPECT_TRUE(client->say("RCPT TO:<a@example.org>").starts_with("250"));
  EXPECT_TRUE(client->say("RCPT TO:<b@example.org>").starts_with("450 4.7.1 "));
  client->say("RSET");
  client->say("MAIL FROM:<b@other.example>");
  EXPECT_TRUE(client->say("RCPT TO:<b@example.org>").starts_with("250"));
}

}  // namespace
}  // namespace postern::test
