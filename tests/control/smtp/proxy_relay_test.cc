// SPDX-License-Identifier: BSD-3-Clause
//
// Mail through the whole proxy to a farm that does what the test says: byte for byte, with the
// farm's own replies, and never acknowledged unless the farm acknowledged it, whatever breaks and
// wherever.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "control/smtp/data_reader.h"
#include "tests/control/smtp/running_proxy.h"

namespace postern::test {
namespace {

const std::string kMessage =
    "From: <a@b.example>\r\nTo: c@d.example\r\nSubject: x\r\n\r\nHello.\r\n";

// Without dots, as the farm would store it.
std::string text_of(const ScriptedFarm::Message& message) {
  smtp::DataReader reader(smtp::Framing::kDots, smtp::BareLineEnds::kRefuse, 1 << 30);
  std::string text;
  reader.consume(message.wire, text);
  EXPECT_TRUE(reader.done());
  return text;
}

// What is left when the fields that we add are taken off the top.
std::string as_sent(const std::string& text) {
  EXPECT_TRUE(
      text.starts_with("Received: from client.example ([127.0.0.1])\r\n\tby mx.example with "))
      << text.substr(0, 100);
  size_t at = 0;
  for (int field = 0; field < 2; field++) {
    do at = text.find("\r\n", at) + 2;
    while (text[at] == ' ' || text[at] == '\t');
    if (field == 0) {
      EXPECT_EQ(text.substr(at, 35), "Authentication-Results: mx.example;");
    }
  }
  return text.substr(at);
}

TEST(ProxyRelay, WhatTheFarmGetsIsWhatWasSent) {
  RunningProxy proxy;
  proxy.start();
  std::mt19937 random(5321);
  std::vector<std::string> sent = {
      kMessage,
      "",
      "Subject: no body\r\n",
      "no header, and a last line without an end",
      "A: b\r\n\r\n.\r\n..\r\n...\r\n.x\r\n\r\n.\r\n",
      "A: b\r\n\r\n" + std::string(60000, 'x') + "\r\n",
      "Received: from a by b; x\r\nA: b\r\n\tfolded \xc3\xa9\r\n\r\n8 bit \xff\xfe\x01\x7f\r\n",
  };
  std::string large = "Subject: beyond memory\r\n\r\n";
  while (large.size() < 400000) {
    for (size_t i = random() % 100; i > 0; i--)
      large += static_cast<char>(random() % 3 == 0 ? '.' : 'a' + random() % 26);
    large += "\r\n";
  }
  sent.push_back(large);
  const auto client = greeted(proxy);
  for (const auto& message : sent)
    EXPECT_EQ(send_message(*client, message), "250 2.0.0 queued as 12345\r\n");
  const auto arrived = proxy.farm.acknowledged();
  ASSERT_EQ(arrived.size(), sent.size());
  for (size_t i = 0; i < sent.size(); i++) {
    const std::string expected =
        sent[i].empty() || sent[i].ends_with("\r\n") ? sent[i] : sent[i] + "\r\n";
    EXPECT_TRUE(as_sent(text_of(arrived[i])) == expected) << i;
    EXPECT_EQ(arrived[i].recipients, std::vector<std::string>{"RCPT TO:<c@d.example>"});
  }
  EXPECT_EQ(proxy.spool_space().used(), 0u);
}

TEST(ProxyRelay, AWholePipelinedSessionInOneWriteAndByteByByte) {
  RunningProxy proxy;
  proxy.start();
  const std::string session =
      "EHLO client.example\r\nMAIL FROM:<a@b.example> SIZE=30 BODY=8BITMIME\r\n"
      "RCPT TO:<c@d.example>\r\nRCPT TO:<e@d.example>\r\nDATA\r\nA: b\r\n\r\n..dot\r\n.\r\n"
      "MAIL FROM:<>\r\nRCPT TO:<f@d.example>\r\nRSET\r\nNOOP\r\nQUIT\r\n";
  for (const size_t piece : {session.size(), size_t{1}}) {
    MailClient client(proxy.port());
    client.reply();
    for (size_t at = 0; at < session.size(); at += piece) client.send(session.substr(at, piece));
    const std::string replies = client.rest();
    EXPECT_NE(replies.find("250-PIPELINING\r\n250-SIZE 983616\r\n250-8BITMIME\r\n"
                           "250-ENHANCEDSTATUSCODES\r\n250 LIMITS MAILMAX=1000 RCPTMAX=1000\r\n"
                           "250 2.1.0 sender noted\r\n250 2.1.5 recipient fine\r\n"
                           "250 2.1.5 recipient fine\r\n354 go ahead, end with CRLF.CRLF\r\n"
                           "250 2.0.0 queued as 12345\r\n250 2.1.0 sender noted\r\n"
                           "250 2.1.5 recipient fine\r\n250 2.0.0 forgotten\r\n250 2.0.0 fine\r\n"
                           "221 2.0.0 mx.example goodbye\r\n"),
              std::string::npos)
        << replies;
  }
  const auto arrived = proxy.farm.acknowledged();
  ASSERT_EQ(arrived.size(), 2u);
  EXPECT_EQ(arrived[0].mail, "MAIL FROM:<a@b.example> SIZE=30 BODY=8BITMIME");
  EXPECT_EQ(arrived[0].recipients.size(), 2u);
  // Two recipients: none of them is named to the other.
  EXPECT_EQ(text_of(arrived[0]).find("for <"), std::string::npos);
  EXPECT_TRUE(as_sent(text_of(arrived[0])) == "A: b\r\n\r\n.dot\r\n");
}

TEST(ProxyRelay, OffersWhatTheFarmOffers) {
  RunningProxy proxy;
  proxy.farm.set("EHLO", "250-farm.example\r\n250 SIZE 4000\r\n");
  proxy.start();
  MailClient client(proxy.port());
  client.reply();
  EXPECT_EQ(client.say("EHLO c"),
            "250-mx.example\r\n250-PIPELINING\r\n250-SIZE 4000\r\n"
            "250 LIMITS MAILMAX=1000 RCPTMAX=1000\r\n");
  EXPECT_TRUE(client.say("MAIL FROM:<> SIZE=4001").starts_with("552 "));
  EXPECT_TRUE(client.say("MAIL FROM:<> BODY=8BITMIME").starts_with("555 "));
}

constexpr char kOffersAll[] =
    "250-farm.example\r\n250-SIZE 1000000\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n"
    "250-XCLIENT NAME ADDR\r\n250-AUTH PLAIN\r\n250-ETRN\r\n250-VRFY\r\n250-BINARYMIME\r\n"
    "250-LIMITS RCPTMAX=70\r\n250 CHUNKING\r\n";

TEST(ProxyRelay, OfAllThatTheFarmOffersOnlyWhatIsKnownToBeSafeIsOffered) {
  RunningProxy proxy;
  proxy.farm.set("EHLO", kOffersAll);
  proxy.start();
  MailClient client(proxy.port());
  client.reply();
  EXPECT_EQ(client.say("EHLO c"),
            "250-mx.example\r\n250-PIPELINING\r\n250-SIZE 983616\r\n250-8BITMIME\r\n"
            "250-SMTPUTF8\r\n250-CHUNKING\r\n250-DSN\r\n250 LIMITS MAILMAX=1000 RCPTMAX=70\r\n");
}

TEST(ProxyRelay, ParametersReachTheFarm) {
  RunningProxy proxy;
  proxy.farm.set("EHLO", kOffersAll);
  proxy.start();
  const auto client = greeted(proxy);
  client->say("MAIL FROM:<\xc3\xa9@b.example> smtputf8 BODY=8bitmime ret=HDRS envid=q+2B1");
  client->say("RCPT TO:<c@d.example> NOTIFY=success,failure ORCPT=rfc822;c@d.example");
  client->say("DATA");
  EXPECT_TRUE(client->say("A: b\r\n\r\nx\r\n.").starts_with("250 "));
  const auto arrived = proxy.farm.acknowledged();
  ASSERT_EQ(arrived.size(), 1u);
  EXPECT_EQ(arrived[0].mail,
            "MAIL FROM:<\xc3\xa9@b.example> BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=q+2B1");
  EXPECT_EQ(arrived[0].recipients,
            std::vector<std::string>{
                "RCPT TO:<c@d.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;c@d.example"});
  EXPECT_NE(text_of(arrived[0]).find(" with UTF8SMTP\r\n"), std::string::npos);
}

TEST(ProxyRelay, ChunksReachTheFarmAsOneByteForByte) {
  RunningProxy proxy;
  proxy.farm.set("EHLO", kOffersAll);
  proxy.start();
  const auto client = greeted(proxy);
  const std::string head = "Subject: x\r\n\r\n.\r\n";
  std::string tail;
  while (tail.size() < 200'000) tail += std::string(500, 'x') + "\r\n.\r\n";
  tail += "no end";
  client->say("MAIL FROM:<a@b.example>");
  client->say("RCPT TO:<c@d.example>");
  EXPECT_EQ(client->say("BDAT 17\r\n" + head.substr(0, 15)), "250 2.0.0 17 octets\r\n");
  client->send("BDAT " + std::to_string(tail.size() + 2) + " LAST\r\n.\n");
  client->send(tail);
  // A bare LF: refused whatever the framing.
  EXPECT_TRUE(client->reply().starts_with("550 5.5.2 "));
  client->say("MAIL FROM:<a@b.example>");
  client->say("RCPT TO:<c@d.example>");
  client->send("BDAT 14\r\n" + head.substr(0, 14) + "BDAT 3\r\n.\r\n");
  EXPECT_EQ(client->reply(), "250 2.0.0 14 octets\r\n");
  EXPECT_EQ(client->reply(), "250 2.0.0 3 octets\r\n");
  client->send("BDAT " + std::to_string(tail.size()) + " LAST\r\n" + tail);
  EXPECT_EQ(client->reply(), "250 2.0.0 queued as 12345\r\n");
  const auto arrived = proxy.farm.acknowledged();
  ASSERT_EQ(arrived.size(), 1u);
  EXPECT_TRUE(arrived[0].wire.empty());
  EXPECT_TRUE(as_sent(arrived[0].chunks) == head + tail);
  EXPECT_EQ(proxy.farm.count("DATA"), 0u);
}

// The farm offered CHUNKING when the client asked, and does not any more when the message comes.
TEST(ProxyRelay, ChunksForAFarmWithoutThemGoByDataOnlyWhereThatAltersNothing) {
  RunningProxy proxy;
  proxy.farm.set("EHLO", kOffersAll);
  proxy.start();
  const auto client = greeted(proxy);
  proxy.farm.set("EHLO", "250 farm.example\r\n");
  const auto send = [&](const std::string& text) {
    client->say("MAIL FROM:<a@b.example>");
    client->say("RCPT TO:<c@d.example>");
    client->send("BDAT " + std::to_string(text.size()) + " LAST\r\n" + text);
    return client->reply();
  };
  EXPECT_TRUE(send("A: b\r\n\r\nno end").starts_with("451 4.3.0 "));
  EXPECT_TRUE(send("A: b\r\n\r\n.\r\n").starts_with("250 "));
  const auto arrived = proxy.farm.acknowledged();
  ASSERT_EQ(arrived.size(), 1u);
  EXPECT_TRUE(as_sent(text_of(arrived[0])) == "A: b\r\n\r\n.\r\n");
}

TEST(ProxyRelay, AFarmThatKnowsOnlyHelo) {
  RunningProxy proxy;
  proxy.farm.set("EHLO", "500 what\r\n");
  proxy.start();
  const auto client = greeted(proxy);
  EXPECT_TRUE(send_message(*client, kMessage).starts_with("250 "));
  EXPECT_EQ(proxy.farm.acknowledged()[0].mail, "MAIL FROM:<a@b.example>");
}

TEST(ProxyRelay, TheFarmsRepliesReachTheClient) {
  RunningProxy proxy;
  proxy.farm.set("RCPT TO:<nobody@d.example>", "550-5.1.1 no such user\r\n550 5.1.1 here\r\n");
  proxy.farm.set("RCPT TO:<later@d.example>", "450 4.2.1 mailbox busy\r\n");
  proxy.farm.set("RCPT TO:<closing@d.example>", "421 4.3.2 closing\r\n");
  proxy.farm.set("MAIL FROM:<evil@b.example>", "553 5.1.8 not from you\r\n");
  proxy.start();
  const auto client = greeted(proxy);
  client->say("MAIL FROM:<a@b.example>");
  EXPECT_EQ(client->say("RCPT TO:<nobody@d.example>"),
            "550-5.1.1 no such user\r\n550 5.1.1 here\r\n");
  EXPECT_EQ(client->say("RCPT TO:<later@d.example>"), "450 4.2.1 mailbox busy\r\n");
  EXPECT_EQ(client->say("RCPT TO:<c@d.example>"), "250 2.1.5 recipient fine\r\n");
  // Its 421 is about its connection with us.
  EXPECT_EQ(client->say("RCPT TO:<closing@d.example>"), "451 4.3.2 closing\r\n");
  client->say("RSET");
  // The refusal of a sender reaches every recipient.
  EXPECT_TRUE(client->say("MAIL FROM:<evil@b.example>").starts_with("250 "));
  EXPECT_EQ(client->say("RCPT TO:<c@d.example>"), "553 5.1.8 not from you\r\n");
  EXPECT_EQ(client->say("RCPT TO:<e@d.example>"), "553 5.1.8 not from you\r\n");
  EXPECT_TRUE(client->say("DATA").starts_with("554 "));
}

TEST(ProxyRelay, TheFinalReplyIsTheFarms) {
  RunningProxy proxy;
  proxy.start();
  const auto client = greeted(proxy);
  for (const char* reply : {"554 5.7.1 spam\r\n", "452 4.3.1 full\r\n",
                            "550-5.7.1 two\r\n550 5.7.1 lines\r\n", "250 2.6.0 fine\r\n"}) {
    proxy.farm.set("dot", reply);
    EXPECT_EQ(send_message(*client, kMessage), reply);
  }
  proxy.farm.set("dot", "250 ok\r\n");
  proxy.farm.set("DATA", "554 5.7.1 no data for you\r\n");
  EXPECT_EQ(send_message(*client, kMessage), "554 5.7.1 no data for you\r\n");
}

// Every way in which the farm can fail, at every step. Whatever it is: no 2xx without its 2xx,
// never a 5xx that is not its own, and the session goes on.
TEST(ProxyRelay, Never250WithoutTheFarms250) {
  RunningProxy proxy;
  proxy.options.farm.idle_legs = 0;  // every step is taken for every message
  proxy.start();
  // Little only for a farm that says nothing: another one may be slow as this machine is.
  const auto give_the_farm = [&](std::chrono::milliseconds time) {
    proxy.on_loop([&] {
      auto& farm = proxy.options.farm;
      for (auto* each : {&farm.connect_time, &farm.reply_time, &farm.final_time, &farm.block_time})
        *each = time;
    });
  };
  constexpr std::chrono::milliseconds kLittle{300}, kPlenty{60'000};
  const std::string defaults[][2] = {{"greeting", "220 farm ESMTP\r\n"},
                                     {"EHLO", "250-farm\r\n250 8BITMIME\r\n"},
                                     {"MAIL", "250 2.1.0 ok\r\n"},
                                     {"RCPT", "250 2.1.5 ok\r\n"},
                                     {"DATA", "354 go\r\n"},
                                     {"text", ""},
                                     {"dot", "250 2.0.0 ok\r\n"}};
  const std::string faults[] = {ScriptedFarm::kCut,      ScriptedFarm::kStall,
                                "421 4.3.2 closing\r\n", "451 4.3.0 broken\r\n",
                                "354 what\r\n",          "nonsense\r\n",
                                "250-unfinished\r\n",    "250 ok\r\n250 and one more\r\n"};
  for (const auto& [step, fine] : defaults) proxy.farm.set(step, fine);
  for (const auto& [step, fine] : defaults) {
    for (const auto& fault : faults) {
      const bool takes_replies = step != "text";
      if (!takes_replies && fault != ScriptedFarm::kCut && fault != ScriptedFarm::kStall) continue;
      if (step == "DATA" && fault.starts_with("354")) continue;  // this is no fault there
      const size_t before = proxy.farm.acknowledged().size();
      const auto client = greeted(proxy);
      const bool says_no_end = fault == ScriptedFarm::kStall || fault == "250-unfinished\r\n";
      give_the_farm(says_no_end ? kLittle : kPlenty);
      proxy.farm.set(step, fault);
      const std::string reply = send_message(*client, kMessage);
      const size_t after = proxy.farm.acknowledged().size();
      if (reply.starts_with("2")) {
        EXPECT_EQ(after, before + 1) << step << ": " << fault << " -> " << reply;
      } else {
        EXPECT_TRUE(reply.starts_with("4")) << step << ": " << fault << " -> " << reply;
      }
      proxy.farm.set(step, fine);
      give_the_farm(kPlenty);
      client->say("RSET");
      EXPECT_TRUE(send_message(*client, kMessage).starts_with("250 ")) << "after " << step << fault;
    }
  }
  EXPECT_EQ(proxy.spool_space().used(), 0u);
}

TEST(ProxyRelay, AFarmThatIsDownDefers) {
  RunningProxy proxy;
  proxy.start();
  proxy.farm.stop();
  const auto client = greeted(proxy);
  EXPECT_EQ(send_message(*client, kMessage),
            "451 4.4.1 the mail exchanger does not answer; try again later\r\n");
  EXPECT_TRUE(client->say("DATA").starts_with("554 5.5.1 no valid recipients"));
  proxy.farm.start();
  client->say("RSET");
  EXPECT_TRUE(send_message(*client, kMessage).starts_with("250 "));
}

TEST(ProxyRelay, StartsWhileTheFarmIsDown) {
  RunningProxy proxy;
  proxy.farm.stop();
  proxy.wait_for_farm = false;
  proxy.start();
  MailClient client(proxy.port());
  client.reply();
  // Nothing is offered that the farm may not be able to do.
  const auto offer = client.say("EHLO client.example");
  EXPECT_EQ(offer.find("8BITMIME"), std::string::npos) << offer;
  EXPECT_TRUE(send_message(client, kMessage).starts_with("451 "));
}

TEST(ProxyRelay, OneConnectionServesSeveralMessagesAndIsMadeAnewWhenItWentStale) {
  RunningProxy proxy;
  proxy.start();
  const auto client = greeted(proxy);
  const size_t before = proxy.farm.connections();
  for (int i = 0; i < 3; i++) EXPECT_TRUE(send_message(*client, kMessage).starts_with("250 "));
  EXPECT_EQ(proxy.farm.connections(), before + 1);
  proxy.farm.cut_all();
  EXPECT_TRUE(send_message(*client, kMessage).starts_with("250 "));
  EXPECT_EQ(proxy.farm.connections(), before + 2);
  // A refused message leaves a transaction open there: it is reset first.
  proxy.farm.set("dot", "554 5.7.1 no\r\n");
  send_message(*client, kMessage);
  proxy.farm.set("dot", "250 2.0.0 yes\r\n");
  EXPECT_TRUE(send_message(*client, kMessage).starts_with("250 "));
  EXPECT_EQ(proxy.farm.count("RSET"), 1u);
}

TEST(ProxyRelay, ASessionWithoutRecipientsNeverReachesTheFarm) {
  RunningProxy proxy;
  proxy.start();
  const size_t before = proxy.farm.connections();
  const auto client = greeted(proxy);
  client->say("MAIL FROM:<a@b.example>");
  client->say("RSET");
  client->say("QUIT");
  EXPECT_EQ(proxy.farm.connections(), before);
}

TEST(ProxyRelay, AClientThatLeavesInTheMiddleLeavesNothingBehind) {
  RunningProxy proxy;
  proxy.start();
  const size_t before = proxy.farm.count("DATA");
  for (const std::string_view until :
       {"MAIL FROM:<a@b.example>\r\n", "MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n",
        "MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n",
        "MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nhalf a mess",
        "MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nall but the end\r\n.\r"}) {
    const auto client = greeted(proxy);
    client->send(until);
    client->shutdown();
  }
  while (proxy.sessions() > 0) std::this_thread::sleep_for(std::chrono::milliseconds{5});
  EXPECT_EQ(proxy.farm.count("DATA"), before) << "half a message went out";
  EXPECT_TRUE(proxy.farm.acknowledged().empty());
  EXPECT_EQ(proxy.on_loop([&] { return proxy.spool_space().used(); }), 0u);
}

TEST(ProxyRelay, RefusesWhatItCannotTake) {
  RunningProxy proxy(200000);  // of all messages together
  proxy.options.max_message = 100000;
  proxy.start();
  const auto client = greeted(proxy);
  const std::string line = std::string(70, 'x') + "\r\n";
  std::string large = "A: b\r\n\r\n";
  while (large.size() <= 100000) large += line;
  EXPECT_TRUE(send_message(*client, large).starts_with("552 5.3.4 "));
  EXPECT_TRUE(send_message(*client, "A: b\r\n\r\nbare\nline\r\n").starts_with("550 5.5.2 "));
  EXPECT_TRUE(
      send_message(*client, "A: b\r\n\r\n" + std::string(70000, 'x') + "\r\n").starts_with("550 "));
  std::string loop;
  for (int i = 0; i < 101; i++) loop += "Received: from a by b\r\n";
  EXPECT_TRUE(send_message(*client, loop + "\r\n").starts_with("554 5.4.6 "));
  EXPECT_TRUE(proxy.farm.acknowledged().empty());
  // Two others hold the room.
  std::string half = "A: b\r\n\r\n";
  while (half.size() < 99000) half += line;
  std::vector<std::unique_ptr<MailClient>> holders;
  for (int i = 0; i < 2; i++) {
    holders.push_back(greeted(proxy));
    for (const char* command : {"MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "DATA"})
      holders.back()->say(command);
    holders.back()->send(half);
  }
  while (proxy.on_loop([&] { return proxy.spool_space().used(); }) < 2 * half.size())
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  EXPECT_TRUE(send_message(*client, half).starts_with("452 4.3.1 "));
  for (auto& holder : holders) {
    holder->send(".\r\n");
    EXPECT_TRUE(holder->reply().starts_with("250 "));
  }
  client->say("RSET");
  EXPECT_TRUE(send_message(*client, half).starts_with("250 "));
}

}  // namespace
}  // namespace postern::test
