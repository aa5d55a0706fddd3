// SPDX-License-Identifier: BSD-3-Clause
//
// Looking hosts up while the resolver waits: its time ends the wait, others are not kept waiting,
// their number is bounded, and what comes too late hurts nobody.
#include "control/dns/host_lookup.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <condition_variable>
#include <list>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace postern::dns {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

// A resolver that waits until it is let go on.
class Gate {
 public:
  // Nothing of it is at work any more.
  ~Gate() {
    open();
    while (HostLookUp::under_way() > 0) std::this_thread::yield();
  }
  HostLookUp::Resolve resolver() {
    return [this](const std::string&) {
      std::unique_lock lock(mutex_);
      waiting_++;
      changed_.notify_all();
      changed_.wait(lock, [this] { return open_; });
      return HostAddresses{.addresses = {asio::ip::make_address("192.0.2.1")}};
    };
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void await(size_t waiting) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_ == waiting; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  size_t waiting_ = 0;
  bool open_ = false;
};

struct Asked {
  Asked(asio::io_context& loop, HostLookUp::Resolve resolve, std::string host, milliseconds time)
      : look_up(loop.get_executor(), std::move(resolve)) {
    asio::co_spawn(loop, look_up.run(std::move(host), time),
                   [this](std::exception_ptr, HostAddresses found) { result = std::move(found); });
  }
  HostLookUp look_up;
  std::optional<HostAddresses> result;
};

constexpr milliseconds kLong{600'000};

TEST(HostLookUp, AddressesAndNamesOfTheSystem) {
  asio::io_context loop(1);
  const HostLookUp::Resolve never = [](const std::string&) {
    ADD_FAILURE() << "an address is no name";
    return HostAddresses{};
  };
  Asked v4(loop, never, "192.0.2.7", kLong), v6(loop, never, "2001:db8::7", kLong);
  Asked name(loop, HostLookUp::by_the_system, "localhost", kLong);
  Asked nobody(loop, HostLookUp::by_the_system, "no host..", kLong);
  loop.run();
  EXPECT_EQ(v4.result->addresses, std::vector{asio::ip::make_address("192.0.2.7")});
  EXPECT_EQ(v6.result->addresses, std::vector{asio::ip::make_address("2001:db8::7")});
  ASSERT_FALSE(name.result->addresses.empty()) << name.result->error;
  EXPECT_TRUE(name.result->addresses.front().is_loopback());
  EXPECT_TRUE(nobody.result->addresses.empty());
  EXPECT_FALSE(nobody.result->error.empty());
}

TEST(HostLookUp, OneThatWaitsKeepsNobodyWaitingAndItsTimeEndsIt) {
  Gate gate;
  asio::io_context loop(1);
  Asked late(loop, gate.resolver(), "slow.example", milliseconds{1});
  Asked other(loop, HostLookUp::by_the_system, "localhost", kLong);
  loop.run();  // while the first one's thread is still at it
  EXPECT_EQ(late.result->error, "finding its address took too long");
  EXPECT_FALSE(other.result->addresses.empty()) << other.result->error;
}

TEST(HostLookUp, CancellingEndsIt) {
  Gate gate;
  asio::io_context loop(1);
  Asked asked(loop, gate.resolver(), "slow.example", kLong);
  loop.poll();
  asked.look_up.cancel();
  loop.run();
  EXPECT_EQ(asked.result->error, "given up");
}

TEST(HostLookUp, SoManyAtATime) {
  Gate gate;
  asio::io_context loop(1);
  std::list<Asked> asked;
  for (size_t i = 0; i < HostLookUp::kMost; i++)
    asked.emplace_back(loop, gate.resolver(), "slow.example", kLong);
  loop.poll();
  gate.await(HostLookUp::kMost);
  Asked more(loop, gate.resolver(), "slow.example", kLong);
  loop.poll();
  ASSERT_TRUE(more.result);
  EXPECT_EQ(more.result->error, "too many names are being looked up");
  gate.open();
  loop.run();
  for (const auto& one : asked) EXPECT_EQ(one.result->addresses.size(), 1u);
}

TEST(HostLookUp, TheLoopMayBeGoneWhenTheResolverAnswers) {
  Gate gate;
  {
    asio::io_context loop(1);
    Asked asked(loop, gate.resolver(), "slow.example", kLong);
    loop.poll();
    gate.await(1);
  }
  gate.open();
}

}  // namespace
}  // namespace postern::dns
