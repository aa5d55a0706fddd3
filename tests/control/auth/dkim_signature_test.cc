// SPDX-License-Identifier: BSD-3-Clause
//
// DKIM-Signature fields: what each tag may hold, and the words for what it may not.
#include "control/auth/dkim_signature.h"

#include <gtest/gtest.h>

#include <map>

namespace postern::auth {
namespace {

constexpr const char* kHash = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

// A sound signature with some tags changed; an empty value takes the tag away.
DkimSignatureReading read(std::map<std::string, std::string> changes = {}) {
  std::vector<std::pair<std::string, std::string>> tags = {
      {"v", "1"},       {"a", "rsa-sha256"}, {"d", "example.org"}, {"s", "sel"},
      {"h", "From:To"}, {"bh", kHash},       {"b", "c2lnbmF0dXJl"}};
  std::string text;
  for (auto& [name, value] : tags) {
    if (const auto change = changes.find(name); change != changes.end()) {
      value = change->second;
      changes.erase(change);
    }
    if (!value.empty()) text += " " + name + "=" + value + ";";
  }
  for (const auto& [name, value] : changes) text += " " + name + "=" + value + ";";
  return read_dkim_signature(text);
}

// "" for a sound signature.
std::string reason(std::map<std::string, std::string> changes) {
  const auto reading = read(std::move(changes));
  EXPECT_EQ(reading.signature.has_value(), reading.report.reason.empty());
  EXPECT_EQ(reading.report.result, reading.signature ? Result::kNone : reading.report.result);
  return reading.report.reason;
}

TEST(DkimSignature, ReadsASoundOne) {
  const std::string text =
      " v=1; a=Ed25519-SHA256; c=relaxed/simple; d=Example.ORG;\r\n"
      "\ti=user@Mail.example.org; s=Sel.2026; q=dns/txt; t=1700000000; x=1700086400;\r\n"
      "\th=From : to:\r\n Subject:from; l=12; z=From:x|To:y; bh= " +
      std::string(kHash) + ";\r\n b=c2ln\r\n bmF0dXJl";
  const auto reading = read_dkim_signature(text);
  ASSERT_TRUE(reading.signature) << reading.report.reason;
  const DkimSignature& signature = *reading.signature;
  EXPECT_EQ(signature.algorithm, Algorithm::kEd25519Sha256);
  EXPECT_EQ(signature.header, Canonicalization::kRelaxed);
  EXPECT_EQ(signature.body, Canonicalization::kSimple);
  EXPECT_EQ(signature.domain, "example.org");
  EXPECT_EQ(signature.selector, "sel.2026");
  EXPECT_EQ(signature.identity_domain, "mail.example.org");
  EXPECT_EQ(signature.key_name(), "sel.2026._domainkey.example.org");
  EXPECT_EQ(signature.signed_fields, (std::vector<std::string>{"from", "to", "subject", "from"}));
  EXPECT_EQ(signature.signed_at, 1700000000);
  EXPECT_EQ(signature.expires_at, 1700086400);
  EXPECT_EQ(signature.body_length, 12U);
  EXPECT_EQ(signature.signature, "signature");
  EXPECT_EQ(signature.body_hash.size(), 32U);
  EXPECT_EQ(
      text.substr(signature.signature_begin, signature.signature_end - signature.signature_begin),
      "c2ln\r\n bmF0dXJl");
  EXPECT_EQ(reading.report.domain, "example.org");
  EXPECT_EQ(reading.report.selector, "sel.2026");
  EXPECT_EQ(reading.report.identity, "user@Mail.example.org");
  EXPECT_EQ(reading.report.algorithm, "ed25519-sha256");
  EXPECT_EQ(reading.report.signature_prefix, "c2lnbmF0");
}

TEST(DkimSignature, HasDefaults) {
  const auto reading = read();
  ASSERT_TRUE(reading.signature) << reading.report.reason;
  EXPECT_EQ(reading.signature->header, Canonicalization::kSimple);
  EXPECT_EQ(reading.signature->body, Canonicalization::kSimple);
  EXPECT_EQ(reading.signature->identity_domain, "example.org");
  EXPECT_EQ(reading.signature->body_length, std::nullopt);
  EXPECT_EQ(reading.report.identity, "@example.org");
  EXPECT_EQ(read({{"c", "relaxed"}}).signature->body, Canonicalization::kSimple);
  EXPECT_EQ(read({{"c", "Relaxed / RELAXED"}}).signature.has_value(), false);
  EXPECT_EQ(read({{"c", "RELAXED/Relaxed"}}).signature->body, Canonicalization::kRelaxed);
}

TEST(DkimSignature, WantsItsRequiredTags) {
  for (const char* name : {"v", "a", "b", "bh", "d", "h", "s"}) {
    EXPECT_EQ(reason({{name, ""}}), std::string("signature missing required tag ") + name + "=");
  }
}

TEST(DkimSignature, RefusesVersionsAndAlgorithms) {
  EXPECT_EQ(reason({{"v", "2"}}), "incompatible version: v= is not 1");
  EXPECT_EQ(reason({{"v", "1.0"}}), "incompatible version: v= is not 1");
  EXPECT_EQ(reason({{"a", "rsa-md5"}}), "unsupported algorithm: a=rsa-md5");
  EXPECT_EQ(read({{"a", "rsa-md5"}}).report.result, Result::kPermError);
  EXPECT_EQ(reason({{"a", "rsa-sha1"}}), "rsa-sha1 is not accepted (RFC 8301)");
  EXPECT_EQ(read({{"a", "RSA-SHA1"}}).report.result, Result::kPolicy);
  EXPECT_EQ(reason({{"c", "nowsp"}}), "unsupported canonicalization: c=nowsp");
  EXPECT_EQ(reason({{"c", "simple/nowsp"}}), "unsupported canonicalization: c=simple/nowsp");
  EXPECT_EQ(reason({{"q", "http"}}), "unsupported query method in q=");
  EXPECT_EQ(reason({{"q", "http:dns/txt"}}), "");
}

TEST(DkimSignature, HoldsTheIdentityWithinTheDomain) {
  EXPECT_EQ(reason({{"i", "@example.org"}}), "");
  EXPECT_EQ(reason({{"i", "a@b.EXAMPLE.org"}}), "");
  EXPECT_EQ(reason({{"i", "=20a=40b@example.org"}}), "");
  EXPECT_EQ(reason({{"i", "@org"}}), "domain mismatch: i= is not within d=");
  EXPECT_EQ(reason({{"i", "@anexample.org"}}), "domain mismatch: i= is not within d=");
  EXPECT_EQ(reason({{"i", "@example.org.evil"}}), "domain mismatch: i= is not within d=");
  EXPECT_EQ(reason({{"i", "example.org"}}), "signature syntax error: i= is not an identity");
  EXPECT_EQ(reason({{"i", "a@"}}), "signature syntax error: i= is not an identity");
}

TEST(DkimSignature, WantsARealDomainAndSelector) {
  for (const char* domain : {"org", "exam ple.org", "example..org", "[192.0.2.1]", "-a.org",
                             "example.org.", "a@example.org"}) {
    EXPECT_EQ(reason({{"d", domain}}), "signature syntax error: d= is not a domain") << domain;
  }
  EXPECT_EQ(reason({{"s", "a b"}}), "signature syntax error: s= is not a selector");
  EXPECT_EQ(reason({{"s", "s_1"}}), "");
  const std::string label(63, 'a');
  EXPECT_EQ(reason({{"s", label + "." + label + "." + label}, {"d", label + ".org"}}),
            "signature syntax error: d= and s= are too long for a name");
}

TEST(DkimSignature, TakesInternationalDomains) {
  const auto reading = read({{"d",
                              "b\xc3\xbc"
                              "cher.example"},
                             {"i",
                              "j\xc3\xb6@b\xc3\xbc"
                              "cher.example"}});
  ASSERT_TRUE(reading.signature) << reading.report.reason;
  EXPECT_EQ(reading.signature->domain, "xn--bcher-kva.example");
}

TEST(DkimSignature, WantsFromSigned) {
  EXPECT_EQ(reason({{"h", "To:Subject"}}), "From field not signed");
  EXPECT_EQ(reason({{"h", "To:fRoM"}}), "");
  EXPECT_EQ(reason({{"h", "From:"}}), "signature syntax error: h= is not a list of field names");
  EXPECT_EQ(reason({{"h", "From:a b"}}), "signature syntax error: h= is not a list of field names");
  std::string names = "From";
  for (size_t i = 0; i < kMaxSignedFields; i++) names += ":x";
  EXPECT_EQ(reason({{"h", names}}), "h= names more than 1000 fields");
}

TEST(DkimSignature, ReadsNumbers) {
  EXPECT_EQ(reason({{"t", "soon"}}), "signature syntax error: t= is not a number");
  EXPECT_EQ(reason({{"t", "-1"}}), "signature syntax error: t= is not a number");
  EXPECT_EQ(reason({{"t", ""}}), "signature syntax error: t= is not a number");
  EXPECT_EQ(reason({{"l", "1 2"}}), "signature syntax error: l= is not a number");
  EXPECT_EQ(reason({{"l", std::string(77, '9')}}), "signature syntax error: l= is not a number");
  EXPECT_EQ(read({{"l", std::string(76, '9')}}).signature->body_length,
            static_cast<uint64_t>(INT64_MAX));
  EXPECT_EQ(reason({{"t", "100"}, {"x", "100"}}),
            "signature syntax error: x= is not later than t=");
  EXPECT_EQ(reason({{"t", "100"}, {"x", "101"}}), "");
}

TEST(DkimSignature, WantsBase64) {
  EXPECT_EQ(reason({{"b", "!!"}}), "signature syntax error: b= is not base64");
  EXPECT_EQ(reason({{"bh", "c2hvcnQ="}}),
            "signature syntax error: bh= is not a SHA-256 hash in base64");
}

TEST(DkimSignature, ReportsWhatItCouldReadOfABrokenOne) {
  const auto reading =
      read_dkim_signature("a=rsa-sha256; d=Example.org; s=sel; b=AAAABBBBCCCC; d=x");
  EXPECT_FALSE(reading.signature);
  EXPECT_EQ(reading.report.result, Result::kPermError);
  EXPECT_EQ(reading.report.reason, "signature syntax error: tag d stands twice");
  EXPECT_EQ(reading.report.domain, "example.org");
  EXPECT_EQ(reading.report.selector, "sel");
  EXPECT_EQ(reading.report.signature_prefix, "AAAABBBB");
  EXPECT_EQ(read_dkim_signature("").report.reason, "signature missing required tag v=");
}

}  // namespace
}  // namespace postern::auth
