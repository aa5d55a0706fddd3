// SPDX-License-Identifier: BSD-3-Clause
//
// Whole messages through the Authenticator: every way a signature can pass or not, in the words of
// RFC 8601, with DNS that a test scripts.
#include "control/auth/authenticate.h"

#include <gtest/gtest.h>

#include "control/auth/header_fields.h"
#include "tests/control/auth/run.h"
#include "tests/control/auth/signer.h"
#include "tests/support/scripted_resolver.h"

namespace postern::auth {
namespace {

constexpr int64_t kNow = 1700000000;
constexpr const char* kKeyName = "sel._domainkey.example.org";
constexpr const char* kTags =
    "v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=sel; "
    "h=From:To:Subject:Date";

const std::string kMessage =
    "From: Alice <alice@example.org>\r\n"
    "To: bob@example.net\r\n"
    "Subject: One\r\n two\r\n"
    "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"
    "\r\n"
    "Hello  Bob, \r\n"
    "\r\n"
    "bye\r\n"
    "\r\n\r\n";

const SigningKey& rsa() {
  static const SigningKey key = SigningKey::rsa(1024);
  return key;
}
const SigningKey& ed25519() {
  static const SigningKey key = SigningKey::ed25519();
  return key;
}
std::string rsa_record() {
  return "v=DKIM1; p=" + rsa().public_part();
}

std::string with_tags(std::string more) {
  return std::string(kTags) + "; " + more;
}

void replace(std::string& text, const std::string& from, const std::string& to) {
  const auto place = text.find(from);
  ASSERT_NE(place, std::string::npos) << from;
  text.replace(place, from.size(), to);
}

class Authentication : public testing::Test {
 protected:
  void SetUp() override { resolver.set_text(kKeyName, {rsa_record()}); }

  DkimResult only(const std::string& message, int64_t now = kNow) {
    last = authenticate(message, resolver, at_time(now));
    EXPECT_EQ(last.dkim.size(), 1U);
    return last.dkim.empty() ? DkimResult{} : last.dkim.front();
  }
  std::string outcome(const std::string& message, int64_t now = kNow) {
    const DkimResult result = only(message, now);
    return std::string(word(result.result)) + (result.reason.empty() ? "" : ": ") + result.reason;
  }

  dns::ScriptedResolver resolver;
  AuthResult last;
};

TEST_F(Authentication, PassesASoundSignature) {
  const DkimResult result = only(sign_message(kMessage, kTags, rsa()));
  EXPECT_EQ(result.result, Result::kPass);
  EXPECT_EQ(result.reason, "");
  EXPECT_EQ(result.domain, "example.org");
  EXPECT_EQ(result.selector, "sel");
  EXPECT_EQ(result.identity, "@example.org");
  EXPECT_EQ(result.algorithm, "rsa-sha256");
  EXPECT_EQ(result.key_bits, 1024);
  EXPECT_TRUE(result.body_hash_ok);
  EXPECT_EQ(result.signature_prefix.size(), 8U);
  EXPECT_EQ(last.from_domain, "example.org");
  EXPECT_FALSE(last.dns_failed);
  EXPECT_EQ(resolver.asked(), std::vector<std::string>{kKeyName});
}

TEST_F(Authentication, PassesEveryCanonicalization) {
  for (const char* header : {"simple", "relaxed"}) {
    for (const char* body : {"simple", "relaxed"}) {
      const std::string tags =
          std::string("v=1; a=rsa-sha256; d=example.org; s=sel; h=From; c=") + header + "/" + body;
      EXPECT_EQ(outcome(sign_message(kMessage, tags, rsa())), "pass") << tags;
    }
  }
}

TEST_F(Authentication, PassesEd25519) {
  resolver.set_text(kKeyName, {"v=DKIM1; k=ed25519; p=" + ed25519().public_part()});
  std::string tags = kTags;
  replace(tags, "rsa-sha256", "ed25519-sha256");
  const DkimResult result = only(sign_message(kMessage, tags, ed25519()));
  EXPECT_EQ(result.result, Result::kPass) << result.reason;
  EXPECT_EQ(result.key_bits, 256);
  std::string broken = sign_message(kMessage, tags, ed25519());
  replace(broken, "From: Alice", "From: Alicf");
  EXPECT_EQ(outcome(broken), "fail: signature did not verify");
}

TEST_F(Authentication, FailsABrokenBodyAndABrokenHeader) {
  std::string message = sign_message(kMessage, kTags, rsa());
  replace(message, "\nbye", "\nbyf");
  EXPECT_EQ(outcome(message), "fail: body hash did not verify");
  EXPECT_FALSE(last.dkim[0].body_hash_ok);
  EXPECT_EQ(last.dkim[0].key_bits, 1024);

  message = sign_message(kMessage, kTags, rsa());
  replace(message, "Subject: One", "Subject: Onf");
  EXPECT_EQ(outcome(message), "fail: signature did not verify");
  EXPECT_TRUE(last.dkim[0].body_hash_ok);
}

TEST_F(Authentication, TakesFieldsFromTheBottomUp) {
  const std::string two = "Subject: upper\r\n" + kMessage;
  // Signed once: the lower one is covered, the upper one is free.
  const std::string tags = "v=1; a=rsa-sha256; d=example.org; s=sel; h=From:Subject";
  std::string message = sign_message(two, tags, rsa());
  replace(message, "Subject: upper", "Subject: forged");
  EXPECT_EQ(outcome(message), "pass");
  message = sign_message(two, tags, rsa());
  replace(message, "Subject: One", "Subject: forged");
  EXPECT_EQ(outcome(message), "fail: signature did not verify");
  // Signed twice: both, in their order from the bottom.
  message = sign_message(two, tags + ":Subject", rsa());
  EXPECT_EQ(outcome(message), "pass");
  replace(message, "Subject: upper", "Subject: forged");
  EXPECT_EQ(outcome(message), "fail: signature did not verify");
}

TEST_F(Authentication, OversigningKeepsFieldsFromBeingAdded) {
  std::string message = sign_message(
      kMessage, "v=1; a=rsa-sha256; d=example.org; s=sel; h=From:From:Reply-To", rsa());
  EXPECT_EQ(outcome(message), "pass");
  EXPECT_EQ(outcome("From: mallory@example.com\r\n" + message), "fail: signature did not verify");
  EXPECT_EQ(outcome("Reply-To: mallory@example.com\r\n" + message),
            "fail: signature did not verify");
  EXPECT_EQ(outcome("X-Other: field\r\n" + message), "pass");
}

TEST_F(Authentication, AddedFromLeavesNoAuthor) {
  const std::string message = sign_message(kMessage, kTags, rsa());
  EXPECT_EQ(outcome("From: mallory@example.com\r\n" + message), "pass");
  EXPECT_EQ(last.from_domain, "");
  EXPECT_EQ(last.dmarc.domain, "");
}

TEST_F(Authentication, MaySignOtherSignaturesButNotItself) {
  const std::string inner = sign_message(kMessage, kTags, rsa());
  const std::string outer =
      sign_message(inner, "v=1; a=rsa-sha256; d=example.org; s=sel; h=From:DKIM-Signature", rsa());
  const AuthResult result = authenticate(outer, resolver, at_time(kNow));
  ASSERT_EQ(result.dkim.size(), 2U);
  EXPECT_EQ(result.dkim[0].result, Result::kPass) << result.dkim[0].reason;
  EXPECT_EQ(result.dkim[1].result, Result::kPass) << result.dkim[1].reason;
  EXPECT_EQ(resolver.asked().size(), 1U) << "one look-up for one key";
}

TEST_F(Authentication, ContentAfterTheSignedLengthIsPolicy) {
  const std::string canonical = "Hello Bob,\r\n\r\nbye\r\n";
  const std::string exact = with_tags("l=" + std::to_string(canonical.size()));
  EXPECT_EQ(outcome(sign_message(kMessage, exact, rsa())), "pass");
  EXPECT_EQ(outcome(sign_message(kMessage, exact, rsa()) + "\r\n\r\n"), "pass");
  EXPECT_EQ(outcome(sign_message(kMessage, exact, rsa()) + "more\r\n"),
            "policy: content after the signed length of the body (l=)");
  EXPECT_TRUE(last.dkim[0].body_hash_ok);
  EXPECT_EQ(outcome(sign_message(kMessage, with_tags("l=0"), rsa())),
            "policy: content after the signed length of the body (l=)");
  std::string broken = sign_message(kMessage, exact, rsa()) + "more\r\n";
  replace(broken, "From: Alice", "From: Alicf");
  EXPECT_EQ(outcome(broken), "fail: signature did not verify");
  EXPECT_EQ(outcome(sign_message(kMessage, with_tags("l=1000"), rsa())),
            "permerror: l= is more than the length of the body");
}

TEST_F(Authentication, SignaturesExpire) {
  const std::string message =
      sign_message(kMessage, with_tags("t=1699990000; x=1700000000"), rsa());
  EXPECT_EQ(outcome(message, 1700000000), "pass");
  EXPECT_EQ(outcome(message, 1700000001), "policy: signature expired");
  EXPECT_TRUE(last.dkim[0].body_hash_ok);
  EXPECT_EQ(resolver.asked().size(), 1U) << "an expired signature is not worth a look-up";
  // Without a time, the clock of the system, which is long past that.
  EXPECT_EQ(outcome(message, 0), "policy: signature expired");
}

TEST_F(Authentication, ClocksMayDiffer) {
  const std::string message = sign_message(kMessage, with_tags("t=1700003600"), rsa());
  EXPECT_EQ(outcome(message, 1700000000), "pass");
  EXPECT_EQ(outcome(message, 1699999999), "policy: signed in the future");
  const std::string never = sign_message(kMessage, with_tags("t=" + std::string(40, '9')), rsa());
  EXPECT_EQ(outcome(never), "policy: signed in the future");
}

TEST_F(Authentication, SaysWhatIsWrongWithTheKey) {
  const std::string message = sign_message(kMessage, kTags, rsa());
  const auto with_record = [&](const std::string& record) {
    resolver.set_text(kKeyName, {record});
    return outcome(message);
  };
  EXPECT_EQ(with_record("v=DKIM1; p="), "permerror: key revoked");
  EXPECT_EQ(with_record("v=DKIM1; k=ed25519; p=" + ed25519().public_part()),
            "permerror: inappropriate key algorithm: k= does not fit a=");
  EXPECT_EQ(with_record("v=DKIM1; h=sha1; p=" + rsa().public_part()),
            "permerror: inappropriate hash algorithm: h= of the key has no sha256");
  EXPECT_EQ(with_record("v=DKIM1; s=other; p=" + rsa().public_part()),
            "permerror: the key is not for mail: s= has no email");
  EXPECT_EQ(with_record("v=DKIM1; p=AAAA"), "permerror: key syntax error: p= is not an RSA key");
  EXPECT_EQ(with_record("v=DKIM1; p=" + SigningKey::rsa(1024).public_part()),
            "fail: signature did not verify");
  EXPECT_EQ(with_record("v=DKIM1; t=y; p=" + rsa().public_part()), "pass");
  EXPECT_TRUE(last.dkim[0].testing);
}

TEST_F(Authentication, WeakAndHugeKeysArePolicy) {
  const SigningKey weak = SigningKey::rsa(768);
  resolver.set_text(kKeyName, {"v=DKIM1; p=" + weak.public_part()});
  EXPECT_EQ(outcome(sign_message(kMessage, kTags, weak)),
            "policy: the key has 768 bits, under 1024 (RFC 8301)");
  EXPECT_EQ(last.dkim[0].key_bits, 768);
  EXPECT_TRUE(last.dkim[0].body_hash_ok);
  resolver.set_text(kKeyName, {"v=DKIM1; p=" + public_part_of_size(4104)});
  EXPECT_EQ(outcome(sign_message(kMessage, kTags, rsa())),
            "policy: not tried: the key has 4104 bits, over 4096");
  resolver.set_text(kKeyName, {"v=DKIM1; p=" + public_part_of_size(4096)});
  EXPECT_EQ(outcome(sign_message(kMessage, kTags, rsa())), "fail: signature did not verify");
}

TEST_F(Authentication, StrictKeysWantTheDomainItself) {
  resolver.set_text(kKeyName, {"v=DKIM1; t=s; p=" + rsa().public_part()});
  EXPECT_EQ(outcome(sign_message(kMessage, with_tags("i=@example.org"), rsa())), "pass");
  EXPECT_EQ(outcome(sign_message(kMessage, with_tags("i=@a.example.org"), rsa())),
            "permerror: inappropriate key: t=s, but i= is below d=");
  resolver.set_text(kKeyName, {rsa_record()});
  EXPECT_EQ(outcome(sign_message(kMessage, with_tags("i=@a.example.org"), rsa())), "pass");
}

TEST_F(Authentication, CyclesThroughSeveralKeys) {
  const std::string message = sign_message(kMessage, kTags, rsa());
  const std::string other = "v=DKIM1; p=" + SigningKey::rsa(1024).public_part();
  resolver.set_text(kKeyName, {"v=spf1 -all", other, rsa_record()});
  EXPECT_EQ(outcome(message), "pass");
  resolver.set_text(kKeyName, {other, "v=DKIM1; p="});
  EXPECT_EQ(outcome(message), "fail: signature did not verify");
  resolver.set_text(kKeyName, {other, other, other, rsa_record()});
  EXPECT_EQ(outcome(message), "fail: signature did not verify");
  resolver.set_text(kKeyName, {"v=spf1 -all", "v=DKIM1; p="});
  EXPECT_EQ(outcome(message), "permerror: key revoked");
}

TEST_F(Authentication, ToldApartWhatDnsSays) {
  const std::string message = sign_message(kMessage, kTags, rsa());
  dns::Answer answer;
  answer.status = dns::Status::kNoData;
  resolver.set(kKeyName, dns::RecordType::kTxt, answer);
  EXPECT_EQ(outcome(message), "permerror: no key for signature");
  answer.status = dns::Status::kNoName;
  resolver.set(kKeyName, dns::RecordType::kTxt, answer);
  EXPECT_EQ(outcome(message), "permerror: no key for signature");
  EXPECT_FALSE(last.dns_failed);
  resolver.fail(kKeyName, dns::RecordType::kTxt, "SERVFAIL");
  EXPECT_EQ(outcome(message), "temperror: key unavailable: SERVFAIL");
  EXPECT_TRUE(last.dns_failed);
}

TEST_F(Authentication, NoAnswerIsMissingWhereTheBodyIsBroken) {
  std::string message = sign_message(kMessage, kTags, rsa());
  replace(message, "\nbye", "\nbyf");
  resolver.fail(kKeyName, dns::RecordType::kTxt, "SERVFAIL");
  EXPECT_EQ(outcome(message), "fail: body hash did not verify");
  EXPECT_FALSE(last.dns_failed);
}

TEST_F(Authentication, LooksNothingUpForSignaturesOfNoUse) {
  for (const char* broken : {"DKIM-Signature: v=1\r\n", "DKIM-Signature:\r\n",
                             "DKIM-Signature: a=rsa-sha1; v=1; d=example.org; s=sel; h=From; "
                             "bh=AAAA; b=AAAA\r\n"}) {
    const DkimResult result = only(broken + kMessage);
    EXPECT_NE(result.result, Result::kPass);
    EXPECT_NE(result.reason, "");
  }
  EXPECT_TRUE(resolver.asked().empty());
}

TEST_F(Authentication, HasNoResultsWithoutSignatures) {
  last = authenticate(kMessage, resolver, at_time(kNow));
  EXPECT_TRUE(last.dkim.empty());
  EXPECT_TRUE(last.spf.empty());
  EXPECT_EQ(last.dmarc.result, Result::kNone);
  EXPECT_EQ(last.dmarc.domain, "example.org");
  EXPECT_TRUE(resolver.asked().empty());
}

TEST_F(Authentication, TriesTenSignatures) {
  std::string message = kMessage;
  for (int i = 0; i < 13; i++) message = sign_message(message, kTags, rsa());
  last = authenticate(message, resolver, at_time(kNow));
  ASSERT_EQ(last.dkim.size(), 13U);
  for (size_t i = 0; i < last.dkim.size(); i++) {
    EXPECT_EQ(last.dkim[i].result, i < kMaxSignatures ? Result::kPass : Result::kPolicy) << i;
  }
  EXPECT_EQ(last.dkim[12].reason, "not tried: more than 10 signatures");
}

TEST_F(Authentication, VerifiesNothingInAHeaderThatIsTooLarge) {
  const std::string signed_message = sign_message(kMessage, kTags, rsa());
  const auto end = signed_message.find("\r\n\r\n") + 2;
  const std::string message = signed_message.substr(0, end) +
                              "X: " + std::string(kMaxHeaderLength, 'x') + "\r\n" +
                              signed_message.substr(end);
  EXPECT_EQ(outcome(message), "policy: not tried: the header is over 262144 octets or 2000 fields");
  EXPECT_EQ(last.from_domain, "");
  EXPECT_TRUE(resolver.asked().empty());
}

TEST_F(Authentication, VerifiesNothingWhereAHeaderLineIsNoField) {
  const std::string message = sign_message(kMessage, kTags, rsa());
  for (const char* line : {"no colon\r\n", ": no name\r\n", " a fold of nothing\r\n",
                           "From mallory Mon Nov 23 00:00:00 2026\r\n", "a b: c\r\n"}) {
    EXPECT_EQ(outcome(line + message),
              "permerror: the header has a line that is no field (RFC 6376 section 3.8)")
        << line;
    EXPECT_EQ(last.from_domain, "");
  }
}

TEST_F(Authentication, AsksForAllKeysAtOnce) {
  const std::string tags = "v=1; a=rsa-sha256; d=example.org; h=From; s=";
  std::string message = kMessage;
  for (const char* selector : {"one", "two", "three"}) {
    message = sign_message(message, tags + selector, rsa());
    resolver.set_text(std::string(selector) + "._domainkey.example.org", {rsa_record()});
    resolver.stall(std::string(selector) + "._domainkey.example.org");
  }
  Authenticator authenticator;
  authenticator.update(message);
  boost::asio::io_context loop(1);
  const Envelope envelope = at_time(kNow);
  std::optional<AuthResult> result;
  boost::asio::co_spawn(loop, authenticator.finish(envelope, resolver),
                        [&](std::exception_ptr, AuthResult value) { result = std::move(value); });
  loop.poll();
  EXPECT_EQ(resolver.waiting(), 3U);
  EXPECT_FALSE(result);
  resolver.release();
  loop.restart();
  loop.run();
  ASSERT_TRUE(result);
  ASSERT_EQ(result->dkim.size(), 3U);
  for (const auto& dkim : result->dkim) EXPECT_EQ(dkim.result, Result::kPass) << dkim.reason;
}

TEST_F(Authentication, GivesTheSameResultHoweverTheMessageIsCut) {
  std::string message = sign_message(kMessage, kTags, rsa());
  message = sign_message(message, "v=1; a=rsa-sha256; d=example.org; s=sel; h=From:To; l=5", rsa());
  for (size_t chunk = 1; chunk <= message.size(); chunk++) {
    const AuthResult result = authenticate(message, resolver, at_time(kNow), chunk);
    ASSERT_EQ(result.dkim.size(), 2U);
    EXPECT_EQ(result.dkim[0].result, Result::kPolicy) << chunk;
    EXPECT_EQ(result.dkim[1].result, Result::kPass) << chunk;
    EXPECT_EQ(result.from_domain, "example.org");
  }
}

TEST_F(Authentication, MessagesWithoutABody) {
  for (const char* end : {"", "\r\n", "\r\n\r\n"}) {
    const std::string message = "From: a@example.org\r\n\r\n" + std::string(end);
    EXPECT_EQ(outcome(sign_message(message, kTags, rsa())), "pass");
  }
  // The header may even be all there is.
  std::string message = sign_message("From: a@example.org\r\n\r\n", kTags, rsa());
  message.resize(message.size() - 2);
  EXPECT_EQ(outcome(message), "pass");
  EXPECT_TRUE(authenticate("", resolver).dkim.empty());
}

TEST_F(Authentication, RepeatsTheEnvelopeForSpfAsNone) {
  Envelope envelope;
  envelope.helo = "mail.example.org";
  envelope.mail_from = "alice@example.org";
  last = authenticate(kMessage, resolver, envelope);
  ASSERT_EQ(last.spf.size(), 2U);
  EXPECT_EQ(last.spf[0].identity, "helo");
  EXPECT_EQ(last.spf[0].domain, "mail.example.org");
  EXPECT_EQ(last.spf[1].identity, "mailfrom");
  EXPECT_EQ(last.spf[1].domain, "example.org");
  EXPECT_EQ(last.spf[1].result, Result::kNone);
  envelope.mail_from = "";
  EXPECT_EQ(authenticate(kMessage, resolver, envelope).spf.size(), 1U);
}

// No change of one octet lets a message pass that says something else.
TEST_F(Authentication, EverySingleOctetCounts) {
  const std::string tags = "v=1; a=rsa-sha256; c=simple/simple; d=example.org; s=sel; h=From:To";
  const std::string message =
      sign_message("From: a@example.org\r\nTo: b\r\n\r\nbody\r\n", tags, rsa());
  ASSERT_EQ(outcome(message), "pass");
  const auto b = message.find("; b=") + 4;
  const auto b_end = message.find("\r\n", b);
  for (size_t place = 0; place < message.size(); place++) {
    std::string changed = message;
    changed[place] = static_cast<char>(changed[place] ^ 1);
    const AuthResult result = authenticate(changed, resolver, at_time(kNow));
    for (const auto& dkim : result.dkim) {
      // The unused bits at the end of base64 are no part of the signature.
      const bool is_same = place >= b && place < b_end && dkim.result == Result::kPass;
      EXPECT_TRUE(dkim.result != Result::kPass || is_same) << place;
    }
  }
}

}  // namespace
}  // namespace postern::auth
