// SPDX-License-Identifier: BSD-3-Clause
//
// Settings of the recipient directory.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "tests/control/config/given_options.h"

namespace postern::config::test {
namespace {

using std::chrono::milliseconds;

TEST(ControlOptions, TheRecipientDirectory) {
  const auto none = options(kLeast);
  EXPECT_TRUE(none.directory.file.empty());
  EXPECT_TRUE(none.directory.ldap.uris.empty());
  EXPECT_FALSE(none.directory.backend);
  const auto read = options(with({"--directory-file",
                                  "r",
                                  "--directory-ldap",
                                  "ldap://a.example",
                                  "--directory-ldap",
                                  "ldaps://b.example",
                                  "--directory-ldap-base",
                                  "ou=people,dc=example",
                                  "--directory-ldap-base",
                                  "ou=lists,dc=example",
                                  "--directory-ldap-filter",
                                  "(|(mail=%s)(uid=%u))",
                                  "--directory-ldap-attribute",
                                  "primary",
                                  "--directory-ldap-scope",
                                  "one",
                                  "--directory-ldap-dereference",
                                  "yes",
                                  "--directory-ldap-canary",
                                  "a@example.org",
                                  "--directory-ldap-canary",
                                  "b@example.org",
                                  "--directory-backend",
                                  "yes",
                                  "--directory-ldap-bind",
                                  "cn=reader",
                                  "--directory-ldap-password",
                                  "pw",
                                  "--directory-ldap-starttls",
                                  "yes",
                                  "--directory-ldap-ca",
                                  "ca.pem",
                                  "--directory-ldap-connect-time",
                                  "2s",
                                  "--directory-ldap-time",
                                  "3s",
                                  "--directory-ldap-searches",
                                  "7",
                                  "--directory-known-time",
                                  "2h",
                                  "--directory-unknown-time",
                                  "5s",
                                  "--directory-stale-time",
                                  "3d",
                                  "--directory-cache",
                                  "1234",
                                  "--directory-extensions",
                                  "+-",
                                  "--directory-local-case",
                                  "yes",
                                  "--directory-unavailable",
                                  "defer",
                                  "--harvest-threshold",
                                  "5",
                                  "--harvest-window",
                                  "1h",
                                  "--harvest-known",
                                  "20"}));
  const auto& site = read.directory;
  EXPECT_EQ(site.file, "r");
  EXPECT_EQ(site.ldap.uris, (std::vector<std::string>{"ldap://a.example", "ldaps://b.example"}));
  EXPECT_EQ(site.ldap.bases,
            (std::vector<std::string>{"ou=people,dc=example", "ou=lists,dc=example"}));
  EXPECT_EQ(site.ldap.filter, "(|(mail=%s)(uid=%u))");
  EXPECT_EQ(site.ldap.attributes, std::vector<std::string>{"primary"});
  EXPECT_EQ(site.ldap.scope, directory::LdapScope::kOneLevel);
  EXPECT_EQ(site.ldap.dereference, directory::LdapDereference::kAlways);
  EXPECT_EQ(site.ldap.canaries, (std::vector<std::string>{"a@example.org", "b@example.org"}));
  EXPECT_TRUE(site.backend);
  EXPECT_EQ(site.ldap.credentials.dn, "cn=reader");
  EXPECT_EQ(site.password_file, "pw");
  EXPECT_TRUE(site.ldap.transport.start_tls);
  EXPECT_EQ(site.ldap.transport.ca_file, "ca.pem");
  EXPECT_EQ(site.ldap.connect_time, milliseconds{2000});
  EXPECT_EQ(site.ldap.look_up_time, milliseconds{3000});
  EXPECT_EQ(site.ldap.max_searches, 7u);
  EXPECT_EQ(site.cache.known_time, milliseconds{7'200'000});
  EXPECT_EQ(site.cache.unknown_time, milliseconds{5000});
  EXPECT_EQ(site.cache.stale_time, std::chrono::hours{72});
  EXPECT_EQ(site.cache.capacity, 1234u);
  EXPECT_EQ(site.rules.extensions, "+-");
  EXPECT_TRUE(site.rules.local_case);
  EXPECT_TRUE(site.defer_when_unavailable);
  EXPECT_EQ(read.harvest.threshold, 5u);
  EXPECT_EQ(read.harvest.window, 3600);
  EXPECT_EQ(read.harvest.known_percent, 20u);
}

TEST(ControlOptions, AWrongDirectoryIsTold) {
  const std::vector<std::string> ldap = {"--directory-ldap", "ldap://a", "--directory-ldap-base",
                                         "dc=x"};
  const auto told = [&](std::vector<std::string> more) {
    more.insert(more.begin(), ldap.begin(), ldap.end());
    return complaint(with(more));
  };
  EXPECT_EQ(told({}), "");
  EXPECT_NE(complaint(with({"--directory-ldap", "ldap://a"})).find("both, or neither"),
            std::string::npos);
  EXPECT_NE(told({"--directory-ldap", "http://a"}).find("--directory-ldap: "), std::string::npos);
  EXPECT_NE(told({"--directory-ldap-filter", "mail=%s"}).find("begins with ("), std::string::npos);
  EXPECT_NE(told({"--directory-ldap-scope", "all"}).find("sub, one or base"), std::string::npos);
  EXPECT_NE(told({"--directory-ldap-starttls", "1"}).find("yes or no"), std::string::npos);
  EXPECT_NE(told({"--directory-ldap-bind", "cn=x"}).find("both, or neither"), std::string::npos);
  EXPECT_NE(told({"--directory-ldap-canary", "no address"}).find("an address"), std::string::npos);
  EXPECT_NE(complaint(with({"--directory-ldap-canary", "a@x"})).find("needs directory-ldap"),
            std::string::npos);
  EXPECT_NE(told({"--directory-unavailable", "reject"}).find("pass or defer"), std::string::npos);
  EXPECT_NE(told({"--harvest-known", "100"}).find("from 1 to 99"), std::string::npos);
}

}  // namespace
}  // namespace postern::config::test
