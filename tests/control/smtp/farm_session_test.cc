// SPDX-License-Identifier: BSD-3-Clause
//
// Our side towards the farm: one reply to one command at every cut, what EHLO offers, and farms
// that speak out of turn.
#include "control/smtp/farm_session.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/control/smtp/farm_session_script.h"

namespace postern::smtp {
namespace {

const std::string kGreeting = "220 farm ESMTP\r\n";

TEST(FarmSession, AWholeSessionAtEveryCut) {
  const std::string hello = "250-farm\r\n250-SIZE 2000\r\n250-8bitmime\r\n250 X\r\n";
  for (size_t cut = 0; cut <= hello.size(); cut++) {
    FarmSession session("me.example");
    session.receive(kGreeting);
    EXPECT_EQ(session.next_reply()->code, 220);
    EXPECT_EQ(session.ehlo(), "EHLO me.example\r\n");
    session.receive(hello.substr(0, cut));
    auto reply = session.next_reply();
    session.receive(hello.substr(cut));
    if (!reply) reply = session.next_reply();
    ASSERT_TRUE(reply) << cut;
    EXPECT_TRUE(session.offer().extended);
    EXPECT_TRUE(session.offer().eight_bit_mime);
    EXPECT_FALSE(session.offer().enhanced_status_codes);
    EXPECT_TRUE(session.offer().size_known);
    EXPECT_EQ(session.offer().size, 2000u);
    EXPECT_EQ(session.mail({.address = "a@b.example", .size = 77, .body = BodyType::kEightBitMime}),
              "MAIL FROM:<a@b.example> SIZE=77 BODY=8BITMIME\r\n");
    session.receive("250 ok\r\n");
    EXPECT_TRUE(session.next_reply()->positive());
    EXPECT_EQ(session.rcpt({.address = "c@d.example"}), "RCPT TO:<c@d.example>\r\n");
    session.receive("250 ok\r\n");
    EXPECT_TRUE(session.next_reply());
    EXPECT_EQ(session.data(), "DATA\r\n");
    session.receive("354 go\r\n");
    EXPECT_EQ(session.next_reply()->code, 354);
    session.text_sent();
    EXPECT_TRUE(session.outstanding());
    session.receive("250 2.0.0 queued\r\n");
    EXPECT_EQ(session.next_reply()->one_line(), "250 2.0.0 queued");
    EXPECT_FALSE(session.outstanding());
    EXPECT_FALSE(session.broken());
  }
}

using enum ScriptStep;

std::string steps(std::initializer_list<ScriptStep> all) {
  std::string script;
  for (const auto step : all) script += static_cast<char>(step);
  return script;
}
// What the farm says.
std::string says(std::string_view words) {
  std::string script;
  for (; !words.empty(); words.remove_prefix(std::min<size_t>(words.size(), 127))) {
    const auto piece = words.substr(0, 127);
    script += static_cast<char>(0x80 + piece.size());
    script += piece;
  }
  return script;
}

const std::string kOffered =
    says("220 farm ESMTP\r\n") + steps({kEhlo}) +
    says(
        "250-farm\r\n250-SIZE 9\r\n250-8BITMIME\r\n250-DSN\r\n250-STARTTLS\r\n"
        "250-XCLIENT NAME ADDR\r\n250 CHUNKING\r\n");
// With all parameters, and an answer.
const std::string kMailed = steps({kMail}) + '\x1f' + says("250 2.1.0 ok\r\n");

// Farms in and out of their mind: whatever they say, it makes no difference where it is cut.
TEST(FarmSession, WholeSessionsComeToTheSameAtEveryCut) {
  const std::vector<std::string> scripts = {
      kOffered + kMailed + steps({kRcpt}) + '\x03' + says("450-4.2.1 not\r\n450 4.2.1 now\r\n") +
          steps({kData}) + says("354 go\r\n") + steps({kTextSent}) + says("250 2.0.0 taken\r\n") +
          steps({kRset}) + says("250 ok\r\n") + steps({kQuit}) + says("221 bye\r\n"),
      kOffered + kMailed + steps({kBdat, kTextSent}) + says("250-a\r\n250 b\r\n") + kMailed,
      kOffered + steps({kStartTls}) + says("220 go\r\n") + steps({kSecured, kEhlo}) +
          says("250-farm\n250 SIZE\n") + kMailed,
      kOffered + steps({kStartTls}) + says("220 go\r\n250 farm\r\n") + steps({kSecured, kEhlo}) +
          says("250 farm\r\n"),
      kOffered + steps({kStartTls}) + says("454 4.7.0 not now\r\n") + kMailed,
      kOffered + steps({kXclient}) + "\x04name" + says("220 farm\r\n") + steps({kEhlo}) +
          says("250-farm\r\n250 XFORWARD ADDR\r\n") + steps({kXforward}) + says("250 ok\r\n"),
      kOffered + kMailed + says("421 4.3.2 idle\r\n") + kMailed,
      kOffered + kMailed + steps({kData}) + says("354 go\r\n250 taken\r\n") + steps({kTextSent}),
      kOffered + kMailed + steps({kBdat}) + says("250 taken\r\n") + steps({kTextSent}) + kMailed,
      kOffered + steps({kRset}) + says("250-ok\r\n251 ok\r\n") + kMailed,
      says("HTTP/1.1 400 Bad Request\r\n\r\n") + steps({kEhlo}) + says("250 farm\r\n"),
  };
  for (const auto& script : scripts) {
    FarmScript uncut(SIZE_MAX);
    const auto whole = uncut.run(script);
    ASSERT_GT(uncut.heard(), 20u);
    EXPECT_EQ(FarmScript(1).run(script), whole);
    for (size_t cut = 1; cut < uncut.heard(); cut++) {
      ASSERT_EQ(FarmScript(SIZE_MAX, cut).run(script), whole) << cut;
      ASSERT_EQ(FarmScript(7, cut).run(script), whole) << cut;
    }
  }
}

// The same of any commands and any words, against the twin.
TEST(FarmSession, WhateverIsAskedAndSaid) {
  std::mt19937 random(20261201);
  const auto below = [&random](size_t n) { return static_cast<char>(random() % n); };
  size_t replies = 0, overs = 0;
  for (int i = 0; i < 20'000; i++) {
    std::string script = random() % 4 == 0 ? "" : kOffered;
    for (size_t length = random() % 24; length > 0; length--) {
      script += below(static_cast<size_t>(kFarmLines) + postern::smtp::kFarmLines.size());
      if (random() % 16 == 0) script += below(256);
      // A command is answered more often than not.
      if (random() % 4 != 0) script += static_cast<char>(kFarmLines);
    }
    std::string whole;
    ASSERT_NO_THROW(whole = FarmScript(SIZE_MAX).run(script)) << testing::PrintToString(script);
    const size_t piece = 1 + random() % 9;
    std::string pieces;
    ASSERT_NO_THROW(pieces = FarmScript(piece).run(script)) << testing::PrintToString(script);
    ASSERT_EQ(pieces, whole) << testing::PrintToString(script) << " by " << piece;
    replies += whole.find("F: 250 2.0.0 fine") != std::string::npos;
    overs += whole.find("over") != std::string::npos;
  }
  EXPECT_GT(replies, 2'000u);
  EXPECT_GT(overs, 2'000u);
  EXPECT_LT(overs, 19'000u);
}

TEST(FarmSession, WhatIsSaidBeforeTheEndOfATextIsNoAnswerToIt) {
  const std::string early = "250 2.0.0 queued\r\n";
  for (const bool chunk : {false, true}) {
    for (size_t length = 0; length <= early.size(); length++) {
      FarmSession session("me.example");
      session.receive(kGreeting);
      session.next_reply();
      if (chunk) {
        session.bdat_last(7);
      } else {
        session.data();
        session.receive("354 go\r\n");
        EXPECT_EQ(session.next_reply()->code, 354);
      }
      session.receive(early.substr(0, length));
      EXPECT_FALSE(session.next_reply()) << "while the text is on its way";
      session.text_sent();
      session.receive(early.substr(length));
      EXPECT_EQ(session.next_reply().has_value(), length == 0) << length;
      EXPECT_EQ(session.broken(), length != 0) << length;
    }
  }
}

TEST(FarmSession, NoCommandIsSaidInTheMiddleOfAText) {
  FarmSession session("me.example");
  session.receive(kGreeting);
  session.next_reply();
  session.data();
  session.receive("354 go\r\n");
  session.next_reply();
  session.rset();
  EXPECT_TRUE(session.broken());

  FarmSession refused("me.example");
  refused.receive(kGreeting);
  refused.next_reply();
  refused.data();
  refused.receive("451 4.3.0 later\r\n");
  refused.next_reply();
  refused.rset();
  EXPECT_FALSE(refused.broken()) << "no text was asked for";
  refused.receive("250 ok\r\n");
  refused.next_reply();
  refused.text_sent();
  EXPECT_TRUE(refused.broken()) << "nor sent";
}

TEST(FarmSession, ParametersGoOnlyWhereTheyAreOffered) {
  FarmSession session("me.example");
  session.receive(kGreeting);
  session.next_reply();
  session.ehlo();
  session.receive("500 what\r\n");
  EXPECT_TRUE(session.next_reply()->permanent());
  EXPECT_FALSE(session.offer().extended);
  EXPECT_EQ(session.helo(), "HELO me.example\r\n");
  session.receive("250 farm\r\n");
  session.next_reply();
  EXPECT_EQ(session.mail({.size = 77,
                          .body = BodyType::kEightBitMime,
                          .utf8 = true,
                          .dsn_return = DsnReturn::kFull,
                          .envelope_id = "x"}),
            "MAIL FROM:<>\r\n");
  session.receive("250 ok\r\n");
  session.next_reply();
  EXPECT_EQ(session.rcpt({.address = "c@d.example", .notify = "NEVER", .original = "rfc822;c"}),
            "RCPT TO:<c@d.example>\r\n");
}

TEST(FarmSession, EveryParameterOfAFarmThatOffersAll) {
  FarmSession session("me.example");
  session.receive(kGreeting);
  session.next_reply();
  session.ehlo();
  session.receive(
      "250-farm\r\n250-SIZE\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-chunking\r\n"
      "250-LIMITS FOO=1 rcptmax=50 RCPTMAX=x\r\n250 DSN\r\n");
  session.next_reply();
  EXPECT_EQ(session.offer().recipients, 50u);
  EXPECT_EQ(session.mail({.address = "\xc3\xa9@b.example",
                          .size = 7,
                          .body = BodyType::kSevenBit,
                          .utf8 = true,
                          .dsn_return = DsnReturn::kHeaders,
                          .envelope_id = "i+3Dd"}),
            "MAIL FROM:<\xc3\xa9@b.example> SIZE=7 BODY=7BIT SMTPUTF8 RET=HDRS ENVID=i+3Dd\r\n");
  session.receive("250 ok\r\n");
  session.next_reply();
  EXPECT_EQ(session.rcpt({.address = "c@d.example", .notify = "DELAY", .original = "rfc822;c"}),
            "RCPT TO:<c@d.example> NOTIFY=DELAY ORCPT=rfc822;c\r\n");
  session.receive("250 ok\r\n");
  session.next_reply();
  EXPECT_TRUE(session.offer().chunking);
  EXPECT_EQ(session.bdat_last(12), "BDAT 12 LAST\r\n");
  session.text_sent();
  session.receive("250 2.0.0 queued\r\n");
  EXPECT_TRUE(session.next_reply()->positive());
  EXPECT_FALSE(session.broken());
}

TEST(FarmSession, SizeWithoutALimit) {
  EXPECT_TRUE(read_offer(make_reply(250, "", "farm\nSIZE")).size_known);
  EXPECT_EQ(read_offer(make_reply(250, "", "farm\nSIZE")).size, 0u);
  EXPECT_EQ(read_offer(make_reply(250, "", "farm\nSIZE x")).size, 0u);
  EXPECT_FALSE(read_offer(make_reply(550, "", "farm\nSIZE 5")).size_known);
  // The first line is a greeting, whatever it says (RFC 5321 §4.1.1.1).
  EXPECT_FALSE(read_offer(make_reply(250, "", "8BITMIME")).eight_bit_mime);
}

TEST(FarmSession, TwoRepliesToOneCommandBreakIt) {
  FarmSession session("me.example");
  session.receive(kGreeting + "250 unasked\r\n");
  EXPECT_TRUE(session.next_reply());
  EXPECT_TRUE(session.broken());
  session.ehlo();
  EXPECT_FALSE(session.next_reply());
}

TEST(FarmSession, SpeakingUnaskedBreaksIt) {
  FarmSession session("me.example");
  session.receive(kGreeting);
  session.next_reply();
  session.receive("421 idle too long\r\n");
  EXPECT_TRUE(session.spoke_unasked());
  session.ehlo();
  EXPECT_TRUE(session.broken());
}

TEST(FarmSession, NotSmtp) {
  FarmSession session("me.example");
  session.receive("HTTP/1.1 400 Bad Request\r\n");
  EXPECT_FALSE(session.next_reply());
  EXPECT_TRUE(session.broken());
}

// A session that has asked for TLS.
FarmSession asked_for_tls() {
  FarmSession session("me.example");
  session.receive(kGreeting);
  session.next_reply();
  session.ehlo();
  session.receive("250-farm\r\n250-STARTTLS\r\n250-SIZE 5\r\n250 XCLIENT NAME ADDR\r\n");
  session.next_reply();
  EXPECT_TRUE(session.offer().starttls);
  EXPECT_TRUE(session.offer().xclient.has(ForwardAttribute::kAddr));
  EXPECT_EQ(session.starttls(), "STARTTLS\r\n");
  return session;
}

TEST(FarmSession, NothingSaidInPlainOutlivesTheHandshake) {
  auto session = asked_for_tls();
  session.receive("220 2.0.0 go\r\n");
  EXPECT_EQ(session.next_reply()->code, 220);
  EXPECT_FALSE(session.broken());
  session.secured();
  EXPECT_FALSE(session.broken());
  // Nor what was offered.
  EXPECT_EQ(session.offer(), FarmOffer{});
  EXPECT_FALSE(session.outstanding());
  EXPECT_EQ(session.ehlo(), "EHLO me.example\r\n");
  session.receive("250 farm\r\n");
  EXPECT_TRUE(session.next_reply());
  EXPECT_FALSE(session.offer().starttls);
}

TEST(FarmSession, WordsInPlainBehindTheReplyToStarttlsBreakItAtEveryCut) {
  const std::string go = "220 2.0.0 go\r\n";
  for (const std::string injected :
       {"250 queued\r\n", "250-farm\r\n250 SIZE 1\r\n", "2", "\r\n", "\n", "\x16\x03\x01"}) {
    const std::string wire = go + injected;
    for (size_t cut = 0; cut <= wire.size(); cut++) {
      for (size_t second = cut; second <= wire.size(); second++) {
        auto session = asked_for_tls();
        std::optional<Reply> reply;
        for (const auto& piece :
             {wire.substr(0, cut), wire.substr(cut, second - cut), wire.substr(second)}) {
          session.receive(piece);
          if (!reply) reply = session.next_reply();
        }
        EXPECT_TRUE(session.broken()) << injected << cut << ' ' << second;
        session.secured();
        EXPECT_TRUE(session.broken()) << "for good";
        session.receive("250 farm\r\n");
        EXPECT_FALSE(session.next_reply());
      }
    }
  }
}

TEST(FarmSession, CommandsInPlainWhileTheHandshakeIsDueBreakIt) {
  auto session = asked_for_tls();
  session.receive("220 go\r\n");
  session.next_reply();
  session.ehlo();
  EXPECT_TRUE(session.broken());
  // And where none is due there is nothing to be secured.
  FarmSession other("me.example");
  other.receive(kGreeting);
  other.next_reply();
  other.secured();
  EXPECT_TRUE(other.broken());
}

TEST(FarmSession, AfterARefusedStarttlsItGoesOnInPlain) {
  auto session = asked_for_tls();
  session.receive("454 4.7.0 not now\r\n");
  EXPECT_EQ(session.next_reply()->code, 454);
  EXPECT_EQ(session.offer().size, 5u);
  EXPECT_EQ(session.rset(), "RSET\r\n");
  EXPECT_FALSE(session.broken());
}

TEST(FarmSession, AfterXclientNothingIsOfferedUntilTheNextEhlo) {
  auto session = asked_for_tls();
  session.receive("454 4.7.0 not now\r\n");
  session.next_reply();
  EXPECT_EQ(session.xclient("XCLIENT ADDR=192.0.2.1"), "XCLIENT ADDR=192.0.2.1\r\n");
  session.receive("550 5.7.0 not you\r\n");
  EXPECT_TRUE(session.next_reply()->permanent());
  EXPECT_TRUE(session.offer().size_known);
  session.xclient("XCLIENT ADDR=192.0.2.1");
  session.receive("220 farm ESMTP\r\n");
  EXPECT_EQ(session.next_reply()->code, 220);
  EXPECT_EQ(session.offer(), FarmOffer{});
  session.ehlo();
  session.receive("250-farm\r\n250 XFORWARD NAME ADDR\r\n");
  session.next_reply();
  EXPECT_EQ(session.xforward("XFORWARD ADDR=192.0.2.1"), "XFORWARD ADDR=192.0.2.1\r\n");
  session.receive("250 fine\r\n");
  EXPECT_TRUE(session.next_reply()->positive());
  EXPECT_FALSE(session.offer().xforward.empty());
}

TEST(FarmSession, ANameOfTheClientsIsSaidOnlyWhereItIsOneWord) {
  const auto said = [](const std::string& name) {
    FarmSession session("me.example");
    session.receive(kGreeting);
    session.next_reply();
    return session.ehlo(name);
  };
  EXPECT_EQ(said("client.example"), "EHLO client.example\r\n");
  EXPECT_EQ(said("[192.0.2.1]"), "EHLO [192.0.2.1]\r\n");
  for (const auto& name : {std::string(), std::string("a b"), std::string("a\r\nRSET"),
                           std::string("a\0b", 3), std::string("\xc3\xa9"), std::string(256, 'x')})
    EXPECT_EQ(said(name), "EHLO me.example\r\n");
}

TEST(FarmSession, WhatTwoBackendsHaveInCommon) {
  FarmOffer a{.extended = true, .eight_bit_mime = true, .enhanced_status_codes = true};
  a.utf8 = a.chunking = a.dsn = a.size_known = a.starttls = true;
  a.size = 2000;
  a.recipients = 100;
  FarmOffer b = a;
  b.starttls = false;
  EXPECT_EQ(common_offer(a, a), b) << "all but how it is spoken with";
  b.size = 1000;
  b.recipients = 50;
  b.dsn = false;
  const auto both = common_offer(a, b);
  EXPECT_EQ(both, common_offer(b, a));
  EXPECT_EQ(both.size, 1000u);
  EXPECT_EQ(both.recipients, 50u);
  EXPECT_FALSE(both.dsn);
  EXPECT_TRUE(both.chunking);
  // 0 is no limit, and so never the smaller one.
  b.size = 0;
  EXPECT_EQ(common_offer(a, b).size, 2000u);
  EXPECT_EQ(common_offer(b, a).size, 2000u);
}

}  // namespace
}  // namespace postern::smtp
