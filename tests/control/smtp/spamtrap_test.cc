// SPDX-License-Identifier: BSD-3-Clause
//
// Spamtraps in the whole proxy: answered as others are, relayed to nobody, and evidence against who
// writes to them, unless it is a report of failure or an automatic reply.
#include <gtest/gtest.h>

#include <ctime>
#include <string>

#include "tests/control/auth/signer.h"
#include "tests/control/smtp/running_proxy.h"

namespace postern::test {
namespace {

const std::string kText = "From: <a@b.example>\r\nSubject: x\r\n\r\nHello.\r\n";

class Spamtraps : public testing::Test {
 protected:
  Spamtraps() {
    proxy_.learns = true;
    proxy_.is_trap = [](std::string_view to) { return to.starts_with("trap"); };
    proxy_.evidence_options.threshold = 3;
  }
  // A session of its own; the answer to the final dot.
  std::string mail(const std::string& to, const std::string& text = kText,
                   const std::string& from = "a@b.example") {
    const auto client = greeted(proxy_);
    auto reply = send_message(*client, text, from, to);
    client->say("QUIT");
    return reply;
  }
  size_t learned() {
    return proxy_.on_loop([&] { return proxy_.learning().size(); });
  }
  RunningProxy proxy_;
};

TEST_F(Spamtraps, IsTakenAndThrownAway) {
  proxy_.start();
  const auto client = greeted(proxy_);
  EXPECT_TRUE(client->say("MAIL FROM:<a@b.example>").starts_with("250 "));
  EXPECT_TRUE(client->say("RCPT TO:<trap1@d.example>").starts_with("250 2.1.5 "));
  EXPECT_TRUE(client->say("RCPT TO:<trap2@d.example>").starts_with("250 2.1.5 "));
  EXPECT_TRUE(client->say("DATA").starts_with("354"));
  client->send(kText + ".\r\n");
  EXPECT_TRUE(client->reply().starts_with("250 2.0.0 "));
  EXPECT_TRUE(proxy_.farm.acknowledged().empty());
  // The session goes on.
  EXPECT_TRUE(send_message(*client, kText).starts_with("250 "));
  EXPECT_EQ(proxy_.farm.acknowledged().size(), 1u);
}

TEST_F(Spamtraps, TheOtherRecipientsGetTheMessage) {
  proxy_.start();
  const auto client = greeted(proxy_);
  client->say("MAIL FROM:<a@b.example>");
  for (const char* to : {"trap1@d.example", "c@d.example", "trap2@d.example", "e@d.example"})
    EXPECT_TRUE(client->say("RCPT TO:<" + std::string(to) + ">").starts_with("250 2.1.5 ")) << to;
  client->say("DATA");
  client->send(kText + ".\r\n");
  EXPECT_TRUE(client->reply().starts_with("250 "));
  const auto messages = proxy_.farm.acknowledged();
  ASSERT_EQ(messages.size(), 1u);
  ASSERT_EQ(messages[0].recipients.size(), 2u);
  for (const auto& recipient : messages[0].recipients)
    EXPECT_EQ(recipient.find("trap"), std::string::npos) << recipient;
}

TEST_F(Spamtraps, ARuleThatRefusesDoesSoHereToo) {
  proxy_.start("    reject dkim != pass\n");
  EXPECT_TRUE(mail("trap@d.example").starts_with("550 5.7.1 "));
}

TEST_F(Spamtraps, ThreeHitsAreAnEntryAndOneIsNone) {
  proxy_.start();
  mail("trap@d.example");
  EXPECT_EQ(learned(), 0u);
  mail("trap@d.example");
  EXPECT_EQ(learned(), 0u);
  mail("trap@d.example");
  EXPECT_EQ(learned(), 1u);
  const auto prefix = *Prefix::parse("127.0.0.1/32", Prefix::HostBits::kRefuse);
  const auto entry =
      proxy_.on_loop([&] { return *proxy_.learning().find(prefix, std::time(nullptr)); });
  EXPECT_TRUE(entry.reason.ends_with("wrote to a spamtrap (3)")) << entry.reason;
  EXPECT_TRUE(entry.evidence[0].id.ends_with(".1")) << "the message: " << entry.evidence[0].id;
}

// Put off, it comes again, and each time it would be one more.
TEST_F(Spamtraps, AMessageThatIsPutOffCountsWhenItIsNot) {
  proxy_.farm.set("dot", "451 4.3.0 not now\r\n");
  proxy_.start();
  for (int i = 0; i < 5; i++) {
    const auto client = greeted(proxy_);
    client->say("MAIL FROM:<a@b.example>");
    client->say("RCPT TO:<trap@d.example>");
    client->say("RCPT TO:<c@d.example>");
    client->say("DATA");
    client->send(kText + ".\r\n");
    EXPECT_TRUE(client->reply().starts_with("451 "));
    client->say("QUIT");
  }
  EXPECT_EQ(learned(), 0u);
}

TEST_F(Spamtraps, ManyInOneSessionAreOne) {
  proxy_.start();
  const auto client = greeted(proxy_);
  for (int i = 0; i < 10; i++)
    EXPECT_TRUE(send_message(*client, kText, "a@b.example", "trap@d.example").starts_with("250 "));
  EXPECT_EQ(learned(), 0u);
}

TEST_F(Spamtraps, ReportsAndAutomaticRepliesCountNothing) {
  proxy_.start();
  for (int i = 0; i < 5; i++) {
    EXPECT_TRUE(mail("trap@d.example", kText, "").starts_with("250 "));
    EXPECT_TRUE(mail("trap@d.example", "Auto-Submitted: auto-replied (vacation)\r\n" + kText)
                    .starts_with("250 "));
  }
  EXPECT_EQ(learned(), 0u);
  for (int i = 0; i < 3; i++) mail("trap@d.example", "Auto-Submitted: no\r\n" + kText);
  EXPECT_EQ(learned(), 1u);
}

TEST_F(Spamtraps, WhoIsAllowedCommitsNoOffence) {
  proxy_.start("    accept any\n", "    allow category local\n");
  for (int i = 0; i < 5; i++) EXPECT_TRUE(mail("trap@d.example").starts_with("250 "));
  EXPECT_EQ(learned(), 0u);
  EXPECT_TRUE(proxy_.farm.acknowledged().empty()) << "but nobody gets the mail";
}

TEST_F(Spamtraps, WhatIsThrownAwayGainsADomainNothing) {
  const auto key = auth::SigningKey::ed25519();
  proxy_.resolver.set_text("s._domainkey.b.example",
                           {"v=DKIM1; k=ed25519; p=" + key.public_part()});
  proxy_.start();
  const auto message = auth::sign_message(
      kText, "v=1; a=ed25519-sha256; c=simple/simple; d=b.example; s=s; h=from:subject", key);
  EXPECT_TRUE(mail("trap@d.example", message).starts_with("250 "));
  EXPECT_FALSE(proxy_.on_loop([&] { return proxy_.store.find("b.example"); }));
  EXPECT_TRUE(mail("c@d.example", message).starts_with("250 "));
  EXPECT_TRUE(proxy_.on_loop([&] { return proxy_.store.find("b.example"); }));
}

}  // namespace
}  // namespace postern::test
