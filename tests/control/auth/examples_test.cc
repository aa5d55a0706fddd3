// SPDX-License-Identifier: BSD-3-Clause
//
// The examples that the standards print, octet by octet: RFC 6376 Appendix A with the key of its
// Appendix C, and RFC 8463 Appendix A with both signatures.
#include <gtest/gtest.h>

#include "tests/control/auth/rfc8463.h"
#include "tests/control/auth/run.h"
#include "tests/support/scripted_resolver.h"

namespace postern::auth {
namespace {

const std::string kRfc6376Signature =
    "DKIM-Signature: v=1; a=rsa-sha256; s=brisbane; d=example.com;\r\n"
    "      c=simple/simple; q=dns/txt; i=joe@football.example.com;\r\n"
    "      h=Received : From : To : Subject : Date : Message-ID;\r\n"
    "      bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
    "      b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB\r\n"
    "      4nujc7YopdG5dWLSdNg6xNAZpOPr+kHxt1IrE+NahM6L/LbvaHut\r\n"
    "      KVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV\r\n"
    "      4bmp/YzhwvcubU4=;\r\n";
const std::string kRfc6376Key =
    "v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYt"
    "IxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhi"
    "tdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB";

const std::string kReceived =
    "Received: from client1.football.example.com  [192.0.2.1]\r\n"
    "      by submitserver.example.com with SUBMISSION;\r\n"
    "      Fri, 11 Jul 2003 21:01:54 -0700 (PDT)\r\n";

const std::string kBody =
    "\r\n"
    "Hi.\r\n"
    "\r\n"
    "We lost the game. Are you hungry yet?\r\n"
    "\r\n"
    "Joe.\r\n";

TEST(Examples, Rfc6376AppendixA) {
  dns::ScriptedResolver resolver;
  resolver.set_text("brisbane._domainkey.example.com", {kRfc6376Key});
  const std::string message = kRfc6376Signature + kReceived + kRfc8463Header + kBody;
  for (size_t chunk = 0; chunk <= message.size(); chunk++) {
    const AuthResult result = authenticate(message, resolver, {}, chunk);
    ASSERT_EQ(result.dkim.size(), 1U);
    ASSERT_EQ(result.dkim[0].result, Result::kPass) << result.dkim[0].reason;
  }
  const AuthResult result = authenticate(message, resolver);
  EXPECT_EQ(result.dkim[0].domain, "example.com");
  EXPECT_EQ(result.dkim[0].identity, "joe@football.example.com");
  EXPECT_EQ(result.dkim[0].key_bits, 1024);
  EXPECT_EQ(result.dkim[0].signature_prefix, "AuUoFEfD");
  EXPECT_EQ(result.from_domain, "football.example.com");
}

// With simple canonicalization a second blank is another body.
TEST(Examples, Rfc6376AppendixAWithOneBlankMore) {
  dns::ScriptedResolver resolver;
  resolver.set_text("brisbane._domainkey.example.com", {kRfc6376Key});
  std::string message = kRfc6376Signature + kReceived + kRfc8463Header + kBody;
  message.insert(message.find("Are you"), " ");
  EXPECT_EQ(authenticate(message, resolver).dkim.at(0).reason, "body hash did not verify");
}

TEST(Examples, Rfc8463AppendixA) {
  dns::ScriptedResolver resolver;
  resolver.set_text("brisbane._domainkey.football.example.com", {kRfc8463Ed25519Key});
  resolver.set_text("test._domainkey.football.example.com", {kRfc8463RsaKey});
  std::string message = kRfc8463Signatures + kRfc8463Header + kBody;
  message.insert(message.find("Are you"), " ");  // as printed there; relaxed does not mind
  for (size_t chunk = 0; chunk <= message.size(); chunk++) {
    const AuthResult result = authenticate(message, resolver, {}, chunk);
    ASSERT_EQ(result.dkim.size(), 2U);
    ASSERT_EQ(result.dkim[0].result, Result::kPass) << result.dkim[0].reason;
    ASSERT_EQ(result.dkim[1].result, Result::kPass) << result.dkim[1].reason;
  }
  const AuthResult result = authenticate(message, resolver);
  EXPECT_EQ(result.dkim[0].algorithm, "ed25519-sha256");
  EXPECT_EQ(result.dkim[0].key_bits, 256);
  EXPECT_EQ(result.dkim[1].algorithm, "rsa-sha256");
  EXPECT_EQ(result.dkim[1].key_bits, 1024);
}

}  // namespace
}  // namespace postern::auth
