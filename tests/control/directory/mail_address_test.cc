// SPDX-License-Identifier: BSD-3-Clause
//
// Which addresses are equal, which are none, and how they are written.
#include "control/directory/mail_address.h"

#include <gtest/gtest.h>

namespace postern::directory {
namespace {

const AddressRules kRules;

std::string form(std::string_view text, const AddressRules& rules = kRules) {
  const auto address = MailAddress::parse(text, rules);
  return address ? address->text() : "-";
}

TEST(MailAddress, DomainsAreEqualAsALabelsInLowerCase) {
  EXPECT_EQ(form("user@Example.ORG"), "user@example.org");
  EXPECT_EQ(form("user@example.org."), "user@example.org");
  EXPECT_EQ(form("user@B\xc3\xbc"
                 "cher.example"),
            "user@xn--bcher-kva.example");
  EXPECT_EQ(form("user@XN--BCHER-KVA.example"), "user@xn--bcher-kva.example");
  EXPECT_EQ(form("user@[192.0.2.1]"), "user@[192.0.2.1]");
  EXPECT_EQ(form("user@[IPv6:2001:DB8::1]"), "user@[ipv6:2001:db8::1]");
}

TEST(MailAddress, TheCaseOfLocalPartsCountsOnlyWhereTheRulesSaySo) {
  EXPECT_EQ(form("User.Name@example.org"), "user.name@example.org");
  EXPECT_EQ(form("User.Name@example.org", {.local_case = true}), "User.Name@example.org");
  EXPECT_EQ(form("J\xc3\x9cRGEN@example.org"), "j\xc3\x9crgen@example.org") << "ASCII alone";
}

TEST(MailAddress, QuotesAreNoPartOfTheName) {
  EXPECT_EQ(form("\"user\"@example.org"), "user@example.org");
  EXPECT_EQ(form("\"u\\s\\er\"@example.org"), "user@example.org");
  EXPECT_EQ(form("\"a b\"@example.org"), "\"a b\"@example.org");
  EXPECT_EQ(form("\"a@b\"@example.org"), "\"a@b\"@example.org");
  EXPECT_EQ(form("\"a\\\"b\\\\\"@example.org"), "\"a\\\"b\\\\\"@example.org");
  EXPECT_EQ(form("a..b.@example.org"), "a..b.@example.org");
}

TEST(MailAddress, WhatIsNone) {
  using namespace std::string_view_literals;
  for (const auto text : {""sv,
                          "user"sv,
                          "@example.org"sv,
                          "user@"sv,
                          "a@b@example.org"sv,
                          "a b@example.org"sv,
                          "\"\"@example.org"sv,
                          "\"open@example.org"sv,
                          "\"a\"b@example.org"sv,
                          "user@-x.example"sv,
                          "user@a..b"sv,
                          "user@[]"sv,
                          "user@[192.0.2.1"sv,
                          "user@[a b]"sv,
                          "a,b@example.org"sv,
                          "us\0er@example.org"sv,
                          "\"us\0er\"@example.org"sv,
                          "user@exa\0mple.org"sv,
                          "\xff@example.org"sv,
                          "us\x7f"
                          "er@example.org"sv,
                          "user@example.org\r\n"sv})
    EXPECT_EQ(form(text), "-") << text;
  EXPECT_EQ(form(std::string(400, 'a') + "@example.org"), "-");
}

TEST(MailAddress, AnExtensionBeginsAtItsCharacter) {
  const auto base = [](std::string_view text, const AddressRules& rules) {
    return std::string(MailAddress::parse(text, rules)->base(rules));
  };
  EXPECT_EQ(base("user+shop@example.org", kRules), "user");
  EXPECT_EQ(base("user+a+b@example.org", kRules), "user");
  EXPECT_EQ(base("user@example.org", kRules), "user");
  EXPECT_EQ(base("+user@example.org", kRules), "+user") << "nobody is left without";
  EXPECT_EQ(base("user-a+b@example.org", {.extensions = "+-"}), "user");
  EXPECT_EQ(base("user+shop@example.org", {.extensions = ""}), "user+shop");
}

}  // namespace
}  // namespace postern::directory
