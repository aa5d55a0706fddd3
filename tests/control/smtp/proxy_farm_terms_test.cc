// SPDX-License-Identifier: BSD-3-Clause
//
// The terms of a backend: TLS that may, must or has to be verified, and the client's name and
// address handed on by XCLIENT, XFORWARD or a PROXY header. What the site asks for is there, or the
// backend gets no mail.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/control/smtp/one_message.h"
#include "tests/control/smtp/running_proxy.h"
#include "tests/rules/support/temporary_directory.h"

namespace postern::test {
namespace {

using smtp::HandOn;
using smtp::TlsUse;
using std::chrono::milliseconds;

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

TEST(ProxyFarmTerms, RequiredTlsIsSpokenAndSessionsAreResumed) {
  OverTls over(TlsUse::kRequire);
  over.proxy.start();
  for (int i = 0; i < 4; i++) EXPECT_TRUE(one_message(over.proxy).starts_with("250 "));
  EXPECT_GE(over.proxy.farm.handshakes(), 5u);
  EXPECT_GE(over.proxy.farm.resumed(), 3u);
  // EHLO is said again; what was offered in plain is forgotten.
  EXPECT_EQ(over.proxy.farm.count("EHLO"), over.proxy.farm.connections() * 2);
}

// More than the sockets between us hold, as in plain (proxy_farm_bounds_test.cc).
TEST(ProxyFarmTerms, OverTlsNoAnswerBeforeTheEndOfTheTextIsBelievedUnlessItIsANo) {
  OverTls over(TlsUse::kRequire);
  auto& farm = over.proxy.farm;
  over.proxy.start();
  std::string text = "Subject: x\r\n\r\n";
  const std::string line(998, 'x');
  while (text.size() < 24u << 20) text += line + "\r\n";
  const auto client = greeted(over.proxy);
  farm.set("text", "250 2.0.0 it is mine\r\n");
  EXPECT_EQ(send_message(*client, text), kUnavailable);
  EXPECT_TRUE(farm.acknowledged().empty());
  farm.set("text", "552 5.3.4 too much\r\n");
  EXPECT_EQ(send_message(*client, text), "552 5.3.4 too much\r\n");
  farm.set("text", "");
  EXPECT_TRUE(send_message(*client, text).starts_with("250 "));
  EXPECT_EQ(farm.acknowledged().size(), 1u);
}

TEST(ProxyFarmTerms, RequiredTlsThatIsNotToBeHadDefers) {
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

TEST(ProxyFarmTerms, TlsThatMayBeFallsBackToPlainOnAnotherConnection) {
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

TEST(ProxyFarmTerms, TheCertificateIsHeldAgainstTheNameWhereTheSiteSaysSo) {
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

TEST(ProxyFarmTerms, XclientMakesEachClientKnownAlsoOverAConnectionThatIsUsedAgain) {
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

TEST(ProxyFarmTerms, ABackendThatDoesNotTakeXclientGetsNoMail) {
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

TEST(ProxyFarmTerms, WhatABackendSaysToTheClientsComingReachesTheClient) {
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

TEST(ProxyFarmTerms, XforwardIsSaidBeforeEachMessage) {
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

TEST(ProxyFarmTerms, AProxyHeaderMakesAConnectionOneClients) {
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

}  // namespace
}  // namespace postern::test
