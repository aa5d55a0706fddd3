// SPDX-License-Identifier: BSD-3-Clause
//
// A client's names in the whole proxy: looked up from the connection on, judged by rules, told to
// the farm and to the client who is refused, and never in the way longer than their time.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/control/auth/signer.h"
#include "tests/control/policy/table_text.h"
#include "tests/control/smtp/running_proxy.h"

namespace postern::test {
namespace {

using dns::RecordType;
using std::chrono::milliseconds;

const std::string kMessage =
    "From: <a@good.example>\r\nTo: c@d.example\r\nSubject: x\r\n\r\nHello.\r\n";
const std::string kReverse = "1.0.0.127.in-addr.arpa";

dns::Answer answer(std::vector<std::string> records) {
  dns::Answer found;
  found.status = dns::Status::kFound;
  found.records = std::move(records);
  return found;
}

class ProxyNames : public testing::Test {
 protected:
  ProxyNames() { proxy_.names = policy::test::name_classes(); }

  void named(const std::string& name, bool confirmed) {
    proxy_.resolver.set(kReverse, RecordType::kPtr, answer({name}));
    proxy_.resolver.set(name, RecordType::kA, answer({confirmed ? "127.0.0.1" : "192.0.2.9"}));
  }
  std::string send() { return send_message(*greeted(proxy_), kMessage); }
  std::string delivered() {
    const auto messages = proxy_.farm.acknowledged();
    return messages.empty() ? "" : messages.back().wire;
  }

  RunningProxy proxy_;
};

TEST_F(ProxyNames, ADynamicNameIsRefusedWithItsReason) {
  named("pool-7.isp.example", true);
  proxy_.names = policy::test::name_classes(policy::test::kPools, "https://names.example/");
  proxy_.start("    reject name = dynamic\n    accept any\n");
  EXPECT_EQ(send(),
            "550-5.7.1 refused by the rule \"reject name = dynamic\", reverse name "
            "pool-7.isp.example (dynamic, isp.pcre:1), confirmed\r\n"
            "550 5.7.1 see https://names.example/\r\n");
  EXPECT_TRUE(proxy_.farm.acknowledged().empty());
}

TEST_F(ProxyNames, ANameThatNobodyConfirmsIsOnlyTheAddressOwnersWord) {
  named("pool-7.isp.example", false);
  proxy_.start("    reject name = dynamic\n    accept any\n");
  EXPECT_NE(send().find("pool-7.isp.example (dynamic, isp.pcre:1), unconfirmed"),
            std::string::npos);
  proxy_.on_loop([&] { named("mail.bank.example", false); });
  proxy_.set_policy("    accept name = static\n    reject rdns = unconfirmed\n");
  EXPECT_TRUE(send().starts_with("550 5.7.1 "));
}

TEST_F(ProxyNames, TheNameSaidInHelo) {
  proxy_.start("    reject helo-name = dynamic\n    accept any\n");
  EXPECT_TRUE(send().starts_with("250 "));
  MailClient client(proxy_.port());
  client.reply();
  client.say("EHLO pool-9.isp.example");
  EXPECT_TRUE(send_message(client, kMessage).starts_with("550 5.7.1 "));
}

TEST_F(ProxyNames, AConfirmedNameStandsInReceivedAndIsToldToTheFarm) {
  named("mail.good.example", true);
  proxy_.farm.set("EHLO", "250-farm\r\n250 XFORWARD NAME ADDR\r\n");
  proxy_.farm.set("XFORWARD", "250 2.0.0 noted\r\n");
  proxy_.options.farm.backends = {RunningProxy::backend(proxy_.farm)};
  proxy_.options.farm.backends[0].hand_on = smtp::HandOn::kXforward;
  proxy_.start();
  EXPECT_TRUE(send().starts_with("250 "));
  EXPECT_NE(delivered().find("from client.example (mail.good.example [127.0.0.1])"),
            std::string::npos)
      << delivered();
  EXPECT_EQ(proxy_.farm.count("XFORWARD NAME=mail.good.example ADDR=127.0.0.1"), 1u);
}

TEST_F(ProxyNames, TheLookUpBeginsWithTheConnection) {
  proxy_.options.greet_pause = milliseconds{60'000};
  proxy_.start();
  MailClient client(proxy_.port());
  proxy_.wait([&] { return proxy_.resolver.asked() == std::vector<std::string>{kReverse}; });
}

TEST_F(ProxyNames, ASilentDnsIsWaitedForAsLongAsItMayTake) {
  proxy_.judge_options.reverse_time = milliseconds{100};
  proxy_.resolver.stall(kReverse);
  proxy_.start("    reject name = dynamic\n    accept any\n");
  const auto reply = send();
  EXPECT_TRUE(reply.starts_with("451 4.4.3 ")) << reply;
  EXPECT_NE(reply.find(kReverse), std::string::npos) << reply;
  proxy_.set_policy("    accept any\n");
  EXPECT_TRUE(send().starts_with("250 "));
}

TEST_F(ProxyNames, NobodyWaitsForWhatNobodyAsksFor) {
  proxy_.judge_options.reverse_time = std::chrono::hours{1};
  proxy_.resolver.stall(kReverse);
  proxy_.start("    reject helo-name = dynamic\n    accept any\n");
  EXPECT_TRUE(send().starts_with("250 "));
}

TEST_F(ProxyNames, AfterThePatienceThereIsNoName) {
  proxy_.resolver.fail(kReverse, RecordType::kPtr, "SERVFAIL");
  const auto now = std::time(nullptr);
  proxy_.silent_zones.note_failure(kReverse, RecordType::kPtr, now - 86400 - 60);
  proxy_.silent_zones.note_answer("other.example", RecordType::kTxt, now, dns::Origin::kReached);
  proxy_.start("    reject name = dynamic\n    tag rdns = none\n    accept any\n");
  EXPECT_TRUE(send().starts_with("250 "));
  EXPECT_NE(delivered().find("X-Postern-Tag: \"tag rdns = none\""), std::string::npos);
}

TEST_F(ProxyNames, AKeyThatNeverComesIsAsIfItWereNotThere) {
  const auto key = auth::SigningKey::ed25519();
  const auto signed_by = [&](const std::string& domain) {
    return auth::sign_message(
        kMessage, "v=1; a=ed25519-sha256; c=relaxed/simple; d=" + domain + "; s=s; h=from:subject",
        key);
  };
  for (const std::string domain : {"silent.example", "new.example"})
    proxy_.resolver.fail("s._domainkey." + domain, RecordType::kTxt, "timed out");
  const auto now = std::time(nullptr);
  proxy_.silent_zones.note_failure("silent.example", RecordType::kTxt, now - 86400 - 60);
  proxy_.silent_zones.note_answer("other.example", RecordType::kTxt, now, dns::Origin::kReached);
  proxy_.start(
      "    tag dkim = none\n    defer dkim = temperror\n    defer dns = error\n"
      "    reject dkim = permerror\n    accept any\n");
  const auto client = greeted(proxy_);
  EXPECT_TRUE(send_message(*client, signed_by("new.example")).starts_with("451 "));
  EXPECT_TRUE(send_message(*client, signed_by("silent.example")).starts_with("250 "));
  EXPECT_NE(delivered().find("X-Postern-Tag: \"tag dkim = none\""), std::string::npos);
  EXPECT_NE(delivered().find("dkim=temperror"), std::string::npos) << "readers are told the truth";
}

TEST_F(ProxyNames, WhoGoesIsNotLookedUpAnyMore) {
  proxy_.options.greet_pause = milliseconds{60'000};
  proxy_.resolver.stall(kReverse);
  proxy_.start();
  {
    MailClient client(proxy_.port());
    proxy_.wait([&] { return proxy_.resolver.waiting() == 1; });
  }
  proxy_.wait([&] { return proxy_.resolver.waiting() == 0; });
}

TEST_F(ProxyNames, DrainingDoesNotWaitForTheDns) {
  proxy_.judge_options.reverse_time = std::chrono::hours{1};
  proxy_.resolver.stall(kReverse);
  proxy_.start("    reject name = dynamic\n");
  const auto client = greeted(proxy_);
  client->send("MAIL FROM:<a@b.example>\r\n");
  proxy_.wait([&] { return proxy_.resolver.waiting() == 1; });
  EXPECT_TRUE(proxy_.drain(milliseconds{0}));
}

}  // namespace
}  // namespace postern::test
