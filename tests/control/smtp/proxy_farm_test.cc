// SPDX-License-Identifier: BSD-3-Clause
//
// A proxy in front of several backends: who gets the mail, what happens when one of them fails at
// any step, how the client is made known, TLS, connections that serve several clients, and clients
// that stall. Never 2xx without a backend's own, and never a part of a message.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/control/smtp/running_proxy.h"
#include "tests/rules/support/temporary_directory.h"

namespace postern::test {
namespace {

using smtp::HandOn;
using smtp::TlsUse;
using std::chrono::milliseconds;

const std::string kMessage = "From: <a@b.example>\r\nSubject: x\r\n\r\nHello.\r\n";
const std::string kUnavailable =
    "451 4.4.1 the mail exchanger does not answer; try again later\r\n";

void wait_until(const std::function<bool()>& so) {
  while (!so()) std::this_thread::sleep_for(milliseconds{2});
}

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

// One message by a client of its own. The last reply.
std::string one_message(const RunningProxy& proxy) {
  const auto client = greeted(proxy);
  const auto reply = send_message(*client, kMessage);
  client->say("QUIT");
  return reply;
}

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
            "250-mx.example\r\n250-PIPELINING\r\n250-SIZE 1000000\r\n250-8BITMIME\r\n"
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
      if (reply.starts_with("2")) {
        EXPECT_EQ(two.acknowledged(), before + 1) << what;
      } else {
        EXPECT_TRUE(reply.starts_with("4")) << what;
        EXPECT_TRUE(text_had_begun || slow) << what;
        // "250-" may be as far as its acknowledgement got: a duplicate then, never a loss.
        if (step != "dot") {
          EXPECT_EQ(two.acknowledged(), before) << what;
        }
      }
      if (text_had_begun) {
        EXPECT_TRUE(reply.starts_with("4")) << what;
      }
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

const char kWithTls[] = "250-farm.example\r\n250-8BITMIME\r\n250 STARTTLS\r\n";

struct OverTls {
  Certificate certificate = make_certificate();
  TemporaryDirectory directory;
  RunningProxy proxy;
  explicit OverTls(TlsUse use) {
    auto& farm = proxy.options.farm;
    farm.backends = {RunningProxy::backend(proxy.farm)};
    farm.backends[0].tls = use;
    farm.ca_file = directory.write("ca.pem", certificate.certificate);
    farm.idle_legs = 0;
    proxy.farm.use_certificate(certificate);
    proxy.farm.set("EHLO", kWithTls);
  }
};

TEST(ProxyFarm, RequiredTlsIsSpokenAndSessionsAreResumed) {
  OverTls over(TlsUse::kRequire);
  over.proxy.start();
  for (int i = 0; i < 4; i++) EXPECT_TRUE(one_message(over.proxy).starts_with("250 "));
  EXPECT_GE(over.proxy.farm.handshakes(), 5u);
  EXPECT_GE(over.proxy.farm.resumed(), 3u);
  // EHLO is said again; what was offered in plain is forgotten.
  EXPECT_EQ(over.proxy.farm.count("EHLO"), over.proxy.farm.connections() * 2);
}

TEST(ProxyFarm, RequiredTlsThatIsNotToBeHadDefers) {
  for (const auto& [step, answer] : std::initializer_list<std::pair<const char*, const char*>>{
           {"EHLO", "250-farm.example\r\n250 8BITMIME\r\n"},
           {"STARTTLS", "454 4.7.0 not now\r\n"},
           {"STARTTLS", "220 go\r\n250 2.0.0 injected\r\n"},
           {"STARTTLS", "220 go\r\n250-farm\r\n"},
           {"handshake", ScriptedFarm::kCut},
           {"handshake", "250 2.0.0 injected\r\n250 2.0.0 injected\r\n"}}) {
    OverTls over(TlsUse::kRequire);
    over.proxy.farm.set(step, answer);
    over.proxy.wait_for_farm = false;
    over.proxy.start();
    EXPECT_EQ(one_message(over.proxy), kUnavailable) << step << answer;
    EXPECT_EQ(over.proxy.farm.count("MAIL"), 0u) << step << answer;
  }
}

TEST(ProxyFarm, TlsThatMayBeFallsBackToPlainOnAnotherConnection) {
  for (const auto& [step, answer] : std::initializer_list<std::pair<const char*, const char*>>{
           {"EHLO", "250-farm.example\r\n250 8BITMIME\r\n"},
           {"STARTTLS", "454 4.7.0 not now\r\n"},
           {"STARTTLS", "220 go\r\n250 2.0.0 injected\r\n"},
           {"handshake", ScriptedFarm::kCut},
           {"handshake", "250 2.0.0 injected\r\n"}}) {
    OverTls over(TlsUse::kMay);
    over.proxy.farm.set(step, answer);
    over.proxy.start();
    EXPECT_TRUE(one_message(over.proxy).starts_with("250 ")) << step << answer;
    EXPECT_EQ(over.proxy.farm.handshakes(), 0u);
  }
  OverTls fine(TlsUse::kMay);
  fine.proxy.start();
  EXPECT_TRUE(one_message(fine.proxy).starts_with("250 "));
  EXPECT_GE(fine.proxy.farm.handshakes(), 2u);
}

TEST(ProxyFarm, TheCertificateIsHeldAgainstTheNameWhereTheSiteSaysSo) {
  OverTls right(TlsUse::kVerify);
  right.proxy.options.farm.backends[0].tls_name = "mx.example";
  right.proxy.start();
  EXPECT_TRUE(one_message(right.proxy).starts_with("250 "));
  OverTls wrong_name(TlsUse::kVerify);  // it is not for 127.0.0.1
  wrong_name.proxy.wait_for_farm = false;
  wrong_name.proxy.start();
  EXPECT_EQ(one_message(wrong_name.proxy), kUnavailable);
  OverTls wrong_issuer(TlsUse::kVerify);
  wrong_issuer.proxy.options.farm.backends[0].tls_name = "mx.example";
  wrong_issuer.proxy.farm.use_certificate(make_certificate());
  wrong_issuer.proxy.wait_for_farm = false;
  wrong_issuer.proxy.start();
  EXPECT_EQ(one_message(wrong_issuer.proxy), kUnavailable);
  EXPECT_EQ(wrong_issuer.proxy.farm.count("MAIL"), 0u);
}

std::string first_with(const std::vector<std::string>& commands, std::string_view begin) {
  for (const auto& command : commands)
    if (command.starts_with(begin)) return command;
  return "";
}

struct HandedOn {
  RunningProxy proxy;
  explicit HandedOn(HandOn how) {
    proxy.options.farm.backends = {RunningProxy::backend(proxy.farm)};
    proxy.options.farm.backends[0].hand_on = how;
    proxy.farm.set("EHLO",
                   "250-farm.example\r\n250-XCLIENT NAME ADDR PORT PROTO HELO DESTADDR DESTPORT\r\n"
                   "250 XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE\r\n");
    proxy.farm.set("XCLIENT", "220 farm.example ESMTP\r\n");
    proxy.farm.set("XFORWARD", "250 2.0.0 noted\r\n");
  }
};

TEST(ProxyFarm, XclientMakesEachClientKnownAlsoOverAConnectionThatIsUsedAgain) {
  HandedOn on(HandOn::kXclient);
  on.proxy.start();
  const size_t before = on.proxy.farm.connections();
  for (const std::string name : {"one.example", "two.example"}) {
    MailClient client(on.proxy.port());
    client.reply();
    client.say("EHLO " + name);
    EXPECT_TRUE(send_message(client, kMessage).starts_with("250 "));
    EXPECT_TRUE(send_message(client, kMessage).starts_with("250 "));
    client.say("QUIT");
    on.proxy.wait([&] { return on.proxy.pool().idle() == 1; });
  }
  EXPECT_EQ(on.proxy.farm.connections(), before + 1);
  const auto commands = on.proxy.farm.commands();
  const auto told = first_with(commands, "XCLIENT");
  EXPECT_TRUE(told.starts_with("XCLIENT NAME=[UNAVAILABLE] ADDR=127.0.0.1 PORT=")) << told;
  EXPECT_NE(told.find(" PROTO=ESMTP HELO=one.example DESTADDR=127.0.0.1 DESTPORT="),
            std::string::npos);
  // Once per client, EHLO behind it, then the mail.
  EXPECT_EQ(on.proxy.farm.count("XCLIENT"), 2u);
  for (size_t i = 0; i + 2 < commands.size(); i++) {
    if (!commands[i].starts_with("XCLIENT")) continue;
    // By the client's name, as Postfix would have the session's last word for it.
    const bool one = commands[i].find(" HELO=one.example ") != std::string::npos;
    EXPECT_EQ(commands[i + 1], one ? "EHLO one.example" : "EHLO two.example");
    EXPECT_TRUE(commands[i + 2].starts_with("MAIL "));
  }
}

TEST(ProxyFarm, ABackendThatDoesNotTakeXclientGetsNoMail) {
  for (const auto& [step, answer] : std::initializer_list<std::pair<const char*, const char*>>{
           {"EHLO", "250 farm.example\r\n"},
           {"EHLO", "250-farm.example\r\n250 XCLIENT NAME HELO\r\n"},
           {"XCLIENT", "501 5.5.4 bad attribute\r\n"},
           {"XCLIENT", "503 5.5.1 not now\r\n"},
           {"XCLIENT", "421 4.3.2 closing\r\n"},
           {"XCLIENT", ScriptedFarm::kCut}}) {
    HandedOn on(HandOn::kXclient);
    on.proxy.farm.set(step, answer);
    on.proxy.wait_for_farm = false;
    on.proxy.start();
    EXPECT_EQ(one_message(on.proxy), kUnavailable) << step << answer;
    EXPECT_EQ(on.proxy.farm.count("MAIL"), 0u);
  }
}

TEST(ProxyFarm, WhatABackendSaysToTheClientsComingReachesTheClient) {
  HandedOn on(HandOn::kXclient);
  on.proxy.start();
  on.proxy.farm.set("XCLIENT", "554 5.7.1 you are listed\r\n");
  const auto client = greeted(on.proxy);
  EXPECT_EQ(send_message(*client, kMessage), "554 5.7.1 you are listed\r\n");
  client->say("RSET");
  on.proxy.farm.set("XCLIENT", "450 4.7.1 come again\r\n");
  MailClient other(on.proxy.port());
  other.reply();
  other.say("EHLO other.example");
  EXPECT_EQ(send_message(other, kMessage), "450 4.7.1 come again\r\n");
  EXPECT_EQ(on.proxy.on_loop([&] { return on.proxy.pool().live(); }), 1u) << "it is not its fault";
}

TEST(ProxyFarm, XforwardIsSaidBeforeEachMessage) {
  HandedOn on(HandOn::kXforward);
  on.proxy.start();
  const auto client = greeted(on.proxy);
  for (int i = 0; i < 2; i++) EXPECT_TRUE(send_message(*client, kMessage).starts_with("250 "));
  EXPECT_EQ(on.proxy.farm.count("XFORWARD"), 2u);
  const auto told = first_with(on.proxy.farm.commands(), "XFORWARD");
  EXPECT_TRUE(told.starts_with("XFORWARD NAME=[UNAVAILABLE] ADDR=127.0.0.1 PORT=")) << told;
  EXPECT_NE(told.find(" HELO=client.example IDENT="), std::string::npos);
  EXPECT_TRUE(told.ends_with(" SOURCE=REMOTE"));
}

TEST(ProxyFarm, AProxyHeaderMakesAConnectionOneClients) {
  HandedOn on(HandOn::kProxy);
  on.proxy.farm.expect_proxy_header();
  on.proxy.start();
  EXPECT_EQ(on.proxy.farm.commands().at(0), "PROXY LOCAL") << "of the check";
  const size_t before = on.proxy.farm.connections();
  for (int i = 0; i < 2; i++) EXPECT_TRUE(one_message(on.proxy).starts_with("250 "));
  EXPECT_EQ(on.proxy.farm.connections(), before + 2);
  EXPECT_EQ(on.proxy.farm.count("PROXY 127.0.0.1 "), 2u);
  const auto told = first_with(on.proxy.farm.commands(), "PROXY 127.0.0.1 ");
  EXPECT_TRUE(told.ends_with(" 127.0.0.1 " + std::to_string(on.proxy.port()))) << told;
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

TEST(ProxyFarm, NoMoreConnectionsWaitThanTheSiteSaysAndNotForLonger) {
  RunningProxy proxy;
  proxy.options.farm.idle_legs = 2;
  proxy.options.farm.idle_time = milliseconds{300};
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
  // Two find the places taken at once, two after their time.
  wait_until([&] { return quits() == before + 4; });
  EXPECT_EQ(proxy.on_loop([&] { return proxy.pool().idle(); }), 0u);
}

TEST(ProxyFarm, AConnectionWithManyRefusalsIsNotKept) {
  RunningProxy proxy;
  proxy.farm.set("RCPT TO:<no@d.example>", "550 5.1.1 nobody\r\n");
  proxy.start();
  const size_t before = proxy.farm.count("QUIT");
  const auto client = greeted(proxy);
  client->say("MAIL FROM:<a@b.example>");
  for (int i = 0; i < 6; i++) client->say("RCPT TO:<no@d.example>");
  client->say("QUIT");
  wait_until([&] { return proxy.farm.count("QUIT") == before + 1; });
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
