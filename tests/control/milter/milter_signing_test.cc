// SPDX-License-Identifier: BSD-3-Clause
//
// The site's own mail at the milter: who is signed, and that it verifies.
#include <gtest/gtest.h>

#include <sys/stat.h>

#include "tests/control/auth/rfc8463.h"
#include "tests/control/auth/run.h"
#include "tests/control/milter/milter_fixture.h"
#include "tests/rules/support/temporary_directory.h"

namespace postern::milter::test {
namespace {

class MilterSigningTest : public MilterTest {
 protected:
  MilterSigningTest() {
    const auto key = directory_.write("ed.pem", auth::kRfc8463Ed25519PrivateKey);
    ::chmod(key.c_str(), 0600);
    signing_.table = std::make_shared<const auth::SigningTable>(auth::SigningTable::load(
        directory_.write("keys", "good.example ed ed.pem c=simple/simple\n")));
    resolver_.set_text("ed._domainkey.good.example", {auth::kRfc8463Ed25519Key});
    milter_.signing = &signing_;
  }
  ~MilterSigningTest() override { milter_.stop(); }

  // The answers without the signature, which is verified. How it verified stands for it.
  std::string answers(MailServer& server, const std::string& text,
                      const std::vector<std::string>& macros_of_mail = {}) {
    std::string all = server.message(text, macros_of_mail);
    const std::string begin = "i[1|DKIM-Signature|";
    const auto at = all.find(begin);
    if (at == std::string::npos) return all;
    const auto end = all.find(']', at);
    std::string value = all.substr(at + begin.size(), end - at - begin.size());
    for (size_t line = 0; (line = value.find('\n', line)) != std::string::npos; line += 2)
      value.insert(line, 1, '\r');
    const auto result = auth::authenticate("DKIM-Signature:" + value + "\r\n" + text, resolver_);
    return all.replace(
        at, end + 1 - at,
        std::string(word(result.dkim.at(0).result)) + ' ' + result.dkim.at(0).reason);
  }

  postern::test::TemporaryDirectory directory_;
  dns::ScriptedResolver resolver_;
  auth::SigningService signing_;
};

TEST_F(MilterSigningTest, SubmissionsAreSignedAndNothingElse) {
  milter_.start("    reject any\n");
  MailServer server(milter_);
  server.begin();
  EXPECT_EQ(answers(server, kMessage, {"i", "4ABC", "{auth_authen}", "jo"}), "pass  a");
  EXPECT_TRUE(answers(server, kMessage, {"i", "4ABD"}).starts_with("y[550 "));
  EXPECT_EQ(answers(server, "From: a@other.example\r\n\r\nx\r\n", {"{auth_authen}", "jo"}), "a");
  milter_.stop();
  EXPECT_EQ(signing_.signed_messages, 1u);
  EXPECT_EQ(signing_.unsigned_messages, 1u);
}

TEST_F(MilterSigningTest, ALongBodyIsSignedWhole) {
  milter_.start();
  MailServer server(milter_);
  server.begin();
  std::string text = kMessage;
  while (text.size() < 100'000) text += "a line of text  \r\n\r\n";
  EXPECT_EQ(answers(server, text, {"{auth_authen}", "jo"}), "pass  a");
}

TEST_F(MilterSigningTest, MailFromOurNetworksIsSignedAndNotJudged) {
  milter_.options.own_networks = {*Prefix::parse("192.0.2.0/24", Prefix::HostBits::kRefuse)};
  milter_.start("    reject any\n");
  MailServer own(milter_);
  own.begin("192.0.2.7", "ylmf-pc");
  EXPECT_EQ(answers(own, kMessage), "pass  a");
  MailServer stranger(milter_);
  stranger.begin("198.51.100.7");
  EXPECT_TRUE(answers(stranger, kMessage).starts_with("y[550 "));
}

TEST_F(MilterSigningTest, WithoutTellingBlanksHeadersAreSignedRelaxed) {
  milter_.start();
  MailServer server(milter_);
  server.send(negotiation(6, kAllActions, kAllProtocol & ~0x100000u) +
              connection("client.example", '4', 4711, "198.51.100.7"));
  EXPECT_EQ(server.answer(), "O");
  server.tells_blanks = false;
  EXPECT_EQ(answers(server, kMessage, {"{auth_authen}", "jo"}), "pass  a");
}

}  // namespace
}  // namespace postern::milter::test
