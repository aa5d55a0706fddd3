// SPDX-License-Identifier: BSD-3-Clause
//
// The signer against our verifier, which tests/conformance compares with others: what is signed,
// what is not, and that no cut of the bytes makes a difference.
#include "control/auth/dkim_sign.h"

#include <gtest/gtest.h>

#include <sys/stat.h>

#include <fstream>
#include <random>
#include <sstream>

#include "control/auth/tag_list.h"
#include "tests/control/auth/rfc8463.h"
#include "tests/control/auth/run.h"
#include "tests/rules/support/temporary_directory.h"
#include "tests/support/scripted_resolver.h"

namespace postern::auth {
namespace {

constexpr int64_t kNow = 1'700'000'000;
const std::string kMessage =
    "From: Joe <joe@example.org>\r\nTo: a@example.net\r\nTo: b@example.net\r\nSubject: x\r\n\ty "
    "\r\n"
    "Received: from here\r\n\r\nHello.  \r\n\r\nBye\t.\r\n\r\n\r\n";

class DkimSignTest : public testing::Test {
 protected:
  DkimSignTest() {
    write("ed.pem", kRfc8463Ed25519PrivateKey);
    write("rsa.pem", kRfc8463RsaPrivateKey);
    resolver_.set_text("ed._domainkey.example.org", {kRfc8463Ed25519Key});
    resolver_.set_text("rsa._domainkey.example.org", {kRfc8463RsaKey});
    use("example.org ed ed.pem\n");
  }
  void write(const std::string& name, const std::string& text) {
    const auto path = directory_.path(name);
    std::ofstream(path) << text;
    ::chmod(path.c_str(), 0600);
  }
  void use(const std::string& rules) {
    write("table", rules);
    service_.table =
        std::make_shared<const SigningTable>(SigningTable::load(directory_.path("table")));
  }
  SigningResult sign(std::string_view message, size_t chunk = 0) {
    DkimSigner signer(service_);
    while (!message.empty()) {
      const auto piece = message.substr(0, chunk == 0 ? message.size() : chunk);
      signer.update(piece);
      message.remove_prefix(piece.size());
    }
    return signer.finish(kNow);
  }
  // The results of the signatures that are put on top of it.
  std::string verified(const std::string& message) {
    std::string shown;
    for (const auto& one :
         authenticate(sign(message).fields + message, resolver_, at_time(kNow)).dkim)
      shown += (shown.empty() ? "" : ",") + std::string(word(one.result)) + ':' + one.selector +
               (one.reason.empty() ? "" : " " + one.reason);
    return shown;
  }
  std::string tag(const std::string& name, const std::string& message = kMessage) {
    const auto made = sign(message).fields;
    const auto list = parse_tag_list(std::string_view(made).substr(made.find(':') + 1));
    EXPECT_EQ(list.error, "");
    const auto* found = list.find(name);
    return found == nullptr ? "none" : without_folding_space(found->value);
  }

  postern::test::TemporaryDirectory directory_;
  dns::ScriptedResolver resolver_;
  SigningService service_;
};

TEST_F(DkimSignTest, IsVerified) {
  EXPECT_EQ(verified(kMessage), "pass:ed");
  use("example.org rsa rsa.pem\n");
  EXPECT_EQ(verified(kMessage), "pass:rsa");
}

TEST_F(DkimSignTest, TheTags) {
  EXPECT_EQ(tag("v"), "1");
  EXPECT_EQ(tag("a"), "ed25519-sha256");
  EXPECT_EQ(tag("c"), "relaxed/relaxed");
  EXPECT_EQ(tag("d"), "example.org");
  EXPECT_EQ(tag("s"), "ed");
  EXPECT_EQ(tag("t"), "1700000000");
  for (const char* name : {"x", "i", "l", "z", "q"}) EXPECT_EQ(tag(name), "none") << name;
  use("example.org rsa rsa.pem x=7d c=simple/relaxed\n");
  EXPECT_EQ(tag("a"), "rsa-sha256");
  EXPECT_EQ(tag("c"), "simple/relaxed");
  EXPECT_EQ(tag("x"), "1700604800");
}

TEST_F(DkimSignTest, WhatIsSigned) {
  // Every field there is, From once more, and neither trace nor what others may change.
  EXPECT_EQ(tag("h"), "from:from:to:to:subject");
  use("example.org ed ed.pem oversign=from:subject:x-thing:cc\n");
  EXPECT_EQ(tag("h"), "from:from:to:to:cc:subject:subject:x-thing");
  use("example.org ed ed.pem oversign=none\n");
  EXPECT_EQ(tag("h"), "from:to:to:subject");
  EXPECT_EQ(tag("h",
                "Return-Path: <x@y>\r\nReceived: x\r\nDKIM-Signature: v=1\r\n"
                "Authentication-Results: x\r\nBcc: x\r\nComments: x\r\nKeywords: x\r\nX-A: x\r\n"
                "Date: x\r\nFROM: a@example.org\r\nmessage-ID : <x>\r\nMIME-Version: 1.0\r\n"
                "List-Unsubscribe: <x>\r\nList-Unsubscribe-Post: x\r\n\r\nx\r\n"),
            "from:date:message-id:mime-version:list-unsubscribe:list-unsubscribe-post");
}

TEST_F(DkimSignTest, AnAddedFromBreaksIt) {
  const std::string made = sign(kMessage).fields;
  EXPECT_EQ(authenticate("From: forged@example.com\r\n" + made + kMessage, resolver_, at_time(kNow))
                .dkim.at(0)
                .reason,
            "signature did not verify");
}

TEST_F(DkimSignTest, SeveralLinesAreSeveralSignatures) {
  use("example.org rsa rsa.pem c=simple/simple\nexample.org ed ed.pem c=relaxed/simple\n");
  const auto made = sign(kMessage);
  EXPECT_EQ(made.key_names,
            (std::vector<std::string>{"rsa._domainkey.example.org", "ed._domainkey.example.org"}));
  EXPECT_EQ(verified(kMessage), "pass:rsa,pass:ed");
}

TEST_F(DkimSignTest, SubdomainsAreSignedForByTheirParent) {
  use("*.example.org ed ed.pem\n");
  const std::string message = "From: a@deep.sub.example.org\r\n\r\nx\r\n";
  EXPECT_EQ(sign(message).author_domain, "deep.sub.example.org");
  const auto result = authenticate(sign(message).fields + message, resolver_, at_time(kNow));
  EXPECT_EQ(result.dkim.at(0).result, Result::kPass);
  EXPECT_EQ(result.dkim.at(0).domain, "example.org");
}

TEST_F(DkimSignTest, InternationalAuthors) {
  use("xn--bcher-kva.example ed ed.pem\n");
  resolver_.set_text("ed._domainkey.xn--bcher-kva.example", {kRfc8463Ed25519Key});
  EXPECT_EQ(verified("From: j\xc3\xb6@b\xc3\xbc"
                     "cher.example\r\nSubject: gr\xc3\xbc\xc3\x9f"
                     "e\r\n\r\n\xc3\xa4\r\n"),
            "pass:ed");
}

TEST_F(DkimSignTest, WhatCannotBeSignedSaysWhy) {
  const auto reason = [this](const std::string& message) {
    const auto made = sign(message);
    EXPECT_TRUE(made.fields.empty() && made.key_names.empty());
    return made.reason;
  };
  EXPECT_EQ(reason("From: a@other.example\r\n\r\nx\r\n"), "no key for other.example");
  const std::string kNoAuthor = "there is not exactly one author with a domain in From";
  EXPECT_EQ(reason(""), kNoAuthor);
  EXPECT_EQ(reason("To: a@example.org\r\n\r\nx\r\n"), kNoAuthor);
  EXPECT_EQ(reason(" X: y\r\nFrom: a@example.org\r\n\r\nx\r\n"),
            "the text begins with what would continue our field");
  EXPECT_EQ(reason("From: a@example.org, b@example.org\r\n\r\nx\r\n"), kNoAuthor);
  EXPECT_EQ(reason("From: a@example.org\r\nFrom: a@example.org\r\n\r\nx\r\n"), kNoAuthor);
  EXPECT_EQ(reason("From: a@[192.0.2.1]\r\n\r\nx\r\n"), kNoAuthor);
  EXPECT_EQ(reason("From: a@example.org\r\nX: " + std::string(kMaxHeaderLength, 'x') + "\r\n\r\nx"),
            "the header is too large");
  std::string many = "From: a@example.org\r\n";
  for (size_t i = 0; i < kMaxSignedFields; i++) many += "To: a\r\n";
  EXPECT_EQ(reason(many + "\r\nx"), "more than 1000 fields to sign");
  EXPECT_EQ(service_.signed_messages, 0U);
  EXPECT_EQ(service_.unsigned_messages, 9U);
}

TEST_F(DkimSignTest, AsManyFieldsAsMayBe) {
  std::string message = "From: a@example.org\r\n";
  for (size_t i = 0; i < kMaxSignedFields - 2; i++) message += "To: a\r\n";
  EXPECT_EQ(verified(message + "\r\nx"), "pass:ed");
  EXPECT_EQ(service_.signed_messages, 1U);
}

TEST_F(DkimSignTest, SignaturesThatAreThereStayGood) {
  const std::string once = sign(kMessage).fields + kMessage;
  EXPECT_EQ(verified(once), "pass:ed,pass:ed");
}

TEST_F(DkimSignTest, GuessedHeadersAreSignedRelaxed) {
  use("example.org ed ed.pem c=simple/simple\n");
  DkimSigner signer(service_);
  signer.header_is_guessed();
  signer.update(kMessage);
  EXPECT_NE(signer.finish(kNow).fields.find("c=relaxed/simple;"), std::string::npos);
}

TEST_F(DkimSignTest, TheBodyIsWantedWhereSomebodySigns) {
  DkimSigner mine(service_);
  EXPECT_TRUE(mine.wants_body());
  mine.update("From: a@example.org\r\n\r\n");
  EXPECT_TRUE(mine.wants_body());
  DkimSigner others(service_);
  others.update("From: a@other.example\r\n\r\n");
  EXPECT_FALSE(others.wants_body());
}

TEST_F(DkimSignTest, AReloadDoesNotChangeWhatIsUnderWay) {
  DkimSigner signer(service_);
  signer.update(kMessage.substr(0, 10));
  use("other.example ed ed.pem\n");
  signer.update(kMessage.substr(10));
  EXPECT_EQ(signer.finish(kNow).key_names, std::vector<std::string>{"ed._domainkey.example.org"});
}

TEST_F(DkimSignTest, LinesStayShort) {
  use("example.org rsa rsa.pem\n");
  std::string message = "From: a@example.org\r\n";
  for (int i = 0; i < 100; i++) message += "To: a\r\n";
  std::istringstream made(sign(message + "\r\nx").fields);
  for (std::string line; std::getline(made, line);) {
    EXPECT_LE(line.size(), 80U) << line;
    EXPECT_TRUE(line.ends_with('\r'));
    EXPECT_TRUE(line.starts_with("DKIM-Signature: ") || line.starts_with('\t')) << line;
  }
}

// Both algorithms are deterministic.
TEST_F(DkimSignTest, AnyCutGivesTheSameSignature) {
  use("example.org rsa rsa.pem c=simple/simple\nexample.org ed ed.pem\n");
  std::mt19937 random(6376);
  const auto pick = [&](size_t count) {
    return std::uniform_int_distribution<size_t>(0, count - 1)(random);
  };
  const std::vector<std::string> pieces = {"\r\n", "\r\n\r\n", " ",    "\t",       "x",
                                           "\r",   "\n",       "text", "\xc3\xa4", "\r\n \r\n"};
  for (int round = 0; round < 60; round++) {
    std::string message = "From: a@example.org\r\nSubject: x\r\n\r\n";
    for (size_t i = pick(40); i > 0; i--) message += pieces[pick(pieces.size())];
    const std::string whole = sign(message).fields;
    ASSERT_FALSE(whole.empty());
    for (const size_t chunk : {1, 2, 3, 7}) EXPECT_EQ(sign(message, chunk).fields, whole);
    for (size_t cut = 0; cut <= message.size(); cut++) {
      DkimSigner signer(service_);
      signer.update(std::string_view(message).substr(0, cut));
      signer.update(std::string_view(message).substr(cut));
      ASSERT_EQ(signer.finish(kNow).fields, whole);
    }
    EXPECT_EQ(verified(message), "pass:rsa,pass:ed");
  }
}

}  // namespace
}  // namespace postern::auth
