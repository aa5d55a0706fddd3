// SPDX-License-Identifier: BSD-3-Clause
//
// LdapDirectory against real servers: what is found, in which base and under which name; addresses
// that try to be more of the filter; servers that are missing, silent, killed in the middle, refuse
// us or refer us elsewhere; bounds, cancellation, TLS and listings.
#include "control/directory/ldap_directory.h"

#include <signal.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <memory>
#include <set>
#include <vector>

#include "tests/control/directory/asking.h"
#include "tests/control/directory/ldap_site.h"
#include "tests/control/directory/slapd.h"
#include "tests/control/smtp/certificate.h"

namespace postern::directory {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

class WithSlapd : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    signal(SIGPIPE, SIG_IGN);
    if (!Slapd::is_installed()) return;
    server_ = new Slapd(site());
  }
  static void TearDownTestSuite() {
    delete server_;
    server_ = nullptr;
  }
  void SetUp() override {
    if (server_ == nullptr) GTEST_SKIP() << "slapd is not installed";
  }

  LdapDirectory directory(LdapOptions options) {
    return LdapDirectory(loop_.get_executor(), std::move(options), AddressRules{});
  }
  LdapDirectory directory() { return directory(options_for({server_->socket_uri()})); }

  static Slapd* server_;
  asio::io_context loop_{1};
};
Slapd* WithSlapd::server_ = nullptr;

TEST_F(WithSlapd, KnownUnknownAndAliases) {
  auto ldap = directory();
  EXPECT_EQ(ldap.connected_to(), "");
  const auto ada = ask(loop_, ldap, "ADA@example.ORG");
  EXPECT_EQ(told(ada), "known ada@example.org");
  EXPECT_EQ(ada.source, "ldap " + server_->socket_uri() + " uid=ada,ou=people,dc=example");
  EXPECT_EQ(ldap.connected_to(), server_->socket_uri());
  EXPECT_EQ(told(ask(loop_, ldap, "countess@example.org")), "known ada@example.org");
  EXPECT_EQ(told(ask(loop_, ldap, "ada.king@example.org")), "known ada@example.org");
  EXPECT_EQ(told(ask(loop_, ldap, "grace@example.org")), "known grace@example.org");
  EXPECT_EQ(told(ask(loop_, ldap, "announce@example.org")), "known announce@example.org")
      << "of the second base";
  const auto nobody = ask(loop_, ldap, "nobody@example.org");
  EXPECT_EQ(told(nobody), "unknown");
  EXPECT_EQ(nobody.detail, "no entry matches");
  EXPECT_EQ(told(ask(loop_, ldap, "moved@example.org")), "unknown") << "in none of the bases";
}

TEST_F(WithSlapd, TheAddressWithItsExtensionComesFirst) {
  auto ldap = directory();
  EXPECT_EQ(told(ask(loop_, ldap, "ada+shop@example.org")), "known ada@example.org");
  EXPECT_EQ(told(ask(loop_, ldap, "nobody+shop@example.org")), "unknown");
}

TEST_F(WithSlapd, ByTcpAndByLocalPartAlone) {
  auto options = options_for({server_->uri()});
  options.filter = "(&(objectClass=inetOrgPerson)(uid=%u))";
  auto ldap = directory(options);
  EXPECT_EQ(told(ask(loop_, ldap, "grace@anything.example")), "known grace@example.org");
  options.attributes = {"description"};  // which nobody has
  auto without = directory(options);
  EXPECT_EQ(told(ask(loop_, without, "grace@example.org")), "known grace@example.org");
}

TEST_F(WithSlapd, AliasEntriesAreFollowedWhereTheOptionsSaySo) {
  auto options = options_for({server_->socket_uri()});
  options.dereference = LdapDereference::kAlways;
  auto ldap = directory(options);
  EXPECT_EQ(told(ask(loop_, ldap, "moved@example.org")), "known moved@example.org");
}

TEST_F(WithSlapd, NoAddressIsMoreOfTheFilterThanAValue) {
  using namespace std::string_literals;
  auto ldap = directory();
  for (const auto& address :
       {"*@example.org"s, "a*@example.org"s, "*)(uid=*@example.org"s, "\"*)(uid=*\"@example.org"s,
        "\"*))(|(uid=*\"@example.org"s, "\"x)(objectClass=*\"@example.org"s,
        "\"\\\\2a\"@example.org"s, "\\2a@example.org"s, "\"a\\*b)\"@example.org"s,
        "ada@example.org\0"s, "\0*@example.org"s, "ad\0a@example.org"s,
        "\"(((((((((((((((((((((((((((((((\"@example.org"s}) {
    const auto answer = ask(loop_, ldap, address);
    EXPECT_EQ(told(answer), "unknown") << address << ": " << answer.detail;
  }
  EXPECT_EQ(told(ask(loop_, ldap, "ada@example.org")), "known ada@example.org");
  auto options = options_for({server_->socket_uri()});
  options.filter = "(cn=%u)";
  auto by_name = directory(options);
  EXPECT_EQ(told(ask(loop_, by_name, "*@example.org")), "unknown");
}

TEST_F(WithSlapd, ManyAtOnceOnOneConnection) {
  auto ldap = directory();
  std::vector<Outcome<Answer>> outcomes(300);
  for (size_t i = 0; i < outcomes.size(); i++)
    start(loop_, ldap.look_up(i % 2 ? "ada@example.org" : "nobody@example.org"), outcomes[i]);
  run_until(loop_, [&] {
    return std::all_of(outcomes.begin(), outcomes.end(), [](auto& o) { return o.done(); });
  });
  for (size_t i = 0; i < outcomes.size(); i++)
    EXPECT_EQ(told(*outcomes[i].value), i % 2 ? "known ada@example.org" : "unknown");
}

TEST_F(WithSlapd, WhatTheServerCannotSayIsUnavailable) {
  auto options = options_for({server_->socket_uri()});
  options.bases = {"ou=people,dc=example", "ou=missing,dc=example"};
  auto no_base = directory(options);
  const auto answer = ask(loop_, no_base, "nobody@example.org");
  EXPECT_EQ(told(answer), "unavailable");
  EXPECT_EQ(answer.detail, "ou=missing,dc=example: No such object");
  EXPECT_EQ(told(ask(loop_, no_base, "ada@example.org")), "known ada@example.org");

  options.bases = {"no dn"};
  auto bad_base = directory(options);
  EXPECT_EQ(told(ask(loop_, bad_base, "ada@example.org")), "unavailable");

  options = options_for({server_->socket_uri()});
  options.filter = "(mail=%s)(mail=%s)";  // two filters in a row are none
  auto bad_filter = directory(options);
  EXPECT_EQ(told(ask(loop_, bad_filter, "ada@example.org")), "unavailable");

  options = options_for({server_->socket_uri()});
  options.credentials = {"cn=root,dc=example", "wrong"};
  auto refused = directory(options);
  const auto bind = ask(loop_, refused, "ada@example.org");
  EXPECT_EQ(told(bind), "unavailable");
  EXPECT_NE(bind.detail.find("bind: Invalid credentials"), std::string::npos) << bind.detail;
}

TEST_F(WithSlapd, NoServerIsUnavailableAndIsNotAskedAgainBeforeAPause) {
  auto options = options_for({"ldapi://%2Fnonexistent%2Fldapi", "ldap://127.0.0.1:1"});
  options.first_pause = std::chrono::hours{1};
  auto ldap = directory(options);
  const auto first = ask(loop_, ldap, "ada@example.org");
  EXPECT_EQ(told(first), "unavailable");
  EXPECT_NE(first.detail.find("ldapi://%2Fnonexistent%2Fldapi: No such file"), std::string::npos);
  EXPECT_NE(first.detail.find("ldap://127.0.0.1:1: Connection refused"), std::string::npos);
  // Answered within one turn of the loop: nothing was tried.
  Outcome<Answer> outcome;
  start(loop_, ldap.look_up("ada@example.org"), outcome);
  loop_.restart();
  loop_.poll();
  ASSERT_TRUE(outcome.done());
  EXPECT_EQ(outcome.value->detail, first.detail);
}

TEST_F(WithSlapd, AnotherServerTakesOver) {
  Slapd first(site()), second(site());
  auto ldap = directory(options_for({first.socket_uri(), second.uri()}));
  EXPECT_EQ(told(ask(loop_, ldap, "ada@example.org")), "known ada@example.org");
  EXPECT_EQ(ldap.connected_to(), first.socket_uri());
  // Killed with look-ups in the middle: it stands still, so it cannot have answered them.
  first.pause();
  std::vector<Outcome<Answer>> outcomes(20);
  for (auto& outcome : outcomes) start(loop_, ldap.look_up("countess@example.org"), outcome);
  loop_.restart();
  loop_.poll();
  for (auto& outcome : outcomes) ASSERT_FALSE(outcome.done());
  first.kill();
  run_until(loop_, [&] {
    return std::all_of(outcomes.begin(), outcomes.end(), [](auto& o) { return o.done(); });
  });
  for (auto& outcome : outcomes) {
    EXPECT_EQ(told(*outcome.value), "known ada@example.org");
    EXPECT_TRUE(outcome.value->source.starts_with("ldap " + second.uri()));
  }
  second.kill();
  EXPECT_EQ(told(ask(loop_, ldap, "ada@example.org")), "unavailable");
  EXPECT_EQ(told(ask(loop_, ldap, "nobody@example.org")), "unavailable");
}

TEST_F(WithSlapd, AServerThatComesBackIsFoundAgain) {
  Slapd server(site());
  auto options = options_for({server.socket_uri()});
  options.first_pause = options.last_pause = milliseconds{1};
  auto ldap = directory(options);
  EXPECT_EQ(told(ask(loop_, ldap, "ada@example.org")), "known ada@example.org");
  server.kill();
  EXPECT_EQ(told(ask(loop_, ldap, "ada@example.org")), "unavailable");
  server.start();
  Answer answer;
  for (int attempt = 0; attempt < 3000 && answer.presence != Presence::kKnown; attempt++)
    answer = ask(loop_, ldap, "ada@example.org");
  EXPECT_EQ(told(answer), "known ada@example.org");
}

TEST_F(WithSlapd, AServerThatIsSilentIsUnavailableAndLeft) {
  Slapd server(site());
  auto options = options_for({server.socket_uri()});
  auto patient = directory(options);
  EXPECT_EQ(told(ask(loop_, patient, "ada@example.org")), "known ada@example.org");
  options.look_up_time = milliseconds{50};
  auto ldap = directory(options);
  server.pause();
  const auto answer = ask(loop_, ldap, "ada@example.org");
  EXPECT_EQ(told(answer), "unavailable");
  server.resume();
  EXPECT_EQ(told(ask(loop_, patient, "ada@example.org")), "known ada@example.org");
}

TEST_F(WithSlapd, AServerThatTakesConnectionsAndSaysNothingIsPassedOver) {
  Slapd silent(site());
  silent.pause();  // the kernel goes on to accept for it
  auto options = options_for({silent.uri(), server_->uri()});
  options.look_up_time = milliseconds{100};
  auto ldap = directory(options);
  Answer answer;
  for (int attempt = 0; attempt < 300 && answer.presence != Presence::kKnown; attempt++)
    answer = ask(loop_, ldap, "ada@example.org");
  EXPECT_EQ(told(answer), "known ada@example.org");
  EXPECT_EQ(ldap.connected_to(), server_->uri());
}

TEST_F(WithSlapd, SoManySearchesAndSoManyThatWait) {
  Slapd server(site());
  auto options = options_for({server.socket_uri()});
  options.max_searches = 2;
  options.max_waiting = 3;
  auto ldap = directory(options);
  EXPECT_EQ(told(ask(loop_, ldap, "ada@example.org")), "known ada@example.org");
  server.pause();
  std::vector<Outcome<Answer>> outcomes(9);
  for (auto& outcome : outcomes) start(loop_, ldap.look_up("ada@example.org"), outcome);
  loop_.restart();
  loop_.poll();
  for (size_t i = 0; i < 5; i++) EXPECT_FALSE(outcomes[i].done()) << i;
  for (size_t i = 5; i < 9; i++) {
    ASSERT_TRUE(outcomes[i].done()) << i;
    EXPECT_EQ(told(*outcomes[i].value), "unavailable");
    EXPECT_EQ(outcomes[i].value->detail, "too many look-ups wait");
  }
  server.resume();
  run_until(loop_, [&] {
    return std::all_of(outcomes.begin(), outcomes.end(), [](auto& o) { return o.done(); });
  });
  for (size_t i = 0; i < 5; i++) EXPECT_EQ(told(*outcomes[i].value), "known ada@example.org");
}

TEST_F(WithSlapd, CancelledLookUpsAreForgotten) {
  Slapd server(site());
  auto options = options_for({server.socket_uri()});
  options.max_searches = 1;
  auto ldap = directory(options);
  EXPECT_EQ(told(ask(loop_, ldap, "ada@example.org")), "known ada@example.org");
  server.pause();
  asio::cancellation_signal searching, waiting;
  int cancelled = 0;
  const auto start_one = [&](asio::cancellation_signal& signal) {
    asio::co_spawn(
        loop_, ldap.look_up("ada@example.org"),
        asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr error, const Answer&) {
          cancelled += error != nullptr;
        }));
  };
  start_one(searching);
  start_one(waiting);
  loop_.restart();
  loop_.poll();
  waiting.emit(asio::cancellation_type::terminal);
  searching.emit(asio::cancellation_type::terminal);
  run_until(loop_, [&] { return cancelled == 2; });
  server.resume();
  EXPECT_EQ(told(ask(loop_, ldap, "ada@example.org")), "known ada@example.org");
}

TEST_F(WithSlapd, LookUpsUnderWayOutliveTheDirectory) {
  Slapd server(site());
  auto options = options_for({server.socket_uri()});
  options.max_searches = 1;
  auto ldap = std::make_unique<LdapDirectory>(loop_.get_executor(), options, AddressRules{});
  EXPECT_EQ(told(ask(loop_, *ldap, "ada@example.org")), "known ada@example.org");
  server.pause();
  std::vector<Outcome<Answer>> outcomes(3);
  for (auto& outcome : outcomes) start(loop_, ldap->look_up("ada@example.org"), outcome);
  loop_.restart();
  loop_.poll();
  ldap.reset();
  run_until(loop_, [&] {
    return std::all_of(outcomes.begin(), outcomes.end(), [](auto& o) { return o.done(); });
  });
  for (auto& outcome : outcomes) EXPECT_EQ(told(*outcome.value), "unavailable");
  loop_.restart();
  loop_.run();  // ends: nothing is left behind
}

TEST_F(WithSlapd, WhoMayNotReadIsToldNothingAboutAnybody) {
  const std::string reader =
      "dn: cn=reader,dc=example\nobjectClass: organizationalRole\nobjectClass: "
      "simpleSecurityObject\ncn: reader\nuserPassword: hand shake\n\n";
  Slapd server(site() + reader,
               "access to attrs=userPassword by anonymous auth by * none\n"
               "access to * by dn.exact=\"cn=reader,dc=example\" read by * none\n");
  auto options = options_for({server.socket_uri()});
  auto anonymous = directory(options);
  EXPECT_EQ(told(ask(loop_, anonymous, "ada@example.org")), "unavailable");
  options.credentials = {"cn=reader,dc=example", "hand shake"};
  auto bound = directory(options);
  EXPECT_EQ(told(ask(loop_, bound, "ada@example.org")), "known ada@example.org");
  EXPECT_EQ(told(ask(loop_, bound, "nobody@example.org")), "unknown");
}

TEST_F(WithSlapd, ReferralsAreNotFollowed) {
  Slapd server(site(), "", "referral ldap://ldap.invalid/\n");
  auto options = options_for({server.socket_uri()});
  options.bases = {"dc=elsewhere"};
  auto ldap = directory(options);
  const auto answer = ask(loop_, ldap, "ada@example.org");
  EXPECT_EQ(told(answer), "unavailable");
  EXPECT_NE(answer.detail.find("Referral"), std::string::npos) << answer.detail;

  // An entry that says that all below it is on another server.
  Slapd partly(site() +
               "dn: ou=far,ou=people,dc=example\nobjectClass: referral\nobjectClass: "
               "extensibleObject\nou: far\nref: ldap://ldap.invalid/ou=far,dc=example\n\n");
  auto cut = directory(options_for({partly.socket_uri()}));
  EXPECT_EQ(told(ask(loop_, cut, "ada@example.org")), "known ada@example.org");
  EXPECT_EQ(told(ask(loop_, cut, "nobody@example.org")), "unavailable");
}

TEST_F(WithSlapd, TlsWithTheRightCertificate) {
  const test::TemporaryDirectory files;
  const auto own = test::make_certificate("localhost");
  const auto other = test::make_certificate("localhost");
  const auto misnamed = test::make_certificate("mx.example");
  const auto tls_lines = [&](const test::Certificate& made, const std::string& name) {
    return "TLSCertificateFile " + files.write(name + ".crt", made.certificate) +
           "\nTLSCertificateKeyFile " + files.write(name + ".key", made.key) + "\n";
  };
  Slapd server(site(), "", tls_lines(own, "own"), true);
  const auto ask_by = [&](const std::string& uri, bool start_tls, const std::string& ca) {
    auto options = options_for({uri});
    options.transport = {start_tls, ca};
    auto ldap = directory(options);
    const auto answer = ask(loop_, ldap, "countess@example.org");
    return answer.presence == Presence::kUnavailable ? answer.detail : told(answer);
  };
  const auto own_ca = files.path("own.crt");
  EXPECT_EQ(ask_by(server.uri(), true, own_ca), "known ada@example.org");
  EXPECT_EQ(ask_by(server.tls_uri(), false, own_ca), "known ada@example.org");
  EXPECT_EQ(ask_by(server.tls_uri(), true, own_ca), "known ada@example.org");

  const auto other_ca = files.write("other.crt", other.certificate);
  EXPECT_NE(ask_by(server.uri(), true, other_ca).find("certificate verify failed"),
            std::string::npos)
      << ask_by(server.uri(), true, other_ca);
  EXPECT_NE(ask_by(server.tls_uri(), false, other_ca).find("certificate verify failed"),
            std::string::npos);
  EXPECT_NE(ask_by(server_->uri(), true, own_ca).find("StartTLS is refused"), std::string::npos)
      << ask_by(server_->uri(), true, own_ca);

  Slapd stranger(site(), "", tls_lines(misnamed, "misnamed"), true);
  EXPECT_NE(ask_by(stranger.uri(), true, files.path("misnamed.crt")).find("verify failed"),
            std::string::npos);

  // The server ends in the middle: seen through the tunnel.
  auto options = options_for({server.tls_uri()});
  options.transport.ca_file = own_ca;
  auto ldap = directory(options);
  EXPECT_EQ(told(ask(loop_, ldap, "ada@example.org")), "known ada@example.org");
  server.kill();
  EXPECT_EQ(told(ask(loop_, ldap, "ada@example.org")), "unavailable");
}

TEST_F(WithSlapd, WrongOptionsAreRefused) {
  const auto complaint = [&](const LdapOptions& options) -> std::string {
    try {
      directory(options);
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "";
  };
  auto options = options_for({});
  EXPECT_EQ(complaint(options), "no LDAP server is named");
  for (const char* uri : {"ldap", "http://ldap.example", "ldap:///", "ldap://h/dc=example",
                          "ldap://h/?mail", "ldapi:///"})
    EXPECT_NE(complaint(options_for({uri})), "") << uri;
  options = options_for({"ldap://localhost"});
  options.bases.clear();
  EXPECT_EQ(complaint(options), "no base to search is named");
  options = options_for({"ldap://localhost"});
  options.credentials.dn = "cn=reader";
  EXPECT_EQ(complaint(options), "the password of cn=reader is missing");
  options = options_for({"ldap://localhost"});
  options.filter = "mail=%s";
  EXPECT_EQ(complaint(options), "filter: a filter begins with ( and ends with )");
  options = options_for({"ldaps://localhost"});
  options.transport.ca_file = "/nonexistent.pem";
  EXPECT_NE(complaint(options).find("/nonexistent.pem"), std::string::npos);
}

// Ten thousand entries: a filter that finds them all, and a listing.
class WithManyEntries : public testing::Test {
 protected:
  static constexpr size_t kMany = 10'000;

  static void SetUpTestSuite() {
    signal(SIGPIPE, SIG_IGN);
    if (!Slapd::is_installed()) return;
    std::string ldif = site() + unit("many");
    for (size_t i = 0; i < kMany; i++)
      ldif += person("u" + std::to_string(i), "many",
                     "mail: u" + std::to_string(i) + "@many.example\n");
    server_ = new Slapd(ldif);
  }
  static void TearDownTestSuite() {
    delete server_;
    server_ = nullptr;
  }
  void SetUp() override {
    if (server_ == nullptr) GTEST_SKIP() << "slapd is not installed";
  }
  struct Collector : LdapDirectory::Listener {
    void take(LdapEntry entry) override {
      most_values = std::max(most_values, entry.values.size());
      for (auto& value : entry.values) addresses.insert(std::move(value));
    }
    std::set<std::string> addresses;
    size_t most_values = 0;
  };

  static Slapd* server_;
  asio::io_context loop_{1};
};
Slapd* WithManyEntries::server_ = nullptr;

TEST_F(WithManyEntries, OneIsTakenOfAFilterThatFindsAll) {
  auto options = options_for({server_->socket_uri()});
  options.bases = {"ou=many,dc=example"};
  options.filter = "(|(mail=%s)(objectClass=inetOrgPerson))";
  LdapDirectory ldap(loop_.get_executor(), options, AddressRules{});
  for (int i = 0; i < 20; i++) {
    const auto answer = ask(loop_, ldap, "whoever@example.org");
    EXPECT_EQ(answer.presence, Presence::kKnown) << answer.detail;
    EXPECT_TRUE(answer.primary.ends_with("@many.example")) << answer.primary;
  }
}

TEST_F(WithManyEntries, AListingComesPageByPage) {
  auto options = options_for({server_->socket_uri()});
  options.bases = {"ou=many,dc=example", "ou=people,dc=example"};
  options.page = 137;
  LdapDirectory ldap(loop_.get_executor(), options, AddressRules{});
  Collector collector;
  EXPECT_EQ(finish(loop_, ldap.list("(mail=*)", {"mail", "mailLocalAddress"}, collector)), "");
  EXPECT_EQ(collector.addresses.size(), kMany + 6);
  EXPECT_TRUE(collector.addresses.contains("u9999@many.example"));
  EXPECT_TRUE(collector.addresses.contains("countess@example.org"));
  EXPECT_EQ(collector.most_values, 3u) << "ada's mail and two more";

  options.max_listing = kMany - 1;
  LdapDirectory bounded(loop_.get_executor(), options, AddressRules{});
  Collector some;
  EXPECT_EQ(finish(loop_, bounded.list("(mail=*)", {"mail"}, some)), "more than 9999 entries");
  EXPECT_LT(some.addresses.size(), kMany);
  EXPECT_NE(finish(loop_, ldap.list("(mail", {"mail"}, some)), "");
}

}  // namespace
}  // namespace postern::directory
