// SPDX-License-Identifier: BSD-3-Clause
//
// The reader of key tables: what a line means, and what is told of lines that are wrong.
#include "control/auth/signing_rule.h"

#include <gtest/gtest.h>

#include "rules/text/diagnostic.h"

namespace postern::auth {
namespace {

// "line:column: message" of each complaint.
std::vector<std::string> complaints(const std::string& text) {
  std::vector<std::string> shown;
  try {
    parse_signing_rules(text, "keys");
  } catch (const BadInput& error) {
    for (const auto& one : error.diagnostics())
      shown.push_back(std::to_string(one.line) + ':' + std::to_string(one.column) + ": " +
                      one.message);
  }
  return shown;
}
std::string complaint(const std::string& text) {
  const auto all = complaints(text);
  return all.size() == 1 ? all[0] : std::to_string(all.size()) + " complaints";
}

TEST(SigningRule, ALineIsADomainASelectorAndAKey) {
  const auto rules = parse_signing_rules(
      "# comment\n\nExample.ORG\ts2026  keys/a.pem\r\n  *.example.org s2026 /k/a.pem  \n", "keys");
  ASSERT_EQ(rules.size(), 2U);
  EXPECT_EQ(rules[0].domain, "example.org");
  EXPECT_FALSE(rules[0].for_subdomains);
  EXPECT_EQ(rules[0].selector, "s2026");
  EXPECT_EQ(rules[0].key_file, "keys/a.pem");
  EXPECT_EQ(rules[0].line, 3U);
  EXPECT_EQ(rules[0].key_column, 20U);
  EXPECT_EQ(rules[0].header, Canonicalization::kRelaxed);
  EXPECT_EQ(rules[0].body, Canonicalization::kRelaxed);
  EXPECT_EQ(rules[0].lifetime, std::nullopt);
  EXPECT_EQ(rules[0].oversigned, std::vector<std::string>{"from"});
  EXPECT_EQ(rules[1].domain, "example.org");
  EXPECT_TRUE(rules[1].for_subdomains);
  EXPECT_EQ(rules[1].key_file, "/k/a.pem");
}

TEST(SigningRule, DomainsAndSelectorsAreALabels) {
  const auto rules = parse_signing_rules(
      "b\xc3\xbc"
      "cher.example s\xc3\xbc k.pem",
      "keys");
  EXPECT_EQ(rules.at(0).domain, "xn--bcher-kva.example");
  EXPECT_EQ(rules.at(0).selector, "xn--s-eha");
}

TEST(SigningRule, SettingsOfALine) {
  const auto one = [](const std::string& settings) {
    return parse_signing_rules("example.org s k.pem " + settings, "keys").at(0);
  };
  EXPECT_EQ(one("c=simple/relaxed").header, Canonicalization::kSimple);
  EXPECT_EQ(one("c=simple/relaxed").body, Canonicalization::kRelaxed);
  EXPECT_EQ(one("x=7d").lifetime, 7 * 86400);
  EXPECT_EQ(one("x=36h c=simple/simple").lifetime, 36 * 3600);
  EXPECT_EQ(one("x=60s").lifetime, 60);
  EXPECT_EQ(one("x=90m").lifetime, 5400);
  EXPECT_EQ(one("oversign=From:Subject:X-Thing").oversigned,
            (std::vector<std::string>{"from", "subject", "x-thing"}));
  EXPECT_TRUE(one("oversign=none").oversigned.empty());
}

TEST(SigningRule, AWrongLineIsToldWithItsPlace) {
  EXPECT_EQ(complaint("example.org s"), "1:1: a line has a domain, a selector and a key file");
  EXPECT_EQ(complaint("example s k"), "1:1: \"example\" is no domain");
  EXPECT_EQ(complaint("*.org s k"), "1:1: \"*.org\" is no domain");
  EXPECT_EQ(complaint("*example.org s k"), "1:1: \"*example.org\" is no domain");
  EXPECT_EQ(complaint("\n example.org. s k"), "2:2: \"example.org.\" is no domain");
  EXPECT_EQ(complaint("example.org s_;= k"), "1:13: \"s_;=\" is no selector");
  EXPECT_EQ(complaint("example.org s k\x01k"), "1:15: \"k?k\" is no file name");
  EXPECT_EQ(complaint("example.org s k c=relaxed"),
            "1:17: c= is relaxed or simple of the header, a slash, and the same of the body");
  EXPECT_EQ(complaint("example.org s k c=strict/relaxed"),
            "1:17: c= is relaxed or simple of the header, a slash, and the same of the body");
  for (const char* bad : {"x=", "x=7", "x=59s", "x=d", "x=-7d", "x=1.5d", "x=99999999999999999999d",
                          "x=9223372036854775807d", "x=7w"})
    EXPECT_EQ(complaint(std::string("example.org s k ") + bad),
              "1:17: x= is a time such as 36h or 14d, of a minute at least")
        << bad;
  for (const char* bad : {"oversign=", "oversign=a::b", "oversign=a;b", "oversign=from:From"})
    EXPECT_EQ(complaint(std::string("example.org s k ") + bad),
              "1:17: oversign= is field names with colons between, or none")
        << bad;
  EXPECT_EQ(complaint("example.org s k x=7d x=8d"), "1:22: \"x\" is said twice");
  EXPECT_EQ(complaint("example.org s k i=@example.org"),
            "1:17: \"i=@example.org\" is no setting: c=, x= or oversign=");
}

TEST(SigningRule, AllWrongLinesAreTold) {
  EXPECT_EQ(complaints("bad s k\nexample.org s k\nalso s k\n").size(), 2U);
  std::string many;
  for (int i = 0; i < 1000; i++) many += "bad s k\n";
  EXPECT_EQ(complaints(many).size(), 20U);
}

TEST(SigningRule, ADomainHasASelectorOnceAndFewSignatures) {
  EXPECT_EQ(complaint("example.org s k\nEXAMPLE.org S other\n"),
            "2:1: this domain has this selector already");
  EXPECT_TRUE(complaints("example.org s k\n*.example.org s k\n").empty());
  std::string many;
  for (size_t i = 0; i < kMaxSignaturesPerMessage; i++)
    many += "example.org s" + std::to_string(i) + " k\n";
  EXPECT_TRUE(complaints(many).empty());
  EXPECT_EQ(complaint(many + "example.org more k\n"), "5:1: more than 4 signatures for one domain");
}

TEST(SigningRule, NamesThatAreTooLongForTheDnsAreRefused) {
  const std::string label(63, 'a');
  const std::string domain = label + '.' + label + '.' + label + ".example";
  EXPECT_EQ(complaint(domain + " " + label + " k"),
            "1:201: selector and domain are too long for a name");
}

}  // namespace
}  // namespace postern::auth
