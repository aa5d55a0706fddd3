// SPDX-License-Identifier: BSD-3-Clause
//
// A client's names, looked up beside its session: what is known before and after, the deadline, the
// bound of those that are looked up at a time, and its end.
#include "control/policy/client_lookup.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <list>
#include <memory>
#include <string>

#include "tests/control/policy/table_text.h"
#include "tests/rules/support/compiled.h"
#include "tests/support/scripted_resolver.h"

namespace postern::policy {
namespace {

namespace asio = boost::asio;
using Reverse = ClientNames::Reverse;
using dns::RecordType;
using std::chrono::milliseconds;

const std::string kReverse = "7.113.0.203.in-addr.arpa";
const IpAddress kClient = *IpAddress::parse("203.0.113.7");

class ClientLookupTest : public testing::Test {
 protected:
  ClientLookupTest() {
    dns::Answer pointer, address;
    pointer.status = address.status = dns::Status::kFound;
    pointer.records = {"pool-7.isp.example"};
    address.records = {"203.0.113.7"};
    resolver.set(kReverse, RecordType::kPtr, pointer);
    resolver.set("pool-7.isp.example", RecordType::kA, address);
  }
  // What is known when it is waited for.
  ClientNames waited(ClientLookup& lookup) {
    bool done = false;
    asio::co_spawn(loop, lookup.wait(), [&](const std::exception_ptr& error) {
      if (error) std::rethrow_exception(error);
      done = true;
    });
    loop.restart();
    while (!done && loop.run_one() != 0) {
    }
    EXPECT_TRUE(done);
    return lookup.names("pool-8.isp.example");
  }
  std::unique_ptr<ClientLookup> begun() {
    auto lookup = std::make_unique<ClientLookup>(loop.get_executor(), judging);
    lookup->begin(kClient);
    return lookup;
  }

  asio::io_context loop{1};
  dns::ScriptedResolver resolver;
  reputation::Store store{":memory:"};
  JudgeOptions options{.authserv_id = "mx.example",
                       .authentication_time = milliseconds{20'000},
                       .reverse_time = std::chrono::hours{1}};
  JudgeServices judging{.options = options,
                        .resolver = resolver,
                        .store = store,
                        .policy = nullptr,
                        .names = test::name_classes()};
};

TEST_F(ClientLookupTest, FindsNamesAndTheirClass) {
  const auto lookup = begun();
  EXPECT_EQ(lookup->names("").reverse, Reverse::kTemperror) << "not yet";
  EXPECT_EQ(lookup->names("").fault, "no answer yet");
  const auto names = waited(*lookup);
  EXPECT_EQ(names.reverse, Reverse::kConfirmed);
  EXPECT_EQ(names.name, "pool-7.isp.example");
  EXPECT_EQ(names.name_class, "dynamic");
  EXPECT_EQ(names.helo.name_class, "dynamic");
  EXPECT_EQ(lookup->names("client.example").helo.name_class, "unknown");
  EXPECT_EQ(waited(*lookup).name, "pool-7.isp.example") << "waiting again is no wait";
}

TEST_F(ClientLookupTest, WithoutABeginningThereIsNothingToWaitFor) {
  ClientLookup lookup(loop.get_executor(), judging);
  EXPECT_EQ(waited(lookup).reverse, Reverse::kTemperror);
  EXPECT_TRUE(resolver.asked().empty());
}

TEST_F(ClientLookupTest, EndsByItsDeadline) {
  options.reverse_time = milliseconds{30};
  resolver.stall("pool-7.isp.example");
  const auto lookup = begun();
  const auto names = waited(*lookup);
  EXPECT_EQ(names.reverse, Reverse::kTemperror);
  EXPECT_EQ(names.name_class, "dynamic") << "whether it is confirmed or not";
  EXPECT_EQ(resolver.waiting(), 0u);
}

TEST_F(ClientLookupTest, IsCancelledWithItsSession) {
  resolver.stall(kReverse);
  auto lookup = begun();
  loop.poll();
  EXPECT_EQ(resolver.waiting(), 1u);
  lookup.reset();
  loop.restart();
  loop.poll();
  EXPECT_EQ(resolver.waiting(), 0u);
  EXPECT_EQ(judging.lookup_slots->taken(), 0u);
}

TEST_F(ClientLookupTest, WhoWaitsIsToldOfACancellation) {
  resolver.stall(kReverse);
  const auto lookup = begun();
  bool done = false;
  asio::co_spawn(loop, lookup->wait(), [&](const std::exception_ptr& error) { done = !error; });
  loop.poll();
  lookup->cancel();
  loop.restart();
  loop.poll();
  EXPECT_TRUE(done);
  EXPECT_EQ(lookup->names("").reverse, Reverse::kTemperror);
}

TEST_F(ClientLookupTest, AnotherClientIsAnotherLookUp) {
  resolver.stall(kReverse);
  const auto lookup = begun();
  loop.poll();
  lookup->begin(*IpAddress::parse("203.0.113.8"));
  EXPECT_EQ(waited(*lookup).reverse, Reverse::kNone);
  EXPECT_EQ(resolver.waiting(), 0u);
}

TEST_F(ClientLookupTest, SoManyAtATime) {
  judging.lookup_slots = std::make_shared<LookupSlots>(2);
  resolver.stall(kReverse);
  std::list<std::unique_ptr<ClientLookup>> lookups;
  for (int i = 0; i < 5; i++) lookups.push_back(begun());
  loop.poll();
  EXPECT_EQ(resolver.waiting(), 2u);
  EXPECT_EQ(judging.lookup_slots->waiting(), 3u);
  lookups.pop_front();  // one that has a slot
  loop.restart();
  loop.poll();
  EXPECT_EQ(resolver.waiting(), 2u);
  EXPECT_EQ(judging.lookup_slots->waiting(), 2u);
  lookups.pop_back();  // one that has none
  loop.restart();
  loop.poll();
  EXPECT_EQ(judging.lookup_slots->waiting(), 1u);
  resolver.release();
  for (auto& lookup : lookups) EXPECT_EQ(waited(*lookup).name, "pool-7.isp.example");
  EXPECT_EQ(judging.lookup_slots->taken(), 0u);
}

TEST_F(ClientLookupTest, WhoGetsNoSlotInTimeIsNotKnown) {
  judging.lookup_slots = std::make_shared<LookupSlots>(1);
  resolver.stall(kReverse);
  const auto first = begun();
  loop.poll();
  options.reverse_time = milliseconds{20};
  const auto second = begun();
  const auto names = waited(*second);
  EXPECT_EQ(names.reverse, Reverse::kTemperror);
  EXPECT_EQ(names.fault, "too many look-ups at a time");
  EXPECT_EQ(judging.lookup_slots->waiting(), 0u);
}

TEST_F(ClientLookupTest, MayGoWithTheLoop) {
  auto own = std::make_unique<asio::io_context>(1);
  resolver.stall(kReverse);
  auto lookup = std::make_unique<ClientLookup>(own->get_executor(), judging);
  lookup->begin(kClient);
  own->poll();
  lookup.reset();
  own.reset();
  EXPECT_EQ(judging.lookup_slots->taken(), 0u);
}

}  // namespace
}  // namespace postern::policy
