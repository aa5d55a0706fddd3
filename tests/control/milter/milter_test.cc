// SPDX-License-Identifier: BSD-3-Clause
//
// Facts, policy and disposition in the whole milter, over a real socket: signed mail with keys from
// the DNS, answers that do not come, forged results, several messages in a session, and its end.
#include "control/milter/milter.h"

#include <gtest/gtest.h>

#include "tests/control/milter/milter_fixture.h"
#include "tests/control/policy/table_text.h"

namespace postern::milter::test {
namespace {

TEST_F(MilterTest, SignedMailIsAcceptedMarkedAndRemembered) {
  milter_.start();
  MailServer server(milter_);
  server.begin();
  const auto answers = server.message(signed_by("good.example"));
  EXPECT_TRUE(answers.starts_with("i[1|Authentication-Results| mx.example;\n\tdkim=pass "))
      << answers;
  EXPECT_TRUE(answers.ends_with("] a"));
  // Behind the answer, so that it may be read before.
  milter_.wait_until([&] { return milter_.store.find("good.example").has_value(); });
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
  // The client's name is asked for before it has logged in, and no key after that.
  EXPECT_EQ(milter_.on_loop([&] { return milter_.resolver.asked(); }),
            std::vector<std::string>{"7.100.51.198.in-addr.arpa"});
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

TEST_F(MilterTest, TheNamesOfEachClientAreJudged) {
  milter_.names = policy::test::name_classes();
  dns::Answer name, address;
  name.status = address.status = dns::Status::kFound;
  name.records = {"pool-7.isp.example"};
  address.records = {"198.51.100.7"};
  milter_.resolver.set("7.100.51.198.in-addr.arpa", dns::RecordType::kPtr, name);
  milter_.resolver.set("pool-7.isp.example", dns::RecordType::kA, address);
  milter_.start("    reject name = dynamic learn 1h\n    accept any\n");
  MailServer server(milter_);
  server.begin("198.51.100.7");
  const auto refused = server.message(kMessage);
  EXPECT_NE(refused.find("550 5.7.1 refused by the rule"), std::string::npos) << refused;
  EXPECT_NE(refused.find("pool-7.isp.example (dynamic, isp.pcre:1), confirmed"), std::string::npos)
      << refused;
  milter_.on_loop([&] {
    EXPECT_EQ(milter_.taught.size(), 1u);
    EXPECT_TRUE(milter_.taught[0].starts_with("198.51.100.7/32 ")) << milter_.taught[0];
    EXPECT_TRUE(milter_.taught[0].ends_with(" 3600")) << milter_.taught[0];
    return true;
  });
  MailServer other(milter_);
  other.begin("198.51.100.8");
  EXPECT_TRUE(other.message(kMessage).ends_with(" a")) << "nobody knows a name of it";
}

TEST_F(MilterTest, TheServerIsAskedForPatienceWhileTheDnsIsSlow) {
  milter_.options.progress_time = std::chrono::milliseconds{1};
  milter_.resolver.stall("s._domainkey.good.example");
  milter_.start();
  MailServer server(milter_);
  server.begin();
  send_whole(server, signed_by("good.example"));
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
