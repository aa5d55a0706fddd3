// SPDX-License-Identifier: BSD-3-Clause
//
// Facts, policy and disposition in the whole milter, over a real socket: signed mail with keys from
// the DNS, answers that do not come, forged results, several messages in a session, and its end.
#include "control/milter/milter.h"

#include <gtest/gtest.h>

#include "tests/control/auth/signer.h"
#include "tests/control/milter/running_milter.h"

namespace postern::milter::test {
namespace {

const std::string kMessage =
    "From: <a@good.example>\r\nTo:c@d.example\r\nSubject: \t odd\r\n\tspacing \r\n\r\nHello.\r\n";

std::vector<auth::HeaderField> header_of(const std::string& text) {
  return auth::split_header_fields(std::string_view(text).substr(0, text.find("\r\n\r\n") + 2));
}

class MilterTest : public testing::Test {
 protected:
  MilterTest() : key_(auth::SigningKey::ed25519()) {
    milter_.resolver.set_text("s._domainkey.good.example",
                              {"v=DKIM1; k=ed25519; p=" + key_.public_part()});
    milter_.resolver.fail("s._domainkey.silent.example", dns::RecordType::kTxt, "timed out");
  }
  std::string signed_by(const std::string& domain, const std::string& how = "simple/simple") const {
    return auth::sign_message(
        kMessage, "v=1; a=ed25519-sha256; c=" + how + "; d=" + domain + "; s=s; h=from:to:subject",
        key_);
  }

  auth::SigningKey key_;
  RunningMilter milter_;
};

TEST_F(MilterTest, SignedMailIsAcceptedMarkedAndRemembered) {
  milter_.start();
  MailServer server(milter_);
  server.begin();
  const auto answers = server.message(signed_by("good.example"));
  EXPECT_TRUE(answers.starts_with("i[1|Authentication-Results| mx.example;\n\tdkim=pass "))
      << answers;
  EXPECT_TRUE(answers.ends_with("] a"));
  EXPECT_EQ(milter_.remembered("good.example").value().accepted, 1u);
}

TEST_F(MilterTest, WithoutTellingBlanksOnlyRelaxedSignaturesCanFail) {
  milter_.start();
  MailServer server(milter_);
  server.send(negotiation(6, kAllActions, kAllProtocol & ~0x100000u) +
              connection("client.example", '4', 4711, "198.51.100.7"));
  EXPECT_EQ(server.answer(), "O");
  server.tells_blanks = false;
  // That "To:c@d.example" had none cannot be known.
  EXPECT_NE(server.message(signed_by("good.example")).find("dkim=neutral"), std::string::npos);
  EXPECT_NE(server.message(signed_by("good.example", "relaxed/simple")).find("dkim=pass"),
            std::string::npos);
  std::string altered = signed_by("good.example", "relaxed/simple");
  altered.replace(altered.find("odd"), 3, "new");
  EXPECT_NE(server.message(altered).find("dkim=fail"), std::string::npos);
}

TEST_F(MilterTest, ARuleRefusesWithItsWordsAndWhereToObject) {
  milter_.start("    reject category local\n    accept any\n");
  MailServer server(milter_);
  server.begin("192.0.2.7");
  EXPECT_EQ(server.message(kMessage),
            "y[550-5.7.1 refused by the rule \"reject category local\", list local (local)\r\n"
            "550 5.7.1 see https://why.example/a%%20b]");
}

TEST_F(MilterTest, ATagIsBelowTheResults) {
  milter_.start("    tag dkim != pass\n    accept any\n");
  MailServer server(milter_);
  server.begin();
  EXPECT_EQ(server.message(kMessage),
            "i[1|X-Postern-Tag| \"tag dkim != pass\"] "
            "i[1|Authentication-Results| mx.example;\n\tdkim=none] a");
}

TEST_F(MilterTest, AMessageInQuarantineIsHeldByTheServerOrSaysSoItself) {
  milter_.start("    quarantine dkim != pass\n    accept any\n");
  MailServer server(milter_);
  server.begin();
  EXPECT_EQ(server.message(kMessage),
            "i[1|Authentication-Results| mx.example;\n\tdkim=none] q[quarantine dkim != pass] a");
  MailServer old(milter_);
  old.send(negotiation(6, kAllActions & ~0x20u) +
           connection("client.example", '4', 4711, "198.51.100.7") +
           packet('H', strings({"client.example"})));
  EXPECT_EQ(old.answer(), "O");
  EXPECT_EQ(old.answer(), "c");
  EXPECT_EQ(old.message(kMessage),
            "i[1|X-Postern-Quarantine| \"quarantine dkim != pass\"] "
            "i[1|Authentication-Results| mx.example;\n\tdkim=none] a");
}

TEST_F(MilterTest, WhatNoTextCouldSaveIsRefusedAtRcpt) {
  milter_.more_blocks = "message to \"open.example\"\n    accept any\n";
  milter_.start("    reject category local\n    accept any\n");
  MailServer server(milter_);
  server.begin("192.0.2.7");
  server.send(packet('M', strings({"<a@b.example>"})));
  EXPECT_EQ(server.answer(), "c");
  server.send(packet('R', strings({"<c@d.example>"})));
  EXPECT_TRUE(server.answer().starts_with("y[550-5.7.1 refused by the rule"));
  // The others of the message are not concerned.
  for (const char* recipient : {"<c@open.example>", "<PostMaster@d.example>"}) {
    server.send(packet('R', strings({recipient})));
    EXPECT_EQ(server.answer(), "c") << recipient;
  }
  server.send(packet('T') + header("From", " x") + packet('N') + packet('E'));
  EXPECT_TRUE(server.final_answers().ends_with(" a"));
}

TEST_F(MilterTest, RecipientsWhoseRulesDifferComeInTurn) {
  milter_.more_blocks = "message to \"strict.example\"\n    reject dkim != pass\n";
  milter_.start();
  MailServer server(milter_);
  server.begin();
  server.recipients = {"a@open.example", "b@strict.example"};
  EXPECT_TRUE(server.message(kMessage).starts_with(
      "y[451 4.5.3 deferred because its recipients are judged by different rules"));
  // The strictest first, whoever is named first; then the others.
  EXPECT_TRUE(server.message(kMessage).starts_with("y[550 5.7.1 ")) << "strict.example alone";
  server.recipients = {"a@open.example"};
  EXPECT_TRUE(server.message(kMessage).ends_with(" a"));
  // Where they agree they come together.
  server.recipients = {"a@open.example", "c@elsewhere.example"};
  EXPECT_TRUE(server.message(signed_by("good.example")).ends_with(" a"));
}

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

TEST_F(MilterTest, ForgedResultsAreRemovedFromTheLastOn) {
  milter_.start();
  MailServer server(milter_);
  server.begin();
  const std::string forged = "Authentication-Results: mx.example; dkim=pass\r\n";
  const std::string foreign = "Authentication-Results: other.example; dkim=pass\r\n";
  const auto answers = server.message(forged + foreign + forged + kMessage);
  EXPECT_TRUE(answers.starts_with(
      "m[3|Authentication-Results|] m[1|Authentication-Results|] i[1|Authentication-Results|"))
      << answers;
}

TEST_F(MilterTest, TooManyResultsAreRefused) {
  milter_.start();
  MailServer server(milter_);
  server.begin();
  std::string many;
  for (size_t i = 0; i <= ForgedResults::kMaxFields; i++)
    many += "Authentication-Results: mx.example; dkim=pass\r\n";
  EXPECT_EQ(server.message(many + kMessage), "y[550 5.6.0 too many Authentication-Results fields]");
}

TEST_F(MilterTest, AuthenticatedSubmissionsAreNotJudged) {
  milter_.start("    reject any\n");
  MailServer server(milter_);
  server.begin();
  EXPECT_EQ(server.message(kMessage, {"i", "4ABC", "{auth_authen}", "jo"}), "a");
  EXPECT_EQ(server.message("Authentication-Results: mx.example; dkim=pass\r\n" + kMessage,
                           {"{auth_authen}", "jo"}),
            "m[1|Authentication-Results|] a");
  EXPECT_TRUE(server.message(kMessage, {"i", "4ABD"}).starts_with("y[550 "));  // logged out again
  EXPECT_TRUE(milter_.on_loop([&] { return milter_.resolver.asked(); }).empty());
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

TEST_F(MilterTest, MissingAnswersDeferOnlyWhereTheyMatter) {
  milter_.start("    reject category local\n    accept dkim = pass\n    reject any\n");
  MailServer server(milter_);
  server.begin();
  const auto deferred = server.message(signed_by("silent.example"));
  EXPECT_TRUE(deferred.starts_with("y[451 4.4.3 deferred because ")) << deferred;
  EXPECT_TRUE(server.message(kMessage).starts_with("y[550 "));  // has no signature at all
  MailServer local(milter_);
  local.begin("192.0.2.7");
  EXPECT_TRUE(local.message(signed_by("silent.example")).starts_with("y[550"));
}

TEST_F(MilterTest, TheServerIsAskedForPatienceWhileTheDnsIsSlow) {
  milter_.options.progress_time = std::chrono::milliseconds{1};
  milter_.resolver.stall("s._domainkey.good.example");
  milter_.start();
  MailServer server(milter_);
  server.begin();
  server.send(envelope());
  for (int i = 0; i < 2; i++) EXPECT_EQ(server.answer(), "c");
  const auto text = signed_by("good.example");
  for (const auto& field : header_of(text))
    server.send(header(std::string(field.name), value_for_server(field.body, true)));
  server.send(packet('N') + packet('E', text.substr(text.find("\r\n\r\n") + 4)));
  for (int i = 0; i < 3; i++) EXPECT_EQ(server.answer(), "p");
  milter_.on_loop([&] {
    milter_.resolver.release();
    return true;
  });
  EXPECT_NE(server.final_answers().find("dkim=pass"), std::string::npos);
}

TEST_F(MilterTest, AServerThatIsGoneMeanwhileEndsTheQuery) {
  milter_.options.progress_time = std::chrono::milliseconds{1};
  milter_.resolver.stall("s._domainkey.good.example");
  milter_.start();
  {
    MailServer server(milter_);
    server.begin();
    const auto text = signed_by("good.example");
    server.send(envelope());
    for (const auto& field : header_of(text))
      server.send(header(std::string(field.name), value_for_server(field.body, true)));
    server.send(packet('N') + packet('E'));
    milter_.wait_until([&] { return milter_.resolver.waiting() == 1; });
  }
  milter_.wait_until([&] { return milter_.resolver.waiting() == 0; });
  while (milter_.sessions() != 0) std::this_thread::sleep_for(std::chrono::milliseconds{2});
}

TEST_F(MilterTest, SeveralMessagesResetsAndAnotherClientInOneSession) {
  milter_.start("    reject category local\n    accept any\n");
  MailServer server(milter_);
  server.begin();
  for (int i = 0; i < 3; i++)
    EXPECT_NE(server.message(signed_by("good.example")).find("dkim=pass"), std::string::npos);
  server.send(envelope() + header("From", " x") + packet('A'));
  for (int i = 0; i < 2; i++) EXPECT_EQ(server.answer(), "c");
  EXPECT_NE(server.message(kMessage).find("dkim=none"), std::string::npos);
  server.send(packet('K') + connection("other", '4', 1, "192.0.2.7"));
  EXPECT_TRUE(server.message(kMessage).starts_with("y[550"));
  server.send(packet('Q'));
  EXPECT_EQ(server.answer(), "");
}

TEST_F(MilterTest, WhatIsNotMilterIsClosed) {
  milter_.start();
  MailServer server(milter_);
  server.send("EHLO client.example\r\n");
  EXPECT_EQ(server.answer(), "");
}

TEST_F(MilterTest, BeyondTheBoundASessionIsClosedAtOnce) {
  milter_.options.max_sessions = 1;
  milter_.start();
  MailServer first(milter_);
  first.begin();
  MailServer second(milter_);
  second.send(negotiation());
  EXPECT_EQ(second.answer(), "");
  EXPECT_TRUE(first.message(kMessage).ends_with(" a"));
}

TEST_F(MilterTest, ASilentServerIsLeft) {
  milter_.options.command_time = std::chrono::milliseconds{1};
  milter_.start();
  MailServer server(milter_);
  EXPECT_EQ(server.answer(), "");
}

TEST_F(MilterTest, AtTheEndMessagesUnderWayAreFinishedAndOthersNotBegun) {
  milter_.start();
  MailServer idle(milter_);
  idle.begin();
  MailServer busy(milter_);
  busy.begin();
  busy.send(envelope());
  for (int i = 0; i < 2; i++) EXPECT_EQ(busy.answer(), "c");
  milter_.begin_drain(std::chrono::seconds{20});
  EXPECT_EQ(idle.answer(), "");
  EXPECT_THROW(MailServer late(milter_), std::runtime_error);
  busy.send(header("From", " x") + packet('N') + packet('E'));
  EXPECT_TRUE(busy.final_answers().ends_with(" a"));
  EXPECT_EQ(busy.answer(), "");
  EXPECT_TRUE(milter_.has_drained());
}

TEST_F(MilterTest, AtTheEndANewMessageInTheSamePieceIsPutOff) {
  milter_.start();
  MailServer server(milter_);
  server.begin();
  server.send(envelope());
  for (int i = 0; i < 2; i++) EXPECT_EQ(server.answer(), "c");
  milter_.begin_drain(std::chrono::seconds{20});
  server.send(packet('A') + packet('M', strings({"<a@b.example>"})));
  EXPECT_EQ(server.answer(), "y[421 4.3.2 going down for a moment]");
  EXPECT_EQ(server.answer(), "");
  EXPECT_TRUE(milter_.has_drained());
}

TEST_F(MilterTest, AtTheEndOfTheTimeItIsCut) {
  milter_.start();
  MailServer server(milter_);
  server.begin();
  server.send(envelope());
  for (int i = 0; i < 2; i++) EXPECT_EQ(server.answer(), "c");
  milter_.begin_drain(std::chrono::milliseconds{1});
  EXPECT_EQ(server.answer(), "");
  EXPECT_TRUE(milter_.has_drained());
}

}  // namespace
}  // namespace postern::milter::test
