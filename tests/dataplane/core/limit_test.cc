// SPDX-License-Identifier: BSD-3-Clause
//
// Limits against a naive twin that keeps every attempt of every source, a full table, and threads
// that race for one source.
#include "dataplane/core/limit.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <random>
#include <span>
#include <thread>
#include <vector>

#include "dataplane/engine/limit_table.h"
#include "rules/address/address.h"

namespace postern {
namespace {

constexpr uint64_t kNow = 1'000'000'000'000;
constexpr uint64_t kSecond = 1'000'000'000;

class Table {
 public:
  explicit Table(size_t sources = 4096) : memory_(limit_buckets_for(sources)) {
    start_limits(memory_);
  }
  ps_limit_result take(const ps_limit& limit, const IpAddress& source, uint64_t now,
                       uint32_t service = 0) {
    const ps_limits table{memory_.data(), static_cast<uint32_t>(memory_.size())};
    const auto address = source.abi();
    return ps_limit_take(&table, &limit, source.abi_family(), &address, service, now);
  }
  size_t size(uint64_t now) const { return limited_sources(memory_, now); }

 private:
  std::vector<ps_limit_bucket> memory_;
};

IpAddress v4(uint32_t number) {
  ps_address address{};
  for (size_t i = 0; i < 4; i++) address.bytes[i] = static_cast<uint8_t>(number >> (24 - 8 * i));
  return IpAddress::from_abi(PS_FAMILY_V4, address);
}

TEST(Limit, ABurstThenTheRate) {
  Table table;
  const ps_limit limit{10 * kSecond, 3, PS_ACTION_DROP, 0, {0, 0}};
  const auto source = v4(1);
  for (int i = 0; i < 3; i++) EXPECT_EQ(table.take(limit, source, kNow), PS_LIMIT_WITHIN);
  EXPECT_EQ(table.take(limit, source, kNow), PS_LIMIT_OVER);
  EXPECT_EQ(table.take(limit, source, kNow + 10 * kSecond - 1), PS_LIMIT_OVER);
  EXPECT_EQ(table.take(limit, source, kNow + 10 * kSecond), PS_LIMIT_WITHIN);
  EXPECT_EQ(table.take(limit, source, kNow + 10 * kSecond), PS_LIMIT_OVER);
  // Over the limit does not count: after a rest there is a whole burst again.
  for (int i = 0; i < 3; i++)
    EXPECT_EQ(table.take(limit, source, kNow + 60 * kSecond), PS_LIMIT_WITHIN);
  EXPECT_EQ(table.take(limit, source, kNow + 60 * kSecond), PS_LIMIT_OVER);
}

TEST(Limit, SourcesAndServicesAreByThemselves) {
  Table table;
  const ps_limit limit{kSecond, 1, PS_ACTION_DROP, 0, {0, 0}};
  EXPECT_EQ(table.take(limit, v4(1), kNow, 0), PS_LIMIT_WITHIN);
  EXPECT_EQ(table.take(limit, v4(1), kNow, 0), PS_LIMIT_OVER);
  EXPECT_EQ(table.take(limit, v4(1), kNow, 1), PS_LIMIT_WITHIN);
  EXPECT_EQ(table.take(limit, v4(2), kNow, 0), PS_LIMIT_WITHIN);
  const auto v6 = [](const char* text) { return *IpAddress::parse(text); };
  EXPECT_EQ(table.take(limit, v6("2001:db8:0:1::1"), kNow), PS_LIMIT_WITHIN);
  EXPECT_EQ(table.take(limit, v6("2001:db8:0:1:2::2"), kNow), PS_LIMIT_OVER);  // of one /64
  EXPECT_EQ(table.take(limit, v6("2001:db8:0:2::1"), kNow), PS_LIMIT_WITHIN);
  EXPECT_EQ(table.take(limit, v6("102:304::"), kNow), PS_LIMIT_WITHIN);
  EXPECT_EQ(table.take(limit, v4(0x01020304), kNow), PS_LIMIT_WITHIN);  // the same bytes
}

// A leaky bucket of whole nanoseconds that never forgets a source.
TEST(Limit, AgreesWithANaiveTwin) {
  std::mt19937_64 random(4);
  for (int round = 0; round < 20; round++) {
    Table table;
    const ps_limit limit{
        random() % 1000 + 1, static_cast<uint32_t>(random() % 8 + 1), PS_ACTION_DROP, 0, {0, 0}};
    std::map<uint32_t, std::pair<uint64_t, uint64_t>> level;  // fill in ns, at
    uint64_t now = kNow;
    for (int i = 0; i < 20'000; i++) {
      now += random() % 200;
      const auto number = static_cast<uint32_t>(random() % 50);
      auto& [fill, at] = level[number];
      fill = fill > now - at ? fill - (now - at) : 0;
      at = now;
      const bool within = fill + limit.interval_ns <= limit.burst * limit.interval_ns;
      if (within) fill += limit.interval_ns;
      ASSERT_EQ(table.take(limit, v4(number), now), within ? PS_LIMIT_WITHIN : PS_LIMIT_OVER);
    }
  }
}

TEST(Limit, AFullTableLetsPassAndDoesNotGrow) {
  Table table(64);
  const ps_limit limit{kSecond, 1, PS_ACTION_DROP, 0, {0, 0}};
  size_t within = 0, full = 0;
  for (uint32_t number = 0; number < 100'000; number++) {
    const auto result = table.take(limit, v4(number), kNow);
    within += result == PS_LIMIT_WITHIN ? 1 : 0;
    full += result == PS_LIMIT_FULL ? 1 : 0;
  }
  EXPECT_EQ(within, 64u);
  EXPECT_EQ(within + full, 100'000u);
  EXPECT_EQ(table.size(kNow), 64u);
  // When their time has passed, their slots are free.
  EXPECT_EQ(table.size(kNow + kSecond), 0u);
  EXPECT_EQ(table.take(limit, v4(200'000), kNow + kSecond), PS_LIMIT_WITHIN);
}

TEST(Limit, NoTableLetsPass) {
  std::vector<ps_limit_bucket> zeros(3);
  const ps_limits nothing{nullptr, 0}, unprepared{zeros.data(), 3};
  const ps_limit limit{kSecond, 1, PS_ACTION_DROP, 0, {0, 0}};
  const auto address = v4(1).abi();
  EXPECT_EQ(ps_limit_take(&nothing, &limit, PS_FAMILY_V4, &address, 0, kNow), PS_LIMIT_FULL);
  EXPECT_EQ(ps_limit_take(&unprepared, &limit, PS_FAMILY_V4, &address, 0, kNow), PS_LIMIT_FULL);
}

TEST(Limit, ATableIsKnownByItsLayoutAndSize) {
  std::vector<ps_limit_bucket> memory(limit_buckets_for(64));
  EXPECT_FALSE(is_limit_table(memory));
  EXPECT_FALSE(is_limit_table({}));
  start_limits(memory);
  EXPECT_TRUE(is_limit_table(memory));
  EXPECT_FALSE(is_limit_table(std::span(memory).first(5)));  // of another size
  EXPECT_FALSE(is_limit_table(std::span(memory).first(4)));  // of no table's
  reinterpret_cast<ps_limit_header*>(memory.data())->in_use = PS_LIMIT_LAYOUT + 1;
  EXPECT_FALSE(is_limit_table(memory));
}

TEST(Limit, TheLargestLimitDoesNotWrap) {
  Table table;
  const ps_limit limit{PS_LIMIT_HORIZON / 4, 4, PS_ACTION_DROP, 0, {0, 0}};
  for (int i = 0; i < 4; i++) EXPECT_EQ(table.take(limit, v4(1), kNow), PS_LIMIT_WITHIN);
  EXPECT_EQ(table.take(limit, v4(1), kNow), PS_LIMIT_OVER);
  EXPECT_EQ(table.take(limit, v4(1), kNow + 1'000 * kSecond), PS_LIMIT_OVER);
}

// Of a clock that stood still, jumped ahead by years (a machine that slept), or went back, which it
// never does: nobody is held longer than a burst takes beyond the jump.
TEST(Limit, TimeThatJumps) {
  Table table;
  const ps_limit limit{kSecond, 2, PS_ACTION_DROP, 0, {0, 0}};
  const uint64_t years = 100ull * 365 * 86400 * kSecond;
  for (uint32_t source = 0; source < 50; source++) {
    EXPECT_EQ(table.take(limit, v4(source), kNow), PS_LIMIT_WITHIN);
    EXPECT_EQ(table.take(limit, v4(source), kNow), PS_LIMIT_WITHIN);
    EXPECT_EQ(table.take(limit, v4(source), kNow), PS_LIMIT_OVER);
    EXPECT_EQ(table.take(limit, v4(source), kNow + years), PS_LIMIT_WITHIN);
    EXPECT_EQ(table.take(limit, v4(source), kNow + years), PS_LIMIT_WITHIN);
    EXPECT_EQ(table.take(limit, v4(source), kNow + years), PS_LIMIT_OVER);
    EXPECT_EQ(table.take(limit, v4(source), kNow), PS_LIMIT_OVER);
    EXPECT_EQ(table.take(limit, v4(source), kNow + years + 2 * kSecond), PS_LIMIT_WITHIN);
  }
  EXPECT_EQ(table.size(kNow + 2 * years), 0u);
}

// Whatever the interleaving, a burst is a burst.
TEST(Limit, ThreadsThatRaceForOneSource) {
  constexpr int kThreads = 4, kEach = 20'000;
  Table table;
  const ps_limit limit{kSecond, 1000, PS_ACTION_DROP, 0, {0, 0}};
  std::atomic<int> within{0}, full{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; i++)
    threads.emplace_back([&] {
      for (int j = 0; j < kEach; j++) {
        const auto result = table.take(limit, v4(7), kNow);
        within += result == PS_LIMIT_WITHIN ? 1 : 0;
        full += result == PS_LIMIT_FULL ? 1 : 0;
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(within, 1000);
  EXPECT_LT(full, kThreads * kEach / 100);  // gave up after four lost races
}

}  // namespace
}  // namespace postern
