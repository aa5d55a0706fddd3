// SPDX-License-Identifier: BSD-3-Clause
//
// UnboundResolver among name servers that misbehave: silent, lame, dripping octet by octet over
// TCP, and storms of names that there are none of. Whatever they do is a fault or the answer that
// there is nothing, by the deadline; and meanwhile others are answered.
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "control/dns/unbound_resolver.h"
#include "tests/control/dns/odd_server.h"

namespace postern::dns {
namespace {

namespace asio = boost::asio;
using Manner = OddServer::Manner;
using std::chrono::milliseconds;

class UnboundFaults : public testing::Test {
 protected:
  // good.example answers; the other zones as they are told.
  UnboundFaults() : good_(loop, Manner::kAnswering) {
    options.stubs.push_back({"good.example", good_.address()});
    options.deadline = std::chrono::seconds(60);
  }
  OddServer& zone(const std::string& name, Manner manner) {
    servers_.push_back(std::make_unique<OddServer>(loop, manner));
    options.stubs.push_back({name, servers_.back()->address()});
    return *servers_.back();
  }
  void start(UnboundResolver& resolver, const std::string& name, std::optional<Answer>& answer) {
    asio::co_spawn(loop, resolver.query(name, RecordType::kTxt),
                   [&](const std::exception_ptr& error, Answer given) {
                     if (!error) answer = std::move(given);
                   });
  }
  void run_until(const std::function<bool()>& done) {
    while (!done() && loop.run_one() != 0) {
    }
  }
  Answer ask(UnboundResolver& resolver, const std::string& name) {
    std::optional<Answer> answer;
    start(resolver, name, answer);
    run_until([&] { return answer.has_value(); });
    return answer.value();
  }

  asio::io_context loop{1};
  UnboundResolver::Options options;

 private:
  OddServer good_;
  std::vector<std::unique_ptr<OddServer>> servers_;
};

TEST_F(UnboundFaults, AServerThatIsLameHasFailed) {
  for (const auto manner : {Manner::kRefusing, Manner::kBroken, Manner::kEmpty}) {
    const std::string name = "zone" + std::to_string(static_cast<int>(manner)) + ".example";
    zone(name, manner);
  }
  UnboundResolver resolver(loop, options);
  for (const auto manner : {Manner::kRefusing, Manner::kBroken}) {
    const auto answer =
        ask(resolver, "s.zone" + std::to_string(static_cast<int>(manner)) + ".example");
    EXPECT_EQ(answer.status, Status::kFailed) << static_cast<int>(manner);
    EXPECT_NE(answer.detail, "");
  }
  const auto empty =
      ask(resolver, "s.zone" + std::to_string(static_cast<int>(Manner::kEmpty)) + ".example");
  EXPECT_TRUE(empty.records.empty());
  EXPECT_NE(empty.status, Status::kFound);
  EXPECT_EQ(ask(resolver, "s.good.example").records, std::vector<std::string>{"here"});
}

TEST_F(UnboundFaults, AnAnswerThatComesOctetByOctetHasFailedByTheDeadline) {
  auto& dripping = zone("drip.example", Manner::kDripping);
  zone("tcp.example", Manner::kOnlyOverTcp);
  options.deadline = milliseconds(1500);
  UnboundResolver resolver(loop, options);
  std::vector<std::optional<Answer>> answers(20);
  for (size_t i = 0; i < answers.size(); i++)
    start(resolver, "s" + std::to_string(i) + ".drip.example", answers[i]);
  run_until([&] { return dripping.connections() > 0; });
  // Others have their connections meanwhile.
  EXPECT_EQ(ask(resolver, "s.tcp.example").records, std::vector<std::string>{"here"});
  EXPECT_EQ(ask(resolver, "s.good.example").records, std::vector<std::string>{"here"});
  run_until(
      [&] { return std::ranges::all_of(answers, [](const auto& a) { return a.has_value(); }); });
  for (const auto& answer : answers) EXPECT_EQ(answer->status, Status::kFailed);
}

TEST_F(UnboundFaults, SilenceFillsOnlyItsOwnPart) {
  zone("silent.example", Manner::kSilent);
  options.max_per_zone = 50;
  options.deadline = milliseconds(300);
  UnboundResolver resolver(loop, options);
  std::vector<std::optional<Answer>> answers(500);
  for (size_t i = 0; i < answers.size(); i++)
    start(resolver, "_d.s" + std::to_string(i) + "._domainkey.silent.example", answers[i]);
  loop.poll();
  EXPECT_EQ(resolver.under_way(), 50u);
  size_t refused = 0;
  for (const auto& answer : answers)
    refused += answer && answer->origin == Origin::kNotAsked &&
               answer->detail == "too many questions for this domain are under way";
  EXPECT_EQ(refused, 450u);
  for (int i = 0; i < 20; i++)
    EXPECT_EQ(ask(resolver, "s" + std::to_string(i) + ".good.example").status, Status::kFound);
  run_until(
      [&] { return std::ranges::all_of(answers, [](const auto& a) { return a.has_value(); }); });
  for (const auto& answer : answers) EXPECT_EQ(answer->status, Status::kFailed);
  // Nobody waits any more; libunbound still asks, and that is what counts.
  EXPECT_GT(resolver.under_way(), 0u);
  EXPECT_LE(resolver.under_way(), 50u);
}

TEST_F(UnboundFaults, ThereIsABoundInAll) {
  for (int i = 0; i < 5; i++) zone("silent" + std::to_string(i) + ".example", Manner::kSilent);
  options.max_per_zone = 10;
  options.max_questions = 25;
  options.deadline = milliseconds(200);
  UnboundResolver resolver(loop, options);
  std::vector<std::optional<Answer>> answers(100);
  for (size_t i = 0; i < answers.size(); i++)
    start(resolver,
          "s" + std::to_string(i) + "._domainkey.silent" + std::to_string(i % 5) + ".example",
          answers[i]);
  loop.poll();
  EXPECT_EQ(resolver.under_way(), 25u);
  const Answer full = ask(resolver, "s.good.example");
  EXPECT_EQ(full.detail, "too many questions are under way");
  EXPECT_EQ(full.origin, Origin::kNotAsked);
}

// What was given up is not counted for ever.
TEST_F(UnboundFaults, WhatLibunboundHasEndedIsFree) {
  zone("broken.example", Manner::kBroken);
  UnboundResolver resolver(loop, options);
  ask(resolver, "s.broken.example");
  ask(resolver, "s.good.example");
  EXPECT_EQ(resolver.under_way(), 0u);
}

TEST_F(UnboundFaults, AStormOfNamesThatThereAreNoneOf) {
  zone("storm.example", Manner::kNoName);
  options.max_per_zone = 1000;
  UnboundResolver resolver(loop, options);
  constexpr size_t kNames = 10'000, kAtOnce = 200;
  const auto storm = [&](size_t from, size_t to) {
    for (size_t at = from; at < to; at += kAtOnce) {
      std::vector<std::optional<Answer>> answers(kAtOnce);
      for (size_t i = 0; i < kAtOnce; i++)
        start(resolver, "n" + std::to_string(at + i) + ".storm.example", answers[i]);
      const auto good = ask(resolver, "g" + std::to_string(at) + ".good.example");
      EXPECT_EQ(good.status, Status::kFound) << good.detail;
      run_until([&] {
        return std::ranges::all_of(answers, [](const auto& a) { return a.has_value(); });
      });
      for (const auto& answer : answers) ASSERT_EQ(answer->status, Status::kNoName);
    }
  };
  storm(0, kNames / 2);
  const size_t half = ::mallinfo2().uordblks;
  storm(kNames / 2, kNames);
  EXPECT_EQ(resolver.under_way(), 0u);
  // The caches are bounded; 10^4 names fill them, and no more.
  EXPECT_LT(::mallinfo2().uordblks, half + (16u << 20));
}

}  // namespace
}  // namespace postern::dns
