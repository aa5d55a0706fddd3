// SPDX-License-Identifier: BSD-3-Clause
//
// Sessions with the whole proxy: TLS and what is smuggled before it, limits, clients that wait too
// long, and the end of the service.
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "tests/control/smtp/running_proxy.h"

namespace postern::test {
namespace {

using std::chrono::milliseconds;

const std::string kMessage = "From: <a@b.example>\r\n\r\nHello.\r\n";

TEST(ProxySession, MailOverTls) {
  RunningProxy proxy;
  proxy.with_tls = true;
  proxy.start();
  const auto client = greeted(proxy);
  EXPECT_EQ(client->say("STARTTLS"), "220 2.0.0 go ahead\r\n");
  ASSERT_TRUE(client->start_tls());
  EXPECT_TRUE(client->say("MAIL FROM:<>").starts_with("503 ")) << "EHLO from before still counts";
  EXPECT_EQ(client->say("EHLO client.example").find("STARTTLS"), std::string::npos);
  EXPECT_TRUE(send_message(*client, kMessage).starts_with("250 "));
  EXPECT_TRUE(client->say("QUIT").starts_with("221 "));
  EXPECT_EQ(client->rest(), "");
  EXPECT_TRUE(client->tls_ended_well());
  EXPECT_NE(proxy.farm.acknowledged()[0].wire.find("with ESMTPS (TLSv1.3 "), std::string::npos);
}

TEST(ProxySession, WhatIsSentAheadOfTlsIsNeverActedOn) {
  RunningProxy proxy;
  proxy.with_tls = true;
  proxy.start();
  const std::string injected =
      "EHLO evil\r\nMAIL FROM:<evil@b.example>\r\nRCPT TO:<c@d.example>\r\n";
  {  // In one write with STARTTLS.
    const auto client = greeted(proxy);
    client->send("STARTTLS\r\n" + injected);
    EXPECT_TRUE(client->reply().starts_with("554 5.5.1 "));
    EXPECT_EQ(client->rest(), "");
  }
  {  // Just behind it: it meets the handshake, which fails.
    const auto client = greeted(proxy);
    client->send("STARTTLS\r\n");
    EXPECT_TRUE(client->reply().starts_with("220 "));
    client->send(injected);
    EXPECT_EQ(client->rest().find("250 "), std::string::npos);
  }
  // The proxy's own look at what the farm offers, which may not have said QUIT yet at the start.
  for (const auto& command : proxy.farm.commands())
    EXPECT_TRUE(command == "EHLO mx.example" || command == "QUIT") << command;
}

// The plain words behind STARTTLS, cut from it anywhere and any time before the handshake.
TEST(ProxySession, NothingThatIsSentAheadOfTlsIsActedOnAtAnyCut) {
  RunningProxy proxy;
  proxy.with_tls = true;
  proxy.start();
  const size_t before = proxy.farm.commands().size();
  // With them a backend would hear of it, as a recipient is what the farm is asked about.
  const std::string words =
      "STARTTLS\r\nEHLO evil\r\nMAIL FROM:<evil@b.example>\r\nRCPT TO:<c@d.example>\r\n";
  for (size_t cut = 1; cut < words.size(); cut++) {
    const auto client = greeted(proxy);
    client->send(words.substr(0, cut));
    if (cut >= 10) {
      // The answer to STARTTLS is awaited, so that the rest surely comes behind it.
      const auto answer = client->reply();
      ASSERT_TRUE(answer.starts_with(cut == 10 ? "220 " : "554 ")) << cut << answer;
    }
    client->send(words.substr(cut));
    const auto rest = client->rest();
    EXPECT_EQ(rest.find("250"), std::string::npos) << cut << ' ' << rest;
  }
  EXPECT_EQ(proxy.farm.commands().size(), before);
}

// A client whose records hold one octet each, and who never stops, has its turns and no more.
TEST(ProxySession, AFloodOfSmallRecordsKeepsNobodyElseWaiting) {
  RunningProxy proxy;
  proxy.with_tls = true;
  proxy.start();
  const auto flood = greeted(proxy);
  flood->say("STARTTLS");
  ASSERT_TRUE(flood->start_tls());
  flood->say("EHLO client.example");
  for (const char* line : {"MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "DATA"})
    flood->say(line);
  std::atomic<bool> ended{false};
  std::thread flooding([&] {
    while (!ended) flood->send("x");
  });
  for (int i = 0; i < 20; i++)
    EXPECT_TRUE(send_message(*greeted(proxy), kMessage).starts_with("250 ")) << i;
  ended = true;
  flooding.join();
}

TEST(ProxySession, LargeMessagesOverTlsBothWaysAtOnce) {
  RunningProxy proxy;
  proxy.with_tls = true;
  proxy.start();
  const auto client = greeted(proxy);
  client->say("STARTTLS");
  ASSERT_TRUE(client->start_tls());
  client->say("EHLO client.example");
  std::string text = "Subject: large\r\n\r\n";
  while (text.size() < 700'000) text += std::string(700, 'x') + "\r\n";
  EXPECT_TRUE(send_message(*client, text).starts_with("250 "));
  // Many replies to one write.
  std::string noops;
  for (int i = 0; i < 90; i++) noops += "NOOP\r\n";
  client->send(noops);
  for (int i = 0; i < 90; i++) ASSERT_TRUE(client->reply().starts_with("250 ")) << i;
  const auto arrived = proxy.farm.acknowledged();
  ASSERT_EQ(arrived.size(), 1u);
  EXPECT_TRUE(arrived[0].wire.ends_with(text.substr(18) + ".\r\n"));
}

TEST(ProxySession, WithoutACertificateNoTlsIsOffered) {
  RunningProxy proxy;
  proxy.start();
  MailClient client(proxy.port());
  client.reply();
  EXPECT_EQ(client.say("EHLO c").find("STARTTLS"), std::string::npos);
  EXPECT_TRUE(client.say("STARTTLS").starts_with("502 "));
}

// Who is to wait too long says nothing that has a time: this test's thread may be late itself.
TEST(ProxySession, AClientThatSaysNothing) {
  RunningProxy proxy;
  proxy.options.command_time = milliseconds{150};
  proxy.start();
  MailClient idle(proxy.port());
  EXPECT_TRUE(idle.reply().starts_with("220 "));
  EXPECT_TRUE(idle.reply().starts_with("421 4.4.2 "));
  EXPECT_EQ(idle.rest(), "");
}

TEST(ProxySession, AClientThatStopsInTheMiddleOfItsText) {
  RunningProxy proxy;
  proxy.options.text_time = milliseconds{150};
  proxy.start();
  const auto stalled = greeted(proxy);
  for (const char* line : {"MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "DATA"})
    stalled->say(line);
  stalled->send("half a mess");
  EXPECT_TRUE(stalled->reply().starts_with("421 4.4.2 "));
  EXPECT_TRUE(proxy.farm.acknowledged().empty());
}

TEST(ProxySession, SessionsAreCounted) {
  RunningProxy proxy;
  proxy.options.max_sessions_per_source = 2;
  proxy.start();
  const auto first = greeted(proxy);
  auto second = greeted(proxy);
  {
    MailClient third(proxy.port());
    EXPECT_TRUE(third.reply().starts_with("421 4.7.0 "));
    EXPECT_EQ(third.rest(), "");
  }
  second->say("QUIT");
  second.reset();
  while (proxy.sessions() > 1) std::this_thread::sleep_for(milliseconds{5});
  EXPECT_TRUE(greeted(proxy)->say("NOOP").starts_with("250 "));
}

TEST(ProxySession, TooManyInAll) {
  RunningProxy proxy;
  proxy.options.max_sessions = 1;
  proxy.start();
  const auto first = greeted(proxy);
  MailClient second(proxy.port());
  EXPECT_TRUE(second.reply().starts_with("421 4.3.2 "));
  EXPECT_TRUE(first->say("NOOP").starts_with("250 "));
}

TEST(ProxySession, DrainingEndsWhoIsIdleAndLetsMessagesEnd) {
  RunningProxy proxy;
  proxy.start();
  const auto idle = greeted(proxy);
  const auto busy = greeted(proxy);
  for (const char* line : {"MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "DATA"})
    busy->say(line);
  busy->send(kMessage);
  std::thread ending([&] { EXPECT_TRUE(proxy.drain(milliseconds{20'000})); });
  EXPECT_TRUE(idle->reply().starts_with("421 4.3.2 "));
  busy->send(".\r\n");
  EXPECT_TRUE(busy->reply().starts_with("250 "));
  EXPECT_TRUE(busy->reply().starts_with("421 4.3.2 "));
  ending.join();
  EXPECT_EQ(proxy.farm.acknowledged().size(), 1u);
  EXPECT_THROW(MailClient{proxy.port()}, std::runtime_error);
}

TEST(ProxySession, DrainingEndsByForceAtItsTime) {
  RunningProxy proxy;
  proxy.start();
  const auto busy = greeted(proxy);
  for (const char* line : {"MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "DATA"})
    busy->say(line);
  busy->send("half a mess");
  EXPECT_TRUE(proxy.drain(milliseconds{50}));
  EXPECT_EQ(busy->rest().find("250"), std::string::npos);
  EXPECT_TRUE(proxy.farm.acknowledged().empty());
}

TEST(ProxySession, ManyAtOnce) {
  RunningProxy proxy;
  proxy.options.max_sessions_per_source = 100;
  proxy.start();
  std::vector<std::thread> clients;
  std::atomic<int> taken = 0;
  for (int i = 0; i < 20; i++)
    clients.emplace_back([&, i] {
      const auto client = greeted(proxy);
      for (int n = 0; n < 10; n++)
        taken += send_message(*client, "Subject: " + std::to_string(i * 10 + n) + "\r\n\r\nx\r\n")
                     .starts_with("250 ");
    });
  for (auto& client : clients) client.join();
  EXPECT_EQ(taken, 200);
  std::set<std::string> subjects;
  for (const auto& message : proxy.farm.acknowledged()) {
    const size_t at = message.wire.find("Subject: ");
    subjects.insert(message.wire.substr(at, message.wire.find("\r\n", at) - at));
  }
  EXPECT_EQ(subjects.size(), 200u);
}

}  // namespace
}  // namespace postern::test
