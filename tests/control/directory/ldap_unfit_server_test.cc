// SPDX-License-Identifier: BSD-3-Clause
//
// LDAP servers that take connections and are of no use: such that answer and do not show us the
// recipients, are silent, or are busy. Nobody is unknown by their word, others are asked in their
// place, and they are left alone for a while.
#include <signal.h>

#include <array>
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "control/directory/ldap_directory.h"
#include "tests/control/directory/asking.h"
#include "tests/control/directory/ldap_site.h"
#include "tests/control/directory/slapd.h"

namespace postern::directory {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

// Those below ou=people are there, and may not be seen; ou=people itself may.
constexpr const char* kHidden =
    "access to dn.onelevel=\"ou=people,dc=example\" by * none\naccess to * by * read\n";

class UnfitServer : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    signal(SIGPIPE, SIG_IGN);
    if (!Slapd::is_installed()) return;
    fit_ = new Slapd(site());
    hidden_ = new Slapd(site(), kHidden);
  }
  static void TearDownTestSuite() {
    delete std::exchange(fit_, nullptr);
    delete std::exchange(hidden_, nullptr);
  }
  void SetUp() override {
    if (fit_ == nullptr) GTEST_SKIP() << "slapd is not installed";
  }
  LdapDirectory directory(LdapOptions options) {
    options.first_pause = std::chrono::hours{1};
    options.last_pause = std::chrono::hours{2};
    return LdapDirectory(loop_.get_executor(), std::move(options), AddressRules{});
  }
  // Answered within one turn of the loop: no server was asked.
  std::optional<Answer> ask_at_once(LdapDirectory& ldap, const std::string& address) {
    Outcome<Answer> outcome;
    start(loop_, ldap.look_up(address), outcome);
    loop_.restart();
    loop_.poll();
    if (outcome.done()) return outcome.value;
    run_until(loop_, [&] { return outcome.done(); });
    return std::nullopt;
  }

  static Slapd* fit_;
  static Slapd* hidden_;
  asio::io_context loop_{1};
};
Slapd* UnfitServer::fit_ = nullptr;
Slapd* UnfitServer::hidden_ = nullptr;

TEST_F(UnfitServer, WhoIsNotShownAnybodyRefusesNobody) {
  Slapd empty(organisation() + unit("people") + unit("lists"));
  for (const Slapd* server : {static_cast<const Slapd*>(hidden_), &std::as_const(empty)}) {
    auto ldap = directory(options_for({server->socket_uri()}));
    const auto answer = ask(loop_, ldap, "ada@example.org");
    EXPECT_EQ(told(answer), "unavailable");
    EXPECT_EQ(answer.detail, server->socket_uri() + ": it shows us nobody in ou=people,dc=example");
    EXPECT_EQ(answer.contact, Contact::kFailed);
    EXPECT_TRUE(ask_at_once(ldap, "nobody@example.org")) << "it is left alone";
  }
  auto ldap = directory(options_for({hidden_->socket_uri()}));
  EXPECT_EQ(told(ask(loop_, ldap, "announce@example.org")), "known announce@example.org")
      << "who is shown is known";
}

TEST_F(UnfitServer, OneThatShowsThemIsAskedInItsPlace) {
  auto ldap = directory(options_for({hidden_->socket_uri(), fit_->socket_uri()}));
  EXPECT_EQ(told(ask(loop_, ldap, "ada@example.org")), "known ada@example.org");
  EXPECT_EQ(ldap.connected_to(), fit_->socket_uri());
  EXPECT_EQ(told(ask(loop_, ldap, "nobody@example.org")), "unknown");
}

TEST_F(UnfitServer, EveryCanaryMustBeShown) {
  const auto with = [&](const Slapd& server, std::vector<std::string> canaries) {
    auto options = options_for({server.socket_uri()});
    options.canaries = std::move(canaries);
    auto ldap = directory(options);
    return ask(loop_, ldap, "nobody@example.org");
  };
  EXPECT_EQ(told(with(*fit_, {"ada@example.org", "announce@example.org"})), "unknown");
  EXPECT_EQ(told(with(*hidden_, {"announce@example.org"})), "unknown")
      << "it is the site's to say what must be seen";
  const auto answer = with(*hidden_, {"announce@example.org", "Ada@example.org"});
  EXPECT_EQ(told(answer), "unavailable");
  EXPECT_EQ(answer.detail, hidden_->socket_uri() + ": it does not show us ada@example.org");
  EXPECT_THROW(with(*fit_, {"no address"}), std::runtime_error);
}

TEST_F(UnfitServer, OneThatLosesItsEntriesIsNotedWithTheFirstQuestion) {
  Slapd server(site());
  auto options = options_for({server.socket_uri()});
  options.filter = "(mail=%s)";
  auto ldap = directory(options);
  EXPECT_EQ(told(ask(loop_, ldap, "nobody@example.org")), "unknown");
  server.remove("uid=ada,ou=people,dc=example", "uid=grace,ou=people,dc=example",
                "uid=star,ou=people,dc=example");
  EXPECT_EQ(told(ask(loop_, ldap, "nobody@example.org")), "unavailable");
}

TEST_F(UnfitServer, ASilentOneIsLeftAloneAlsoWhereItIsTheOnlyOne) {
  Slapd silent(site());
  silent.pause();  // the kernel goes on to accept for it
  auto options = options_for({silent.uri()});
  options.look_up_time = milliseconds{50};
  auto ldap = directory(options);
  const auto first = ask(loop_, ldap, "ada@example.org");
  EXPECT_EQ(told(first), "unavailable");
  const auto second = ask_at_once(ldap, "ada@example.org");
  ASSERT_TRUE(second) << "it was asked again";
  EXPECT_EQ(told(*second), "unavailable");
  EXPECT_NE(second->detail.find("no answer within"), std::string::npos) << second->detail;
}

// Says to every search that it is busy, or unavailable (RFC 4511 appendix A: 51, 52).
class BusyServer {
 public:
  explicit BusyServer(char code) : listening_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* general = reinterpret_cast<sockaddr*>(&address);
    if (bind(listening_, general, length) != 0 || listen(listening_, 8) != 0 ||
        getsockname(listening_, general, &length) != 0)
      throw std::runtime_error("cannot listen");
    uri_ = "ldap://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    thread_ = std::thread([this, code] {
      for (int peer; (peer = accept(listening_, nullptr, nullptr)) >= 0; close(peer)) {
        std::array<char, 4096> request;
        // LDAPMessage: SEQUENCE, its length in one octet, INTEGER of one octet, SearchRequest.
        while (recv(peer, request.data(), request.size(), 0) > 5 && request[5] == 0x63) {
          searches++;
          const char done[] = {0x30, 0x0c, 0x02, 0x01, request[4], 0x65, 0x07,
                               0x0a, 0x01, code, 0x04, 0x00,       0x04, 0x00};
          if (send(peer, done, sizeof done, MSG_NOSIGNAL) < 0) break;
        }
      }
    });
  }
  ~BusyServer() {
    shutdown(listening_, SHUT_RDWR);
    thread_.join();
    close(listening_);
  }
  const std::string& uri() const { return uri_; }
  std::atomic<int> searches{0};

 private:
  int listening_;
  std::string uri_;
  std::thread thread_;
};

TEST_F(UnfitServer, ABusyOneHandsOver) {
  for (const char code : {char{51}, char{52}}) {
    BusyServer busy(code);
    {
      auto ldap = directory(options_for({busy.uri(), fit_->socket_uri()}));
      EXPECT_EQ(told(ask(loop_, ldap, "ada@example.org")), "known ada@example.org");
      EXPECT_EQ(told(ask(loop_, ldap, "nobody@example.org")), "unknown");
      EXPECT_EQ(busy.searches, 1);
      auto alone = directory(options_for({busy.uri()}));
      EXPECT_EQ(told(ask(loop_, alone, "nobody@example.org")), "unavailable");
      EXPECT_TRUE(ask_at_once(alone, "nobody@example.org")) << "it is left alone";
    }
    loop_.restart();
    loop_.run();  // until the connections have ended
  }
}

}  // namespace
}  // namespace postern::directory
