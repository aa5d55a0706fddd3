// SPDX-License-Identifier: BSD-3-Clause
//
// What the whole proxy makes of a client's manners: the pause before the greeting and who is spared
// it, greylisting, rates of one source, slow drips, and who is turned away when it is crowded.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <ctime>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/control/smtp/one_message.h"
#include "tests/control/smtp/running_proxy.h"

namespace postern::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

const std::string kMessage = "From: <a@b.example>\r\n\r\nHello.\r\n";

Prefix loopback() {
  return *Prefix::parse("127.0.0.1/32", Prefix::HostBits::kRefuse);
}

bool is_known(RunningProxy& proxy) {
  return proxy.on_loop([&] { return proxy.sources().known.knows(loopback(), std::time(nullptr)); });
}

// Until the session is over on the other side, too.
void quit(RunningProxy& proxy, std::unique_ptr<MailClient> client) {
  EXPECT_TRUE(client->say("QUIT").starts_with("221 "));
  client->rest();
  client.reset();
  while (proxy.sessions() > 0) std::this_thread::sleep_for(milliseconds{2});
}

TEST(ProxyManners, HalfTheGreetingThenAPauseForStrangersOnly) {
  RunningProxy proxy;
  proxy.options.greet_pause = milliseconds{400};
  proxy.start();
  const auto begun = steady_clock::now();
  auto client = std::make_unique<MailClient>(proxy.port());
  EXPECT_EQ(client->reply(), "220-mx.example ESMTP Postern\r\n220 mx.example ESMTP Postern\r\n");
  EXPECT_GE(steady_clock::now() - begun, milliseconds{400});
  client->say("EHLO client.example");
  EXPECT_TRUE(send_message(*client, kMessage).starts_with("250 "));
  EXPECT_FALSE(is_known(proxy)) << "a session is judged at its end";
  quit(proxy, std::move(client));
  EXPECT_TRUE(is_known(proxy));
  // No first half without a pause.
  MailClient again(proxy.port());
  EXPECT_EQ(again.reply(), "220 mx.example ESMTP Postern\r\n");
}

TEST(ProxyManners, WithoutATeaserTheGreetingIsOne) {
  RunningProxy proxy;
  proxy.options.greet_pause = milliseconds{10};
  proxy.options.greet_teaser = false;
  proxy.start();
  MailClient client(proxy.port());
  EXPECT_EQ(client.reply(), "220 mx.example ESMTP Postern\r\n");
}

TEST(ProxyManners, AnOffenceMakesAStrangerOfOneWhoWasKnown) {
  RunningProxy proxy;
  proxy.start();
  proxy.on_loop([&] { proxy.sources().known.remember(loopback(), std::time(nullptr)); });
  MailClient client(proxy.port());
  client.reply();
  EXPECT_TRUE(client.say("EHLO ylmf-pc").starts_with("550 "));
  EXPECT_FALSE(is_known(proxy));
}

TEST(ProxyManners, WhoDoesNotWaitForItsTurnIsNotRemembered) {
  RunningProxy proxy;
  proxy.start();
  auto client = std::make_unique<MailClient>(proxy.port());
  client->reply();
  client->send("EHLO client.example\r\nMAIL FROM:<a@b.example>\r\n");
  EXPECT_TRUE(client->reply().starts_with("250-"));
  EXPECT_TRUE(client->reply().starts_with("250 ")) << "served all the same";
  quit(proxy, std::move(client));
  EXPECT_FALSE(is_known(proxy));
}

TEST(ProxyManners, AGreylistedRecipientIsTakenTheSecondTime) {
  RunningProxy proxy;
  proxy.source_options.greylist.delay = 1;
  proxy.start();
  auto client = greeted(proxy);
  client->say("MAIL FROM:<a@b.example>");
  EXPECT_TRUE(client->say("RCPT TO:<c@d.example>").starts_with("450 4.7.1 "));
  EXPECT_EQ(proxy.farm.count("RCPT"), 0u) << "the farm is not asked";
  std::string reply;
  for (int i = 0; i < 200 && !reply.starts_with("250 "); i++) {
    std::this_thread::sleep_for(milliseconds{50});
    reply = client->say("RCPT TO:<c@d.example>");
  }
  EXPECT_TRUE(reply.starts_with("250 ")) << reply;
  client->say("RSET");
  client->say("MAIL FROM:<x@y.example>");
  EXPECT_TRUE(client->say("RCPT TO:<e@d.example>").starts_with("250 ")) << "the network is known";
}

// Coming to the greylist and going away makes nobody known, and neither does being refused.
TEST(ProxyManners, OnlyMailThatWasTakenMakesKnown) {
  RunningProxy proxy;
  proxy.source_options.greylist.delay = 3600;
  proxy.start();
  for (int i = 0; i < 2; i++) {
    auto client = greeted(proxy);
    client->say("MAIL FROM:<a@b.example>");
    EXPECT_TRUE(client->say("RCPT TO:<c@d.example>").starts_with("450 4.7.1 ")) << i;
    quit(proxy, std::move(client));
    EXPECT_FALSE(is_known(proxy));
  }
  // Complaints are heard at once.
  auto client = greeted(proxy);
  client->say("MAIL FROM:<a@b.example>");
  EXPECT_TRUE(client->say("RCPT TO:<Postmaster@d.example>").starts_with("250 "));
  proxy.farm.set("dot", "550 5.7.1 no\r\n");
  client->say("DATA");
  EXPECT_TRUE(client->say("A: b\r\n\r\nx\r\n.").starts_with("550 "));
  quit(proxy, std::move(client));
  EXPECT_FALSE(is_known(proxy));
}

TEST(ProxyManners, WhoIsAllowedIsNotGreylistedNorLimited) {
  RunningProxy proxy;
  proxy.source_options.greylist.delay = 3600;
  for (auto& rate : proxy.source_options.limits.rates) rate = {1, 3'600'000};
  proxy.start("    accept any\n", "    allow category local\n");
  for (int i = 0; i < 3; i++) {
    const auto client = greeted(proxy);
    client->say("NONSENSE");
    client->say("MAIL FROM:<a@b.example>");
    EXPECT_TRUE(client->say("RCPT TO:<c@d.example>").starts_with("250 ")) << i;
  }
}

TEST(ProxyManners, RatesOfOneSource) {
  RunningProxy proxy;
  auto& rates = proxy.source_options.limits.rates;
  rates[static_cast<size_t>(policy::Limited::kSessions)] = {2, 3'600'000};
  rates[static_cast<size_t>(policy::Limited::kRecipients)] = {3, 3'600'000};
  rates[static_cast<size_t>(policy::Limited::kErrors)] = {2, 3'600'000};
  proxy.start();
  const auto client = greeted(proxy);
  client->say("MAIL FROM:<a@b.example>");
  for (int i = 0; i < 3; i++) EXPECT_TRUE(client->say("RCPT TO:<c@d.example>").starts_with("250 "));
  EXPECT_TRUE(client->say("RCPT TO:<c@d.example>").starts_with("450 4.7.1 "));
  // Errors count across sessions.
  EXPECT_TRUE(client->say("NONSENSE").starts_with("500 "));
  const auto second = greeted(proxy);
  EXPECT_TRUE(second->say("NONSENSE").starts_with("500 "));
  EXPECT_TRUE(second->say("NONSENSE").starts_with("500 "));
  EXPECT_TRUE(second->reply().starts_with("421 4.7.0 "));
  MailClient third(proxy.port());
  EXPECT_TRUE(third.reply().starts_with("421 4.7.0 "));
}

TEST(ProxyManners, WhoTriesOutAddressesIsToldNoMore) {
  RunningProxy proxy;
  proxy.source_options.limits.rates[static_cast<size_t>(policy::Limited::kUnknownRecipients)] = {
      2, 3'600'000};
  proxy.farm.set("RCPT TO:<no@d.example>", "550 5.1.1 nobody\r\n");
  proxy.farm.set("RCPT TO:<old@d.example>", "550 no such user\r\n");
  proxy.farm.set("RCPT TO:<shut@d.example>", "550 5.7.1 not for you\r\n");
  proxy.start();
  const auto begin = [&] {
    auto client = greeted(proxy);
    client->say("MAIL FROM:<a@b.example>");
    return client;
  };
  const auto client = begin();
  // Who exists does not count, nor does a refusal for another reason.
  for (int i = 0; i < 3; i++) {
    EXPECT_TRUE(client->say("RCPT TO:<c@d.example>").starts_with("250 "));
    EXPECT_TRUE(client->say("RCPT TO:<shut@d.example>").starts_with("550 5.7.1 "));
  }
  EXPECT_EQ(client->say("RCPT TO:<no@d.example>"), "550 5.1.1 nobody\r\n");
  const auto second = begin();
  EXPECT_TRUE(second->say("RCPT TO:<old@d.example>").starts_with("550 "));
  for (const char* who : {"no@d.example", "c@d.example"})
    EXPECT_EQ(
        begin()->say("RCPT TO:<" + std::string(who) + ">"),
        "450 4.7.1 too many recipients that do not exist from your address; try again later\r\n")
        << "and who does is not told apart";
  EXPECT_TRUE(begin()->say("RCPT TO:<postmaster@d.example>").starts_with("250 "));
  const auto report = greeted(proxy);
  report->say("MAIL FROM:<>");
  EXPECT_TRUE(report->say("RCPT TO:<c@d.example>").starts_with("450 ")) << "nor by a null sender";
}

// A forged sender of ours makes others report to addresses that do not exist, and who sends good
// mail may have an old list: they may ask for ten times as many.
TEST(ProxyManners, ReportsAndKnownSourcesTryOutAddressesSeldom) {
  for (const bool known : {false, true}) {
    RunningProxy proxy;
    proxy.source_options.limits.rates[static_cast<size_t>(policy::Limited::kUnknownRecipients)] = {
        2, 3'600'000};
    proxy.farm.set("RCPT TO:<no@d.example>", "550 5.1.10 nobody\r\n");
    proxy.start();
    const std::string mail = known ? "MAIL FROM:<a@b.example>" : "MAIL FROM:<>";
    if (known) {
      EXPECT_TRUE(one_message(proxy).starts_with("250 "));
    }
    const auto client = greeted(proxy);
    client->say(mail);
    for (int i = 0; i < 11; i++) {
      const auto other = greeted(proxy);
      other->say("MAIL FROM:<a@b.example>");
      EXPECT_TRUE(other->say("RCPT TO:<c@d.example>").starts_with("250 ")) << known << i;
      EXPECT_EQ(client->say("RCPT TO:<no@d.example>"), "550 5.1.10 nobody\r\n") << known << i;
    }
    EXPECT_TRUE(client->say("RCPT TO:<no@d.example>").starts_with("450 4.7.1 ")) << known;
  }
}

// An octet now and then buys no time: neither within a command nor within the text.
TEST(ProxyManners, ASlowDripHasNoMoreTimeThanSilence) {
  for (const bool in_text : {false, true}) {
    RunningProxy proxy;
    proxy.options.text_time = milliseconds{600};
    proxy.start();
    const auto client = greeted(proxy);
    // From the next command on; a test that is late for it is told the same.
    if (!in_text) {
      proxy.on_loop([&] { proxy.options.command_time = milliseconds{600}; });
      client->say("NOOP");
    }
    if (in_text)
      for (const char* line : {"MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "DATA"})
        client->say(line);
    std::atomic<bool> ended{false};
    std::thread drip([&] {
      while (!ended) {
        client->send("x");
        std::this_thread::sleep_for(milliseconds{20});
      }
    });
    EXPECT_TRUE(client->reply().starts_with("421 4.4.2 "));
    ended = true;
    drip.join();
  }
}

TEST(ProxyManners, InACrowdTheListedAreTurnedAwayFirstAndTheKnownLast) {
  RunningProxy proxy;
  proxy.options.max_sessions = 32;
  proxy.start("    accept any\n", "    drop category local\n    inspect any\n");
  std::vector<std::unique_ptr<MailClient>> crowd;
  while (crowd.size() < 28) crowd.push_back(greeted(proxy));
  // 127.0.0.1 is in a list that is acted against, and 28 of 32 is crowded.
  EXPECT_TRUE(MailClient(proxy.port()).reply().starts_with("421 4.3.2 "));
  proxy.on_loop([&] { proxy.sources().known.remember(loopback(), std::time(nullptr)); });
  while (crowd.size() < 32) crowd.push_back(greeted(proxy));
  EXPECT_TRUE(MailClient(proxy.port()).reply().starts_with("421 4.3.2 ")) << "no place at all";
  crowd.resize(24);
  while (proxy.sessions() > 24) std::this_thread::sleep_for(milliseconds{2});
  proxy.on_loop([&] { proxy.sources().known.forget(loopback()); });
  EXPECT_TRUE(MailClient(proxy.port()).reply().starts_with("421 4.3.2 ")) << "still crowded at 3/4";
  crowd.resize(23);
  while (proxy.sessions() > 23) std::this_thread::sleep_for(milliseconds{2});
  EXPECT_TRUE(MailClient(proxy.port()).reply().starts_with("220 "));
}

TEST(ProxyManners, InACrowdAListThatNobodyActsAgainstTurnsNobodyAway) {
  RunningProxy proxy;
  proxy.options.max_sessions = 32;
  proxy.start();
  std::vector<std::unique_ptr<MailClient>> crowd;
  while (crowd.size() < 31) {
    crowd.push_back(std::make_unique<MailClient>(proxy.port()));
    ASSERT_TRUE(crowd.back()->reply().starts_with("220 ")) << crowd.size();
  }
  EXPECT_TRUE(MailClient(proxy.port()).reply().starts_with("421 4.3.2 ")) << "full, for a stranger";
}

// Those who were silent already when it became crowded are not waited for any longer, either.
TEST(ProxyManners, InACrowdTheSilentHaveLessTime) {
  RunningProxy proxy;
  proxy.options.max_sessions = 8;
  proxy.start();
  const auto silent = greeted(proxy);
  std::vector<std::unique_ptr<MailClient>> crowd;
  while (crowd.size() < 6) crowd.push_back(greeted(proxy));
  const auto begun = steady_clock::now();
  EXPECT_TRUE(silent->reply().starts_with("421 4.4.2 ")) << "after 10 s instead of 5 minutes";
  EXPECT_GE(steady_clock::now() - begun, milliseconds{5000});
}

}  // namespace
}  // namespace postern::test
