// SPDX-License-Identifier: BSD-3-Clause
//
// How clients behave at the milter: spamtraps, names that bots use, strangers, and what is learned
// of them.
#include <gtest/gtest.h>

#include "tests/control/milter/milter_fixture.h"

namespace postern::milter::test {
namespace {

TEST_F(MilterTest, PostmasterIsHeardSoOftenAndNotMore) {
  milter_.limit_options.rates[static_cast<size_t>(policy::Limited::kRoleRecipients)] = {2,
                                                                                        3'600'000};
  milter_.start("    reject any\n");
  MailServer server(milter_);
  server.begin();
  for (const char* recipient : {"postmaster@d.example", "Abuse+4711@d.example"}) {
    server.recipients = {recipient};
    EXPECT_TRUE(server.message(signed_by("good.example")).ends_with(" a")) << recipient;
  }
  EXPECT_EQ(server.message(kMessage),
            "y[450 4.7.1 too many recipients from your address; try again later]");
  server.recipients = {"c@d.example"};
  EXPECT_TRUE(server.message(kMessage).starts_with("y[550 5.7.1 "));
  EXPECT_FALSE(milter_.remembered("good.example")) << "exempt from reputation";
}

TEST_F(MilterTest, ASpamtrapGetsNothingAndTheOthersTheMessage) {
  milter_.is_trap = [](std::string_view to) { return to.starts_with("trap"); };
  milter_.start();
  MailServer server(milter_);
  server.begin();
  server.recipients = {"trap1@d.example", "c@d.example", "trap2@d.example"};
  const auto answers = server.message(signed_by("good.example"));
  EXPECT_TRUE(answers.starts_with("i[1|Authentication-Results|")) << answers;
  EXPECT_TRUE(answers.ends_with(" -[<trap1@d.example>] -[<trap2@d.example>] a")) << answers;
  milter_.wait_until([&] { return milter_.store.find("good.example").has_value(); });
  EXPECT_EQ(milter_.remembered("good.example").value().accepted, 1u);
  server.recipients = {"trap1@d.example", "trap2@d.example"};
  EXPECT_EQ(server.message(signed_by("good.example")), "d") << "nobody is left";
  EXPECT_EQ(milter_.remembered("good.example").value().accepted, 1u);
  server.recipients = {"c@d.example"};
  EXPECT_TRUE(server.message(kMessage).ends_with("] a")) << "the next message is one of its own";
}

TEST_F(MilterTest, ATrapIsEvidenceUnlessNobodyWroteToIt) {
  milter_.is_trap = [](std::string_view to) { return to.starts_with("trap"); };
  milter_.start();
  const auto taught = [&] { return milter_.on_loop([&] { return milter_.taught; }); };
  const auto hit = [&](const std::string& text, const std::string& sender) {
    MailServer server(milter_);
    server.begin("198.51.100.9");
    server.recipients = {"trap@d.example"};
    server.sender = sender;
    EXPECT_EQ(server.message(text), "d");
    EXPECT_EQ(server.message(text), "d");
  };
  for (int i = 0; i < 3; i++) {
    hit(kMessage, "<>");
    hit("Auto-Submitted: auto-replied\r\n" + kMessage, "<a@b.example>");
  }
  EXPECT_TRUE(taught().empty());
  hit(kMessage, "<a@b.example>");
  EXPECT_TRUE(taught().empty()) << "one offence for one client, and two are needed";
  hit(kMessage, "<a@b.example>");
  ASSERT_EQ(taught().size(), 1u);
  EXPECT_NE(taught()[0].find("wrote to a spamtrap (2)"), std::string::npos) << taught()[0];
}

// Who may not remove recipients can only say that somebody wrote to a trap.
TEST_F(MilterTest, AMailServerThatKeepsItsRecipientsIsNotToldToRemoveAny) {
  milter_.is_trap = [](std::string_view to) { return to.starts_with("trap"); };
  milter_.start();
  MailServer server(milter_);
  server.send(negotiation(6, kAllActions & ~0x8u) +
              connection("client.example", '4', 4711, "198.51.100.7"));
  EXPECT_EQ(server.answer(), "O");
  server.recipients = {"trap@d.example", "c@d.example"};
  const auto answers = server.message(kMessage);
  EXPECT_TRUE(answers.ends_with("] a")) << answers;
  EXPECT_EQ(answers.find("-["), std::string::npos) << answers;
}

TEST_F(MilterTest, BotsAreRefusedAtMailAndLearnedUnlessTheyLoggedInOrAreExempt) {
  milter_.more_policy = "signature cutwail /^EHLO_BOT$/ drop learn 1h\n";
  milter_.start();
  const std::string refused =
      "y[550 5.7.1 refused: the name ylmf-pc is one that bots use; write to postmaster if you are "
      "none]";
  const auto taught = [&] { return milter_.on_loop([&] { return milter_.taught; }); };
  MailServer server(milter_);
  server.begin("198.51.100.7", "ylmf-pc");
  EXPECT_TRUE(server.message(kMessage, {"{auth_authen}", "jo"}).ends_with("a"));
  EXPECT_EQ(server.message(kMessage), refused);
  EXPECT_EQ(server.message(kMessage), refused);
  EXPECT_TRUE(taught().empty());  // one offence for one client, and two are needed
  MailServer again(milter_);
  again.begin("198.51.100.7", "ylmf-pc");
  EXPECT_EQ(again.message(kMessage), refused);
  ASSERT_EQ(taught().size(), 1u);
  EXPECT_TRUE(taught()[0].starts_with("198.51.100.7/32 2 offences in ")) << taught()[0];
  MailServer exempt(milter_);
  exempt.begin("192.0.2.7", "ylmf-pc");
  EXPECT_TRUE(exempt.message(kMessage).ends_with(" a"));
  MailServer signed_bot(milter_);
  signed_bot.begin("198.51.100.8", "EHLO_BOT");
  EXPECT_TRUE(signed_bot.message(kMessage).starts_with("y[550 5.7.1 refused"));
  EXPECT_EQ(taught().back(), "198.51.100.8/32 signature cutwail 3600");
}

TEST_F(MilterTest, StrangersAreHeldBackAtRecipientsAndKnownAfterMailThatWasLetThrough) {
  milter_.greylist_options.delay = 1;
  milter_.start();
  const auto source = *Prefix::parse("198.51.100.7/32", Prefix::HostBits::kRefuse);
  const auto is_known = [&] { return milter_.known.knows(source, std::time(nullptr)); };
  const auto leave = [](MailServer& server) {
    server.send(packet('Q'));
    EXPECT_EQ(server.answer(), "");
  };
  const std::string held =
      "y[450 4.7.1 your network is new here (greylisted); try again in 1 seconds]";
  {
    // Nobody who logged in, writes to a role address or is exempt is held back.
    MailServer server(milter_);
    server.begin();
    EXPECT_EQ(server.message(kMessage), held);
    EXPECT_TRUE(server.message(kMessage, {"i", "1", "{auth_authen}", "jo"}).ends_with("a"));
    server.recipients = {"abuse@d.example"};
    EXPECT_TRUE(server.message(kMessage, {"i", "2"}).ends_with(" a"));
    leave(server);
    MailServer exempt(milter_);
    exempt.begin("192.0.2.7");
    EXPECT_TRUE(exempt.message(kMessage).ends_with(" a"));
  }
  EXPECT_FALSE(milter_.on_loop(is_known)) << "none of that is mail that was judged";
  {
    MailServer server(milter_);
    server.begin();
    while (server.message(kMessage) == held) std::this_thread::sleep_for(kPause);
    EXPECT_FALSE(milter_.on_loop(is_known)) << "before he has gone in an orderly way";
    leave(server);
  }
  milter_.wait_until(is_known);
  // An offence makes a stranger of him.
  MailServer bot(milter_);
  bot.begin("198.51.100.7", "ylmf-pc");
  EXPECT_TRUE(bot.message(kMessage).starts_with("y[550 "));
  EXPECT_FALSE(milter_.on_loop(is_known));
}

TEST_F(MilterTest, WhatTheServerNeverHeardCountsForNobody) {
  milter_.options.progress_time = std::chrono::hours{1};
  milter_.resolver.stall("s._domainkey.good.example");
  milter_.start();
  {
    MailServer server(milter_);
    server.begin();
    send_whole(server, signed_by("good.example"));
    milter_.wait_until([&] { return milter_.resolver.waiting() == 1; });
  }
  milter_.on_loop([&] {
    milter_.resolver.release();
    return true;
  });
  while (milter_.sessions() != 0) std::this_thread::sleep_for(std::chrono::milliseconds{2});
  EXPECT_FALSE(milter_.remembered("good.example"));
}

}  // namespace
}  // namespace postern::milter::test
