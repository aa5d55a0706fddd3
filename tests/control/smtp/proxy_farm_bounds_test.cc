// SPDX-License-Identifier: BSD-3-Clause
//
// What a backend is asked for and what of it is believed: no more connections than it may have, no
// answer before the end of the text, no parameter dropped without a word, no offer that was meant
// for another client, no good word for what it did not do.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/control/smtp/one_message.h"
#include "tests/control/smtp/running_proxy.h"

namespace postern::test {
namespace {

using std::chrono::milliseconds;

// Holds a connection to a backend: a recipient was accepted, and nothing follows.
std::unique_ptr<MailClient> holding(const RunningProxy& proxy) {
  auto client = greeted(proxy);
  client->say("MAIL FROM:<a@b.example>");
  EXPECT_TRUE(client->say("RCPT TO:<c@d.example>").starts_with("250 "));
  return client;
}

struct Bounded {
  ScriptedFarm other;
  RunningProxy proxy;
  Bounded() {
    auto& farm = proxy.options.farm;
    farm.backends = {RunningProxy::backend(proxy.farm)};
    farm.backends[0].max = 2;
    farm.stall_time = milliseconds{0};
  }
};

TEST(ProxyFarmBounds, ABackendHasNoMoreConnectionsThanItMay) {
  Bounded bounded;
  auto& proxy = bounded.proxy;
  proxy.options.farm.room_time = milliseconds{50};
  proxy.start();
  const size_t before = proxy.farm.connections();
  auto first = holding(proxy), second = holding(proxy);
  const auto third = greeted(proxy);
  third->say("MAIL FROM:<a@b.example>");
  EXPECT_EQ(third->say("RCPT TO:<c@d.example>"),
            "451 4.3.2 the mail exchangers have no room; try again later\r\n");
  EXPECT_EQ(proxy.farm.connections(), before + 2);
  // Both end: the connections wait for others, and are room.
  first->say("QUIT");
  second->say("QUIT");
  proxy.wait([&] { return proxy.pool().idle() == 2; });
  const auto fourth = holding(proxy), fifth = holding(proxy);
  EXPECT_EQ(proxy.farm.connections(), before + 2);
  EXPECT_EQ(proxy.on_loop([&] { return proxy.pool().open(0); }), 2u);
}

TEST(ProxyFarmBounds, WhoWaitsForRoomGetsItWhenAConnectionIsGivenBack) {
  Bounded bounded;
  auto& proxy = bounded.proxy;
  proxy.options.farm.room_time = proxy.options.farm.connect_time = milliseconds{3'600'000};
  proxy.options.farm.idle_legs = 0;
  proxy.start();
  auto first = holding(proxy), second = holding(proxy);
  const auto third = greeted(proxy), fourth = greeted(proxy);
  for (auto* client : {third.get(), fourth.get()}) {
    client->say("MAIL FROM:<a@b.example>");
    client->send("RCPT TO:<c@d.example>\r\n");
  }
  first->say("QUIT");
  second->say("QUIT");
  EXPECT_TRUE(third->reply().starts_with("250 "));
  EXPECT_TRUE(fourth->reply().starts_with("250 "));
  // The end of the service does not wait for room.
  const auto fifth = greeted(proxy);
  fifth->say("MAIL FROM:<a@b.example>");
  fifth->send("RCPT TO:<c@d.example>\r\n");
  EXPECT_TRUE(proxy.drain(milliseconds{10}));
}

TEST(ProxyFarmBounds, WhereOneIsFullTheOthersGetIt) {
  Bounded bounded;
  auto& farm = bounded.proxy.options.farm;
  farm.backends[0].max = 1;
  farm.backends[0].weight = 100;
  farm.backends.push_back(RunningProxy::backend(bounded.other));
  bounded.proxy.start();
  const size_t before = bounded.other.connections();
  std::vector<std::unique_ptr<MailClient>> clients;
  for (int i = 0; i < 4; i++) clients.push_back(holding(bounded.proxy));
  EXPECT_EQ(bounded.proxy.farm.count("RCPT"), 1u);
  EXPECT_EQ(bounded.other.connections(), before + 3);
}

TEST(ProxyFarmBounds, WhatWaitsMakesRoomForAConnectionOfAnotherKind) {
  Bounded bounded;
  auto& proxy = bounded.proxy;
  proxy.options.farm.backends[0].max = 1;
  proxy.options.farm.backends[0].hand_on = smtp::HandOn::kXclient;
  proxy.farm.set("EHLO", "250-farm.example\r\n250 XCLIENT NAME ADDR\r\n");
  proxy.farm.set("XCLIENT", "220 farm.example ESMTP\r\n");
  proxy.start();
  EXPECT_TRUE(one_message(proxy).starts_with("250 "));
  proxy.wait([&] { return proxy.pool().idle() == 1; });
  // As a backend that takes one XCLIENT and no second one: what waits cannot be used.
  proxy.farm.set("XCLIENT", "503 5.5.1 not again\r\n");
  const auto client = greeted(proxy);
  client->say("MAIL FROM:<a@b.example>");
  client->say("RCPT TO:<c@d.example>");
  EXPECT_EQ(proxy.farm.count("EHLO mx.example"), 3u) << "of the check, and of two connections";
  EXPECT_LE(proxy.on_loop([&] { return proxy.pool().open(0); }), 1u);
}

// More than the sockets between us hold: what the backend says after the first line is there before
// the last octet can go out.
TEST(ProxyFarmBounds, NoAnswerBeforeTheEndOfTheTextIsBelievedUnlessItIsANo) {
  RunningProxy proxy;
  proxy.farm.set("EHLO", "250-farm.example\r\n250 8BITMIME\r\n");
  proxy.start();
  std::string text = "Subject: x\r\n\r\n";
  const std::string line(998, 'x');
  while (text.size() < 24u << 20) text += line + "\r\n";
  const auto client = greeted(proxy);
  proxy.farm.set("text", "250 2.0.0 it is mine\r\n");
  EXPECT_EQ(send_message(*client, text), kUnavailable);
  EXPECT_TRUE(proxy.farm.acknowledged().empty());
  proxy.farm.set("text", "552 5.3.4 too much\r\n");
  EXPECT_EQ(send_message(*client, text), "552 5.3.4 too much\r\n");
  proxy.farm.set("text", "");
  EXPECT_TRUE(send_message(*client, text).starts_with("250 "));
  EXPECT_EQ(proxy.farm.acknowledged().size(), 1u);
}

TEST(ProxyFarmBounds, ReportsThatABackendOffersNoMoreAreNotDroppedWithoutAWord) {
  const std::string refusal =
      "451 4.3.0 what was asked for is not to be had any more; try again\r\n";
  for (const auto& [mail, rcpt] : std::initializer_list<std::pair<const char*, const char*>>{
           {" RET=HDRS", ""}, {" ENVID=x", ""}, {"", " NOTIFY=NEVER"}, {"", " ORCPT=rfc822;x@y"}}) {
    RunningProxy proxy;
    proxy.farm.set("EHLO", "250-farm.example\r\n250 DSN\r\n");
    proxy.start();
    const auto client = greeted(proxy);
    proxy.farm.set("EHLO", "250 farm.example\r\n");
    EXPECT_TRUE(client->say("MAIL FROM:<a@b.example>" + std::string(mail)).starts_with("250 "));
    EXPECT_EQ(client->say("RCPT TO:<c@d.example>" + std::string(rcpt)), refusal) << mail << rcpt;
    EXPECT_EQ(proxy.farm.count("RCPT"), 0u);
    MailClient next(proxy.port());
    next.reply();
    EXPECT_EQ(next.say("EHLO c").find("DSN"), std::string::npos) << "it is offered no more";
  }
}

TEST(ProxyFarmBounds, WhatIsOfferedToOneClientIsNotWhatIsOfferedToAll) {
  RunningProxy proxy;
  proxy.options.farm.backends = {RunningProxy::backend(proxy.farm)};
  proxy.options.farm.backends[0].hand_on = smtp::HandOn::kXclient;
  proxy.farm.set("EHLO", "250-farm.example\r\n250-8BITMIME\r\n250-DSN\r\n250 XCLIENT ADDR\r\n");
  proxy.farm.set("XCLIENT", "220 farm.example ESMTP\r\n");
  proxy.farm.set("EHLO client.example", "250-farm.example\r\n250 XCLIENT ADDR\r\n");
  proxy.start();
  for (int i = 0; i < 2; i++) EXPECT_TRUE(one_message(proxy).starts_with("250 "));
  EXPECT_EQ(proxy.farm.count("EHLO client.example"), 2u);
  MailClient next(proxy.port());
  next.reply();
  const auto offer = next.say("EHLO other.example");
  EXPECT_NE(offer.find("8BITMIME"), std::string::npos) << offer;
  EXPECT_NE(offer.find("DSN"), std::string::npos) << offer;
}

TEST(ProxyFarmBounds, OnlyMailThatItTookSpeaksForABackend) {
  RunningProxy proxy;
  proxy.options.farm.pool.fall = 4;
  proxy.options.farm.idle_legs = 0;
  proxy.start();
  const auto live = [&] { return proxy.on_loop([&] { return proxy.pool().live(); }); };
  proxy.farm.set("DATA", ScriptedFarm::kCut);
  EXPECT_EQ(one_message(proxy), kUnavailable);
  EXPECT_EQ(live(), 1u) << "three failures";
  const size_t quits = proxy.farm.count("QUIT");
  holding(proxy)->say("QUIT");
  wait_until([&] { return proxy.farm.count("QUIT") == quits + 1; });
  proxy.farm.stop();
  EXPECT_EQ(one_message(proxy), kUnavailable);
  EXPECT_EQ(live(), 0u) << "the fourth: that it took an envelope in between counts nothing";
}

TEST(ProxyFarmBounds, WhoDoesNotReadHisRepliesHoldsNoBackend) {
  RunningProxy proxy;
  proxy.options.farm.stall_time = milliseconds{50};
  std::string long_reply;
  for (int i = 0; i < 100; i++) long_reply += "250-" + std::string(1000, 'x') + "\r\n";
  proxy.farm.set("RCPT", long_reply + "250 fine\r\n");
  proxy.start();
  const auto client = greeted(proxy);
  // Some 30 MB of replies: far more than the sockets between us hold.
  std::string commands = "MAIL FROM:<a@b.example>\r\n";
  for (int i = 0; i < 300; i++) commands += "RCPT TO:<c@d.example>\r\n";
  client->send(commands);
  proxy.wait([&] { return proxy.pool().idle() == 1; });
  EXPECT_LT(proxy.farm.count("RCPT"), 300u);
}

TEST(ProxyFarmBounds, AProxyHeadersConnectionEndsWithTheNameThatItWasGreetedBy) {
  RunningProxy proxy;
  proxy.options.farm.backends = {RunningProxy::backend(proxy.farm)};
  proxy.options.farm.backends[0].hand_on = smtp::HandOn::kProxy;
  proxy.farm.expect_proxy_header();
  proxy.start();
  const auto client = greeted(proxy);
  EXPECT_TRUE(send_message(*client, kMessage).starts_with("250 "));
  EXPECT_TRUE(send_message(*client, kMessage).starts_with("250 "));
  EXPECT_EQ(proxy.farm.count("EHLO client.example"), 1u);
  client->say("EHLO other.example");
  EXPECT_TRUE(send_message(*client, kMessage).starts_with("250 "));
  EXPECT_EQ(proxy.farm.count("EHLO other.example"), 1u);
}

}  // namespace
}  // namespace postern::test
