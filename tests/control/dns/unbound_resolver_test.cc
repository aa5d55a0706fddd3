// SPDX-License-Identifier: BSD-3-Clause
//
// UnboundResolver against a real nsd: what is found and what is not, servers that are down or never
// answer, many queries at once, cancellation, and destruction with queries in flight.
#include "control/dns/unbound_resolver.h"

#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <optional>

#include "control/dns/patient_resolver.h"
#include "control/dns/silent_zones.h"
#include "tests/control/dns/name_server.h"

namespace postern::dns {
namespace {

namespace asio = boost::asio;
using Records = std::vector<std::string>;

constexpr const char* kZone = R"($ORIGIN example.org.
$TTL 300
@ SOA ns hostmaster 1 7200 3600 604800 300
  NS ns
  MX 10 mail
ns A 127.0.0.1
mail A 192.0.2.2
     AAAA 2001:db8::2
alias CNAME text
text TXT "v=DKIM1; " "p=abc"
long TXT ( "0123456789012345678901234567890123456789012345678901234567890123456789"
           "0123456789012345678901234567890123456789012345678901234567890123456789"
           "0123456789012345678901234567890123456789012345678901234567890123456789"
           "0123456789012345678901234567890123456789012345678901234567890123456789" )
empty.inner TXT x
*.many TXT many
)";

constexpr std::chrono::seconds kPatience{60};  // with a server that may be slow, but answers

struct Outcome {
  std::optional<Answer> answer;
  std::exception_ptr error;
};

void start(asio::io_context& loop, Resolver& resolver, std::string name, RecordType type,
           Outcome& outcome) {
  asio::co_spawn(loop, resolver.query(std::move(name), type),
                 [&](std::exception_ptr error, Answer answer) {
                   outcome.error = error;
                   if (!error) outcome.answer = std::move(answer);
                 });
}

Answer ask(asio::io_context& loop, Resolver& resolver, std::string name, RecordType type) {
  Outcome outcome;
  start(loop, resolver, std::move(name), type, outcome);
  loop.restart();
  while (!outcome.answer && !outcome.error && loop.run_one() != 0) {
  }
  if (outcome.error) std::rethrow_exception(outcome.error);
  return outcome.answer.value_or(Answer{});
}

// A socket that takes questions and never answers.
class SilentServer {
 public:
  explicit SilentServer(asio::io_context& loop)
      : socket_(loop, asio::ip::udp::endpoint(asio::ip::address_v4::loopback(), 0)) {}
  std::string address() const {
    return "127.0.0.1@" + std::to_string(socket_.local_endpoint().port());
  }

 private:
  asio::ip::udp::socket socket_;
};

class WithNameServer : public testing::Test {
 protected:
  void SetUp() override {
    if (!NameServer::is_installed()) GTEST_SKIP() << "nsd is not installed";
    server.emplace("example.org", kZone);
  }
  UnboundResolver::Options forwarding() const {
    UnboundResolver::Options options;
    options.forward_to = {server->address()};
    options.deadline = kPatience;
    return options;
  }
  std::optional<NameServer> server;
  asio::io_context loop{1};
};

TEST_F(WithNameServer, FindsEachType) {
  UnboundResolver resolver(loop, forwarding());
  const auto records = [&](const char* name, RecordType type) {
    const Answer answer = ask(loop, resolver, name, type);
    EXPECT_EQ(answer.status, Status::kFound) << name << ": " << answer.detail;
    EXPECT_FALSE(answer.secure);
    return answer.records;
  };
  EXPECT_EQ(records("text.example.org", RecordType::kTxt), Records{"v=DKIM1; p=abc"});
  EXPECT_EQ(records("Text.Example.ORG.", RecordType::kTxt), Records{"v=DKIM1; p=abc"});
  EXPECT_EQ(records("alias.example.org", RecordType::kTxt), Records{"v=DKIM1; p=abc"});
  EXPECT_EQ(records("mail.example.org", RecordType::kA), Records{"192.0.2.2"});
  EXPECT_EQ(records("mail.example.org", RecordType::kAaaa), Records{"2001:db8::2"});
  EXPECT_EQ(records("example.org", RecordType::kMx), Records{"10 mail.example.org"});
  EXPECT_EQ(records("example.org", RecordType::kNs), Records{"ns.example.org"});
  EXPECT_EQ(records("long.example.org", RecordType::kTxt).at(0).size(), 280U);
}

TEST_F(WithNameServer, TellsNoNameFromNoData) {
  UnboundResolver resolver(loop, forwarding());
  EXPECT_EQ(ask(loop, resolver, "absent.example.org", RecordType::kTxt).status, Status::kNoName);
  EXPECT_EQ(ask(loop, resolver, "mail.example.org", RecordType::kTxt).status, Status::kNoData);
  EXPECT_EQ(ask(loop, resolver, "inner.example.org", RecordType::kTxt).status, Status::kNoData);
}

TEST_F(WithNameServer, AnswersFromItsCacheWhenTheServerIsGone) {
  UnboundResolver resolver(loop, forwarding());
  ASSERT_EQ(ask(loop, resolver, "text.example.org", RecordType::kTxt).status, Status::kFound);
  ASSERT_EQ(ask(loop, resolver, "absent.example.org", RecordType::kTxt).status, Status::kNoName);
  server->stop();
  EXPECT_EQ(ask(loop, resolver, "text.example.org", RecordType::kTxt).status, Status::kFound);
  EXPECT_EQ(ask(loop, resolver, "absent.example.org", RecordType::kTxt).status, Status::kNoName);
}

TEST_F(WithNameServer, TellsWhatWasFetchedFromWhatWasKept) {
  UnboundResolver resolver(loop, forwarding());
  const auto origin = [&](std::string name, RecordType type) {
    return ask(loop, resolver, std::move(name), type).origin;
  };
  EXPECT_EQ(origin("text.example.org", RecordType::kTxt), Origin::kReached);
  EXPECT_EQ(origin("text.example.org", RecordType::kTxt), Origin::kKept);
  EXPECT_EQ(origin("alias.example.org", RecordType::kTxt), Origin::kReached);
  EXPECT_EQ(origin("absent.example.org", RecordType::kTxt), Origin::kReached);
  EXPECT_EQ(origin("Absent.Example.Org.", RecordType::kTxt), Origin::kKept);
  EXPECT_EQ(origin("mail.example.org", RecordType::kTxt), Origin::kReached) << "no data";
  EXPECT_EQ(origin("localhost", RecordType::kA), Origin::kKept) << "built in";
  EXPECT_EQ(origin("1.0.0.127.in-addr.arpa", RecordType::kPtr), Origin::kKept);
  // Here the forwarder is asked, but may answer for it by itself.
  EXPECT_EQ(origin("1.0.0.10.in-addr.arpa", RecordType::kPtr), Origin::kKept);
  EXPECT_EQ(origin(std::string(64, 'a') + ".example.org", RecordType::kTxt), Origin::kNotAsked);
  server->stop();
  EXPECT_EQ(origin("text.example.org", RecordType::kTxt), Origin::kKept);
}

TEST_F(WithNameServer, AStubIsTheSitesOwn) {
  UnboundResolver::Options options = forwarding();
  options.stubs.push_back({"Inner.example.org.", server->address()});
  UnboundResolver resolver(loop, options);
  EXPECT_EQ(ask(loop, resolver, "empty.inner.example.org", RecordType::kTxt).origin, Origin::kKept);
  EXPECT_EQ(ask(loop, resolver, "text.example.org", RecordType::kTxt).origin, Origin::kReached);
}

// Names that the cache, the resolver itself or nobody answers for are asked for all the time; when
// the line is dead they are all that is answered.
TEST_F(WithNameServer, ADeadLineEndsNobodysPatience) {
  auto options = forwarding();
  UnboundResolver unbound(loop, options);
  constexpr int64_t kSilence = 1000;
  SilentZones zones({.patience = kSilence});
  PatientResolver resolver(unbound, &zones, std::chrono::steady_clock::now() + kPatience);
  const int64_t now = std::time(nullptr);
  const auto ask_all = [&] {
    for (const char* name :
         {"text.example.org", "absent.example.org", "localhost", "a..b", "1.0.0.127.in-addr.arpa"})
      EXPECT_NE(ask(loop, resolver, name, RecordType::kTxt).status, Status::kFailed) << name;
  };
  ask_all();
  // The line has been dead for two patiences, as far as the table knows.
  SilentZones before({.patience = kSilence});
  before.note_answer("other.example", RecordType::kTxt, now - 2 * kSilence, Origin::kReached);
  before.note_failure("silent.example", RecordType::kTxt, now - 2 * kSilence);
  ASSERT_EQ(zones.read(before.text(), now), 0u);
  server->stop();
  ask_all();
  EXPECT_FALSE(zones.note_failure("silent.example", RecordType::kTxt, now));
  server.emplace("example.org", kZone);
  options.forward_to = {server->address()};
  UnboundResolver later(loop, options);
  PatientResolver again(later, &zones, std::chrono::steady_clock::now() + kPatience);
  EXPECT_EQ(ask(loop, again, "text.example.org", RecordType::kTxt).status, Status::kFound);
  EXPECT_TRUE(zones.note_failure("silent.example", RecordType::kTxt, now))
      << "others are answered again";
}

TEST_F(WithNameServer, FailsWhenTheServerIsDown) {
  UnboundResolver::Options options = forwarding();
  options.deadline = std::chrono::milliseconds(1000);
  server->stop();
  UnboundResolver resolver(loop, options);
  const Answer answer = ask(loop, resolver, "text.example.org", RecordType::kTxt);
  EXPECT_EQ(answer.status, Status::kFailed);
  EXPECT_NE(answer.detail, "");
}

TEST_F(WithNameServer, FailsForAZoneTheServerRefuses) {
  UnboundResolver resolver(loop, forwarding());
  EXPECT_EQ(ask(loop, resolver, "example.net", RecordType::kTxt).status, Status::kFailed);
}

TEST_F(WithNameServer, AsksAStubForItsZone) {
  UnboundResolver::Options options;
  options.stubs.push_back({"example.org", server->address()});
  options.deadline = kPatience;
  UnboundResolver resolver(loop, options);
  EXPECT_EQ(ask(loop, resolver, "text.example.org", RecordType::kTxt).status, Status::kFound);
  EXPECT_EQ(ask(loop, resolver, "absent.example.org", RecordType::kTxt).status, Status::kNoName);
}

TEST_F(WithNameServer, AnswersHundredsOfQueriesAtOnce) {
  UnboundResolver resolver(loop, forwarding());
  constexpr size_t kQueries = 500;
  std::vector<Outcome> outcomes(kQueries);
  for (size_t i = 0; i < kQueries; i++) {
    start(loop, resolver, "n" + std::to_string(i) + ".many.example.org", RecordType::kTxt,
          outcomes[i]);
  }
  const auto is_done = [&] {
    return std::all_of(outcomes.begin(), outcomes.end(),
                       [](const Outcome& outcome) { return outcome.answer || outcome.error; });
  };
  while (!is_done() && loop.run_one() != 0) {
  }
  for (const Outcome& outcome : outcomes) {
    ASSERT_TRUE(outcome.answer);
    EXPECT_EQ(outcome.answer->records, Records{"many"}) << outcome.answer->detail;
  }
}

TEST_F(WithNameServer, SaysThatANameItCannotAskForDoesNotExist) {
  UnboundResolver resolver(loop, forwarding());
  const std::string label(64, 'a');
  EXPECT_EQ(ask(loop, resolver, label + ".example.org", RecordType::kTxt).status, Status::kNoName);
  EXPECT_EQ(ask(loop, resolver, "a..example.org", RecordType::kTxt).status, Status::kNoName);
}

TEST_F(WithNameServer, ValidationFailsWhereNothingIsSigned) {
  UnboundResolver::Options options = forwarding();
  options.validate = true;  // the root cannot be asked for its keys here
  UnboundResolver resolver(loop, options);
  EXPECT_EQ(ask(loop, resolver, "text.example.org", RecordType::kTxt).status, Status::kFailed);
}

TEST(UnboundResolver, GivesUpAtItsDeadline) {
  asio::io_context loop(1);
  SilentServer silent(loop);
  UnboundResolver::Options options;
  options.forward_to = {silent.address()};
  options.deadline = std::chrono::milliseconds(100);
  UnboundResolver resolver(loop, options);
  const Answer answer = ask(loop, resolver, "text.example.org", RecordType::kTxt);
  EXPECT_EQ(answer.status, Status::kFailed);
  EXPECT_EQ(answer.detail, "no answer within 100 ms");
  // The one that gave up does not disturb the next one.
  EXPECT_EQ(ask(loop, resolver, "text.example.org", RecordType::kTxt).status, Status::kFailed);
}

TEST(UnboundResolver, EndsQueriesInFlightWhenItIsDestroyed) {
  asio::io_context loop(1);
  SilentServer silent(loop);
  UnboundResolver::Options options;
  options.forward_to = {silent.address()};
  std::vector<Outcome> outcomes(20);
  {
    UnboundResolver resolver(loop, options);
    for (size_t i = 0; i < outcomes.size(); i++) {
      start(loop, resolver, "n" + std::to_string(i) + ".example.org", RecordType::kTxt,
            outcomes[i]);
    }
    loop.poll();
    for (const Outcome& outcome : outcomes) EXPECT_FALSE(outcome.answer || outcome.error);
  }
  loop.restart();
  loop.run();
  for (const Outcome& outcome : outcomes) {
    EXPECT_FALSE(outcome.answer);
    EXPECT_TRUE(outcome.error);
  }
}

TEST(UnboundResolver, ForgetsQueriesWhoseCoroutineIsDestroyed) {
  auto loop = std::make_unique<asio::io_context>(1);
  auto silent = std::make_unique<SilentServer>(*loop);
  UnboundResolver::Options options;
  options.forward_to = {silent->address()};
  auto resolver = std::make_unique<UnboundResolver>(*loop, options);
  Outcome outcome;
  start(*loop, *resolver, "text.example.org", RecordType::kTxt, outcome);
  loop->poll();
  resolver.reset();
  silent.reset();
  loop.reset();  // the waiting coroutine goes with its loop
  EXPECT_FALSE(outcome.answer || outcome.error);
}

TEST(UnboundResolver, ThrowsWhenItsCoroutineIsCancelled) {
  asio::io_context loop(1);
  SilentServer silent(loop);
  UnboundResolver::Options options;
  options.forward_to = {silent.address()};
  UnboundResolver resolver(loop, options);
  asio::cancellation_signal signal;
  Outcome outcome;
  asio::co_spawn(
      loop, resolver.query("text.example.org", RecordType::kTxt),
      asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr error, Answer answer) {
        outcome.error = error;
        if (!error) outcome.answer = std::move(answer);
      }));
  loop.poll();
  signal.emit(asio::cancellation_type::all);
  loop.restart();
  while (!outcome.error && !outcome.answer && loop.run_one() != 0) {
  }
  EXPECT_TRUE(outcome.error);
}

TEST(UnboundResolver, RefusesOptionsThatMakeNoSense) {
  asio::io_context loop(1);
  UnboundResolver::Options options;
  options.forward_to = {"not an address"};
  EXPECT_THROW(UnboundResolver(loop, options), std::runtime_error);
}

}  // namespace
}  // namespace postern::dns
