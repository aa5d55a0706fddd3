// SPDX-License-Identifier: BSD-3-Clause
//
// A proxy in front of several backends: who gets the mail, what happens when one of them fails at
// any step, connections that serve several clients, clients that stall, and load balancers in
// front. Never 2xx without a backend's own, and never a part of a message.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/control/smtp/one_message.h"
#include "tests/control/smtp/running_proxy.h"

namespace postern::test {
namespace {

using std::chrono::milliseconds;

// Two backends, checked all the time.
struct TwoBackends {
  ScriptedFarm other;
  RunningProxy proxy;
  TwoBackends() {
    auto& farm = proxy.options.farm;
    farm.backends = {RunningProxy::backend(proxy.farm), RunningProxy::backend(other)};
    farm.check_time = milliseconds{100};
    farm.pool.slow_start = milliseconds{0};
    farm.idle_legs = 0;
  }
  // Little only for a backend that says nothing: another may be slow as this machine is.
  void give(milliseconds time) {
    proxy.on_loop([this, time] {
      auto& farm = proxy.options.farm;
      for (auto* each : {&farm.connect_time, &farm.reply_time, &farm.final_time, &farm.block_time})
        *each = time;
    });
  }
  size_t acknowledged() const {
    return proxy.farm.acknowledged().size() + other.acknowledged().size();
  }
};

TEST(ProxyFarm, WeightsShareTheMail) {
  TwoBackends two;
  two.proxy.options.farm.backends[0].weight = 3;
  two.proxy.start();
  for (int i = 0; i < 12; i++) EXPECT_TRUE(one_message(two.proxy).starts_with("250 "));
  EXPECT_EQ(two.proxy.farm.acknowledged().size(), 9u);
  EXPECT_EQ(two.other.acknowledged().size(), 3u);
}

TEST(ProxyFarm, ABackendThatDiesIsNotSeenByClientsAndComesBack) {
  TwoBackends two;
  two.proxy.start();
  two.proxy.farm.stop();
  for (int i = 0; i < 6; i++) EXPECT_TRUE(one_message(two.proxy).starts_with("250 ")) << i;
  EXPECT_EQ(two.other.acknowledged().size(), 6u);
  two.proxy.wait_for_live(1);
  two.proxy.farm.start();
  two.proxy.wait_for_live(2);
  for (int i = 0; i < 6; i++) EXPECT_TRUE(one_message(two.proxy).starts_with("250 ")) << i;
  EXPECT_EQ(two.proxy.farm.acknowledged().size(), 3u);
}

TEST(ProxyFarm, ABackupGetsMailOnlyWhileNobodyElseLives) {
  TwoBackends two;
  two.proxy.options.farm.backends[1].backup = true;
  two.proxy.start();
  for (int i = 0; i < 4; i++) EXPECT_TRUE(one_message(two.proxy).starts_with("250 "));
  EXPECT_TRUE(two.other.acknowledged().empty());
  two.proxy.farm.stop();
  for (int i = 0; i < 4; i++) EXPECT_TRUE(one_message(two.proxy).starts_with("250 "));
  EXPECT_EQ(two.other.acknowledged().size(), 4u);
  two.other.stop();
  EXPECT_EQ(one_message(two.proxy), kUnavailable);
}

TEST(ProxyFarm, WhatIsOfferedIsWhatAllLiveBackendsOffer) {
  TwoBackends two;
  two.other.set("EHLO", "250-other\r\n250-SIZE 4000\r\n250 DSN\r\n");
  two.proxy.start();
  const auto offered = [&] {
    MailClient client(two.proxy.port());
    client.reply();
    return client.say("EHLO c");
  };
  EXPECT_EQ(offered(),
            "250-mx.example\r\n250-PIPELINING\r\n250-SIZE 4000\r\n"
            "250 LIMITS MAILMAX=1000 RCPTMAX=1000\r\n");
  two.other.stop();
  two.proxy.wait_for_live(1);
  EXPECT_EQ(offered(),
            "250-mx.example\r\n250-PIPELINING\r\n250-SIZE 983616\r\n250-8BITMIME\r\n"
            "250-ENHANCEDSTATUSCODES\r\n250 LIMITS MAILMAX=1000 RCPTMAX=1000\r\n");
}

// Every way to fail, at every step, on the backend that comes first: the other one does it, unless
// the text had begun to go out.
TEST(ProxyFarm, WhateverFailsAndWhereverOneBackendDoesIt) {
  TwoBackends two;
  two.proxy.options.farm.backends[1].backup = true;
  two.proxy.start();
  const std::string steps[][2] = {{"greeting", "220 farm ESMTP\r\n"},
                                  {"EHLO", "250-farm\r\n250 8BITMIME\r\n"},
                                  {"MAIL", "250 2.1.0 ok\r\n"},
                                  {"RCPT", "250 2.1.5 ok\r\n"},
                                  {"DATA", "354 go\r\n"},
                                  {"text", ""},
                                  {"dot", "250 2.0.0 ok\r\n"}};
  const std::string faults[] = {ScriptedFarm::kCut, "421 4.3.2 closing\r\n", "nonsense\r\n",
                                "250-unfinished\r\n", ScriptedFarm::kStall};
  for (const auto& [step, fine] : steps) {
    for (const auto& fault : faults) {
      if (step == "text" && fault != ScriptedFarm::kCut && fault != ScriptedFarm::kStall) continue;
      for (const auto& [each, answer] : steps) two.proxy.farm.set(each, answer);
      two.proxy.wait_for_live(2);
      const auto client = greeted(two.proxy);
      // A backend that is silent after its greeting uses up the client's patience.
      const bool slow = fault == ScriptedFarm::kStall || fault == "250-unfinished\r\n";
      if (slow) two.give(milliseconds{300});
      two.proxy.farm.set(step, fault);
      const size_t before = two.acknowledged();
      const auto reply = send_message(*client, kMessage);
      const std::string what = step + ": " + fault + " -> " + reply;
      const bool text_had_begun = step == "text" || step == "dot";
      // Checks of health meet what a backend does before MAIL, and may have taken it out in time.
      const bool may_be_out = slow && (step == "greeting" || step == "EHLO");
      if (text_had_begun || (slow && !may_be_out)) {
        EXPECT_TRUE(reply.starts_with("4")) << what;
      } else if (!slow) {
        EXPECT_TRUE(reply.starts_with("250 ")) << what;
      }
      // A refusal is the only other thing that a client may hear.
      EXPECT_TRUE(reply.starts_with("2") || reply.starts_with("4")) << what;
      // An acknowledgement that did not get as far as us: a duplicate then, never a loss.
      const bool unheard = step == "dot" && fault.starts_with("2");
      EXPECT_EQ(two.acknowledged(), before + (reply.starts_with("2") || unheard)) << what;
      two.proxy.farm.set(step, fine);
      two.give(milliseconds{60'000});
    }
  }
}

TEST(ProxyFarm, EachAddressOfAHostIsTried) {
  RunningProxy proxy;
  // ::1 comes first where it is known, and nobody listens there.
  proxy.options.farm.backends = {RunningProxy::backend(proxy.farm)};
  proxy.options.farm.backends[0].host = "localhost";
  proxy.start();
  EXPECT_TRUE(one_message(proxy).starts_with("250 "));
}

TEST(ProxyFarm, AConnectionServesOneClientAfterTheOther) {
  RunningProxy proxy;
  proxy.options.farm.idle_time = milliseconds{60'000};
  proxy.start();
  const size_t before = proxy.farm.connections();
  const auto parked = [&] { proxy.wait([&] { return proxy.pool().idle() == 1; }); };
  for (int i = 0; i < 3; i++) {
    EXPECT_TRUE(one_message(proxy).starts_with("250 "));
    parked();
  }
  EXPECT_EQ(proxy.farm.connections(), before + 1);
  // A client that leaves a transaction open: it is reset before anybody else comes.
  {
    const auto client = greeted(proxy);
    client->say("MAIL FROM:<a@b.example>");
    client->say("RCPT TO:<c@d.example>");
    client->say("QUIT");
  }
  parked();
  EXPECT_EQ(proxy.farm.count("RSET"), 1u);
  // One that went stale is replaced, and the client does not see it.
  proxy.farm.cut_all();
  EXPECT_TRUE(one_message(proxy).starts_with("250 "));
  EXPECT_EQ(proxy.farm.connections(), before + 2);
  // Also where it goes stale only when it is spoken to.
  parked();
  proxy.farm.set("MAIL FROM:<stale@b.example>", ScriptedFarm::kCut);
  {
    const auto client = greeted(proxy);
    client->say("MAIL FROM:<stale@b.example>");
    EXPECT_EQ(client->say("RCPT TO:<c@d.example>"), kUnavailable);
  }
  // Over the one that waited, over a new one, and once more, as there is no other backend.
  EXPECT_EQ(proxy.farm.count("MAIL FROM:<stale@"), 3u);
}

TEST(ProxyFarm, NoMoreConnectionsWaitThanTheSiteSays) {
  RunningProxy proxy;
  proxy.options.farm.idle_legs = 2;
  proxy.options.farm.idle_time = std::chrono::hours{1};
  proxy.start();
  const auto quits = [&] { return proxy.farm.count("QUIT"); };
  const size_t before = quits();
  std::vector<std::unique_ptr<MailClient>> clients;
  for (int i = 0; i < 4; i++) {
    clients.push_back(greeted(proxy));
    clients.back()->say("MAIL FROM:<a@b.example>");
    clients.back()->say("RCPT TO:<c@d.example>");
  }
  for (auto& client : clients) client->say("QUIT");
  // Two find the places taken. Those that wait do so for longer than any test.
  wait_until([&] { return quits() == before + 2; });
  proxy.wait([&] { return proxy.pool().idle() == 2; });
  EXPECT_EQ(quits(), before + 2);
}

TEST(ProxyFarm, NoConnectionWaitsForLongerThanTheSiteSays) {
  RunningProxy proxy;
  proxy.options.farm.idle_time = milliseconds{50};
  proxy.start();
  const size_t before = proxy.farm.count("QUIT");
  EXPECT_TRUE(one_message(proxy).starts_with("250 "));
  wait_until([&] { return proxy.farm.count("QUIT") == before + 1; });
  EXPECT_EQ(proxy.on_loop([&] { return proxy.pool().idle(); }), 0u);
}

TEST(ProxyFarm, AConnectionWithManyRefusalsIsNotKept) {
  RunningProxy proxy;
  proxy.farm.set("RCPT TO:<no@d.example>", "550 5.1.1 nobody\r\n");
  proxy.options.farm.idle_time = std::chrono::hours{1};
  proxy.start();
  const size_t before = proxy.farm.count("QUIT"), connections = proxy.farm.connections();
  const auto refused = [&](size_t times) {
    const auto client = greeted(proxy);
    client->say("MAIL FROM:<a@b.example>");
    for (size_t i = 0; i < times; i++)
      EXPECT_TRUE(client->say("RCPT TO:<no@d.example>").starts_with("550 "));
    client->say("QUIT");
  };
  refused(smtp::Farm::kMostRefusals - 1);
  proxy.wait([&] { return proxy.pool().idle() == 1; });
  EXPECT_EQ(proxy.farm.count("QUIT"), before) << "one fewer, and it is kept";
  refused(1);  // over that one
  wait_until([&] { return proxy.farm.count("QUIT") == before + 1; });
  EXPECT_EQ(proxy.on_loop([&] { return proxy.pool().idle(); }), 0u);
  EXPECT_EQ(proxy.farm.connections(), connections + 1);
}

// The pool holds a connection that waits: the backend was given back.
struct Stalling {
  ScriptedFarm other;
  RunningProxy proxy;
  std::unique_ptr<MailClient> client;
  explicit Stalling(bool with_other = false) {
    auto& farm = proxy.options.farm;
    farm.stall_time = milliseconds{50};
    farm.backends = {RunningProxy::backend(proxy.farm)};
    if (with_other) {
      farm.backends.push_back(RunningProxy::backend(other));
      farm.backends[1].backup = true;
    }
    proxy.start();
    client = greeted(proxy);
    client->say("MAIL FROM:<a@b.example>");
    for (const char* to : {"RCPT TO:<c@d.example>", "RCPT TO:<e@d.example>"})
      EXPECT_TRUE(client->say(to).starts_with("250 "));
  }
  bool released() {
    return proxy.on_loop([this] { return proxy.pool().idle() == 1; });
  }
  void wait_for_release() {
    wait_until([this] { return released(); });
  }
};

TEST(ProxyFarm, AClientThatStallsGivesItsBackendBackAndLosesNothing) {
  Stalling stalling;
  stalling.wait_for_release();
  auto& client = *stalling.client;
  EXPECT_TRUE(client.say("RCPT TO:<f@d.example>").starts_with("250 "));
  stalling.wait_for_release();
  EXPECT_TRUE(client.say("DATA").starts_with("354 "));
  client.send(kMessage.substr(0, 20));
  client.send(kMessage.substr(20) + ".\r\n");
  EXPECT_EQ(client.reply(), "250 2.0.0 queued as 12345\r\n");
  const auto arrived = stalling.proxy.farm.acknowledged();
  ASSERT_EQ(arrived.size(), 1u);
  EXPECT_EQ(arrived[0].recipients,
            (std::vector<std::string>{"RCPT TO:<c@d.example>", "RCPT TO:<e@d.example>",
                                      "RCPT TO:<f@d.example>"}));
  EXPECT_TRUE(arrived[0].wire.ends_with("\r\nHello.\r\n.\r\n"));
}

TEST(ProxyFarm, ADrippingClientHoldsABackendNoLongerThanASilentOne) {
  Stalling stalling;
  stalling.client->say("DATA");
  // An octet every few milliseconds, never a silence of the stall time.
  size_t sent = 0;
  const std::string text = "Subject: " + std::string(100'000, 'x');
  while (!stalling.released()) {
    ASSERT_LT(sent, text.size());
    stalling.client->send(text.substr(sent++, 1));
    std::this_thread::sleep_for(milliseconds{5});
  }
  stalling.client->send("\r\n\r\nbody\r\n.\r\n");
  EXPECT_EQ(stalling.client->reply(), "250 2.0.0 queued as 12345\r\n");
  EXPECT_EQ(stalling.proxy.farm.acknowledged().size(), 1u);
}

TEST(ProxyFarm, AnswersThatDifferWhenTheyAreAskedForAgainDeferTheWholeMessage) {
  for (const char* differently : {"550 5.1.1 nobody\r\n", "450 4.2.1 later\r\n"}) {
    for (const char* command :
         {"RCPT TO:<c@d.example>", "RCPT TO:<e@d.example>", "MAIL FROM:<a@b.example>"}) {
      Stalling stalling;
      stalling.wait_for_release();
      stalling.proxy.farm.set(command, differently);
      auto& client = *stalling.client;
      client.say("DATA");
      client.send(kMessage + ".\r\n");
      EXPECT_EQ(client.reply(),
                "451 4.4.5 the mail exchangers differ about a recipient; try again later\r\n");
      EXPECT_TRUE(stalling.proxy.farm.acknowledged().empty());
      EXPECT_EQ(stalling.proxy.farm.count("DATA"), 0u) << "not a part of it either";
      // The session goes on.
      stalling.proxy.farm.set(command, "250 2.1.0 fine\r\n");
      EXPECT_TRUE(send_message(client, kMessage).starts_with("250 "));
    }
  }
}

TEST(ProxyFarm, TheEnvelopeIsSaidAgainOnWhicheverBackendThereIs) {
  Stalling stalling(true);
  stalling.wait_for_release();
  stalling.proxy.farm.stop();
  auto& client = *stalling.client;
  client.say("DATA");
  client.send(kMessage + ".\r\n");
  EXPECT_EQ(client.reply(), "250 2.0.0 queued as 12345\r\n");
  ASSERT_EQ(stalling.other.acknowledged().size(), 1u);
  EXPECT_EQ(stalling.other.acknowledged()[0].recipients.size(), 2u);
}

TEST(ProxyFarm, ABackendThatIsLostBetweenRecipientAndTextIsReplaced) {
  TwoBackends two;
  two.proxy.options.farm.backends[1].backup = true;
  two.proxy.start();
  const auto client = greeted(two.proxy);
  client->say("MAIL FROM:<a@b.example>");
  client->say("RCPT TO:<c@d.example>");
  client->say("DATA");
  two.proxy.farm.stop();
  client->send(kMessage + ".\r\n");
  EXPECT_EQ(client->reply(), "250 2.0.0 queued as 12345\r\n");
  EXPECT_EQ(two.other.acknowledged().size(), 1u);
}

TEST(ProxyFarm, TheEndOfTheServiceDoesNotWaitForABackendThatDoesNotAnswer) {
  RunningProxy proxy;
  proxy.options.farm.connect_time = proxy.options.farm.reply_time = std::chrono::hours{1};
  proxy.start();
  proxy.farm.set("greeting", ScriptedFarm::kStall);
  const size_t before = proxy.farm.connections();
  const auto client = greeted(proxy);
  client->say("MAIL FROM:<a@b.example>");
  client->send("RCPT TO:<c@d.example>\r\n");
  wait_until([&] { return proxy.farm.connections() == before + 1; });
  EXPECT_TRUE(proxy.drain(milliseconds{10}));
}

TEST(ProxyFarm, WhoComesThroughABalancerIsWhoTheHeaderSays) {
  RunningProxy proxy;
  proxy.options.load_balancers = {*Prefix::parse("127.0.0.0/8", Prefix::HostBits::kRefuse)};
  proxy.options.proxy_header_time = milliseconds{60'000};
  proxy.start();
  const auto ends = smtp::ProxyEndpoints{.source = *IpAddress::parse("192.0.2.77"),
                                         .destination = *IpAddress::parse("198.51.100.25"),
                                         .source_port = 40001,
                                         .destination_port = 25};
  for (const std::string& header :
       {smtp::write_proxy_header(ends),
        std::string("PROXY TCP4 192.0.2.77 198.51.100.25 40001 25\r\n")}) {
    for (const bool cut : {false, true}) {
      MailClient client(proxy.port());
      if (cut)
        for (const char c : header) client.send(std::string(1, c));
      else
        client.send(header);
      EXPECT_TRUE(client.reply().starts_with("220"));
      client.say("EHLO client.example");
      EXPECT_TRUE(send_message(client, kMessage).starts_with("250 "));
      EXPECT_NE(proxy.farm.acknowledged().back().wire.find("([192.0.2.77])"), std::string::npos);
    }
  }
  // The balancer itself.
  MailClient local(proxy.port());
  local.send(smtp::write_proxy_header(std::nullopt));
  EXPECT_TRUE(local.reply().starts_with("220"));
  local.say("EHLO client.example");
  EXPECT_TRUE(send_message(local, kMessage).starts_with("250 "));
  EXPECT_NE(proxy.farm.acknowledged().back().wire.find("([127.0.0.1])"), std::string::npos);
  // Who begins otherwise, or not at all, is not spoken with.
  proxy.on_loop([&] { proxy.options.proxy_header_time = milliseconds{50}; });
  for (const std::string other : {"EHLO client.example\r\n", "PROXY TCP4 x\r\n", "PROX", ""}) {
    MailClient client(proxy.port());
    client.send(other);
    EXPECT_EQ(client.rest(), "") << other;
  }
}

TEST(ProxyFarm, AHeaderFromAnybodyElseIsJunk) {
  RunningProxy proxy;
  proxy.options.greet_pause = milliseconds{60'000};
  proxy.options.load_balancers = {*Prefix::parse("192.0.2.0/24", Prefix::HostBits::kRefuse)};
  proxy.start();
  MailClient client(proxy.port());
  client.send("PROXY TCP4 192.0.2.77 198.51.100.25 40001 25\r\n");
  EXPECT_NE(client.rest().find("554 5.5.1 you spoke before the greeting"), std::string::npos);
}

}  // namespace
}  // namespace postern::test
