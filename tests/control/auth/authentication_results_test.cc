// SPDX-License-Identifier: BSD-3-Clause
//
// Authentication-Results: what we write, and whose results others claim theirs to be.
#include "control/auth/authentication_results.h"

#include <gtest/gtest.h>

namespace postern::auth {
namespace {

constexpr const char* kOurs = "mx.example.net";

DkimResult dkim(Result result, const std::string& reason = {}) {
  DkimResult one;
  one.domain = "example.org";
  one.selector = "sel";
  one.algorithm = "rsa-sha256";
  one.result = result;
  one.reason = reason;
  one.signature_prefix = "Ab+/12cd";
  return one;
}

TEST(WriteAuthenticationResults, SaysNoneWhereNothingIsSigned) {
  EXPECT_EQ(write_authentication_results(kOurs, {}),
            "Authentication-Results: mx.example.net;\r\n\tdkim=none\r\n");
}

TEST(WriteAuthenticationResults, NamesTheSignature) {
  AuthResult result;
  result.dkim.push_back(dkim(Result::kPass));
  EXPECT_EQ(write_authentication_results(kOurs, result),
            "Authentication-Results: mx.example.net;\r\n"
            "\tdkim=pass header.d=example.org header.s=sel header.a=rsa-sha256\r\n"
            "\theader.b=\"Ab+/12cd\"\r\n");
}

TEST(WriteAuthenticationResults, QuotesReasons) {
  AuthResult result;
  result.dkim.push_back(dkim(Result::kFail, "a \"quote\", a \\ and \r\n\x01 \xc3\xbc"));
  const std::string field = write_authentication_results(kOurs, result);
  EXPECT_NE(field.find("dkim=fail reason=\"a \\\"quote\\\", a \\\\ and ??? ??\""),
            std::string::npos)
      << field;
}

TEST(WriteAuthenticationResults, CannotBeBrokenOutOf) {
  AuthResult result;
  result.dkim.push_back(dkim(Result::kPermError));
  result.dkim[0].domain = "x; dkim=pass header.d=bank.example";
  result.dkim[0].selector = "\"; spf=pass";
  result.dkim[0].signature_prefix = "(;\r\n\r\nx";
  const std::string field = write_authentication_results(kOurs, result);
  EXPECT_NE(field.find("header.d=\"x; dkim=pass header.d=bank.example\""), std::string::npos)
      << field;
  EXPECT_NE(field.find("header.s=\"\\\"; spf=pass\""), std::string::npos) << field;
  EXPECT_NE(field.find("header.b=\"(;????x\""), std::string::npos) << field;
}

TEST(WriteAuthenticationResults, FoldsLongLines) {
  AuthResult result;
  for (int i = 0; i < 3; i++) {
    result.dkim.push_back(dkim(Result::kTempError,
                               "key unavailable: no answer within 5000 ms, and "
                               "more words until the line is full"));
  }
  const std::string field = write_authentication_results(kOurs, result);
  size_t start = 0;
  while (start < field.size()) {
    const size_t end = field.find("\r\n", start);
    ASSERT_NE(end, std::string::npos);
    EXPECT_LE(end - start, 78U) << field.substr(start, end - start);
    if (start != 0) {
      EXPECT_TRUE(field[start] == '\t' || field[start] == ' ');
    }
    start = end + 2;
  }
  // Unfolded, the reason is what it was.
  std::string unfolded;
  for (size_t i = 0; i < field.size(); i++) {
    if (field.compare(i, 2, "\r\n") == 0) {
      i++;
    } else {
      unfolded += field[i] == '\t' ? ' ' : field[i];
    }
  }
  EXPECT_NE(
      unfolded.find("reason=\"key unavailable: no answer within 5000 ms, and more words until "
                    "the line is full\""),
      std::string::npos)
      << unfolded;
}

TEST(WriteAuthenticationResults, IsBounded) {
  AuthResult result;
  for (int i = 0; i < 2000; i++) result.dkim.push_back(dkim(Result::kPolicy, "not tried"));
  EXPECT_LT(write_authentication_results(kOurs, result).size(), 4000U);
}

TEST(WriteAuthenticationResults, SpeaksOfSpfAndDmarcOnceThereIsSomething) {
  AuthResult result;
  result.spf.push_back({"mailfrom", "example.org", Result::kNone, ""});
  EXPECT_EQ(write_authentication_results(kOurs, result).find("spf"), std::string::npos);
  result.spf[0].result = Result::kPass;
  result.dmarc = {Result::kFail, "reject", "example.com"};
  const std::string field = write_authentication_results(kOurs, result);
  EXPECT_NE(field.find("spf=pass smtp.mailfrom=example.org"), std::string::npos);
  EXPECT_NE(field.find("dmarc=fail header.from=example.com"), std::string::npos);
}

TEST(WriteAuthenticationResults, WritesItsIdInAscii) {
  EXPECT_TRUE(write_authentication_results("b\xc3\xbc"
                                           "cher.example",
                                           {})
                  .starts_with("Authentication-Results: xn--bcher-kva.example;"));
  EXPECT_TRUE(write_authentication_results("our farm", {})
                  .starts_with("Authentication-Results: \"our farm\";"));
}

TEST(WriteAuthenticationResults, IsRecognisedAsOurs) {
  AuthResult result;
  result.dkim.push_back(dkim(Result::kPass));
  for (const char* id : {"mx.example.net", "our farm",
                         "b\xc3\xbc"
                         "cher.example",
                         "a\"b"}) {
    EXPECT_TRUE(claims_our_results(write_authentication_results(id, result), id)) << id;
    EXPECT_FALSE(claims_our_results(write_authentication_results("other.example", result), id));
  }
}

TEST(ClaimsOurResults, WhateverTheShape) {
  for (const std::string_view field : {
           "Authentication-Results: mx.example.net; dkim=pass header.d=bank.example",
           "Authentication-Results:mx.example.net;dkim=pass",
           "authentication-results: mx.example.net; dkim=pass",
           "AUTHENTICATION-RESULTS: MX.Example.NET; dkim=pass",
           "Authentication-Results : mx.example.net; dkim=pass",
           "Authentication-Results\t: mx.example.net; dkim=pass",
           "Authentication-Results:\r\n mx.example.net; dkim=pass",
           "Authentication-Results:\r\n\t\r\n mx.example.net\r\n ; dkim=pass",
           "Authentication-Results: (a comment) mx.example.net; dkim=pass",
           "Authentication-Results: (a (nested \\) ;) comment)\r\n mx.example.net (x); dkim=pass",
           "Authentication-Results: \"mx.example.net\"; dkim=pass",
           "Authentication-Results: \"m\\x.example\\.net\"; dkim=pass",
           "Authentication-Results: \"mx.exam\r\nple.net\"; dkim=pass",
           "Authentication-Results: mx.example.net 1; dkim=pass",
           "Authentication-Results: mx.example.net/1; dkim=pass",
           "Authentication-Results: mx.example.net (c) 1 (c); dkim=pass",
           "Authentication-Results: mx.example.net",
           "Authentication-Results: mx.example.net dkim=pass",
           "Authentication-Results: mx.example.net, dkim=pass",
           "Authentication-Results: mx.example.net.; dkim=pass",
           "Authentication-Results: mx.example.net; none",
           "Authentication-Results: mx.example.net;",
           "Authentication-Results: mx(a comment).example.net; dkim=pass",
           "Authentication-Results: mx .example.net; dkim=pass",
           "Authentication-Results: other.example mx.example.net; dkim=pass",
           "Authentication-Results: \"other\" \"mx.example.net\"; dkim=pass",
           "Authentication-Results: \xef\xbd\x8d\xef\xbd\x98.example.net; dkim=pass",
           "Authentication-Results: mx\xe3\x80\x82"
           "example\xe3\x80\x82net; dkim=pass",
           // Not to be told: nobody's, so better gone.
           "Authentication-Results:",
           "Authentication-Results: ; dkim=pass",
           "Authentication-Results: =?utf-8?q?mx.example.net?=; dkim=pass",
           "Authentication-Results: \"mx.example.net; dkim=pass",
           "Authentication-Results: (mx.example.net; dkim=pass",
           "Authentication-Results: \"\"; dkim=pass",
           "Authentication-Results: @mx.example.net; dkim=pass",
       }) {
    EXPECT_TRUE(claims_our_results(field, kOurs)) << field;
  }
  using namespace std::string_view_literals;
  EXPECT_TRUE(claims_our_results("Authentication-Results\0: mx.example.net; dkim=pass"sv, kOurs));
  EXPECT_TRUE(
      claims_our_results("Authentication\x01-Results\x7f: mx.example.net; x=pass"sv, kOurs));
  EXPECT_TRUE(
      claims_our_results("Authentication-\xc2\xadResults: mx.example.net; x=pass"sv, kOurs));
  EXPECT_TRUE(claims_our_results("Authentication-Results: \0mx.example.net; dkim=pass"sv, kOurs));
  EXPECT_TRUE(claims_our_results("Authentication-Results: mx.example.net\0; dkim=pass"sv, kOurs));
  EXPECT_TRUE(claims_our_results("Authentication-Results: mx\0.example.net; dkim=pass"sv, kOurs));
  EXPECT_TRUE(claims_our_results("Authentication-Results: mx.exam\rple.net; dkim=pass"sv, kOurs));
}

TEST(ClaimsOurResults, ForUnicodeIds) {
  constexpr const char* kUnicode =
      "mx.b\xc3\xbc"
      "cher.example";
  EXPECT_TRUE(
      claims_our_results("Authentication-Results: MX.B\xc3\x9c"
                         "CHER.example; x=pass",
                         kUnicode));
  EXPECT_TRUE(
      claims_our_results("Authentication-Results: mx.xn--bcher-kva.example; x=pass", kUnicode));
  EXPECT_FALSE(claims_our_results("Authentication-Results: mx.bucher.example; x=pass", kUnicode));
  EXPECT_TRUE(claims_our_results("Authentication-Results: \"Our Farm\"; x=pass", "our farm"));
}

TEST(ClaimsOurResults, LeavesWhatIsClearlyNot) {
  for (const std::string_view field : {
           "Authentication-Results: mx.example.net.evil; dkim=pass",
           "Authentication-Results: mx.example.ne; dkim=pass",
           "Authentication-Results: amx.example.net; dkim=pass",
           "Authentication-Results: example.net; dkim=pass",
           "Authentication-Results: other.example; dkim=pass",
           "Authentication-Results: other.example 1; dkim=pass",
           "Authentication-Results: other.example dkim=pass",
           "Authentication-Results: other.example",
           "Authentication-Results: (mx.example.net) other.example; dkim=pass",
           "Authentication-Results: other.example (mx.example.net); dkim=pass",
           "Authentication-Results: other.example; dkim=pass (mx.example.net) header.d=x.example",
           "Authentication-Results: other.example; dkim=pass header.d=mx.example.net",
           "Authentication-Results: \"other.example\"; dkim=pass",
           "Authentication-Results: mx-example.net; dkim=pass",
           "ARC-Authentication-Results: i=1; mx.example.net; dkim=pass",
           "Authentication-Results-Original: mx.example.net; dkim=pass",
           "X-Authentication-Results: mx.example.net; dkim=pass",
           "Subject: Authentication-Results: mx.example.net; dkim=pass",
           "Authentication-Results",
           "",
       }) {
    EXPECT_FALSE(claims_our_results(field, kOurs)) << field;
  }
}

}  // namespace
}  // namespace postern::auth
