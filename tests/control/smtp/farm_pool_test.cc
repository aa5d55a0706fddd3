// SPDX-License-Identifier: BSD-3-Clause
//
// Which backend is next: against a twin that only counts who is owed most, and every change of
// health by hand.
#include "control/smtp/farm_pool.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace postern::smtp {
namespace {

using Health = FarmPool::Health;
using Time = FarmPool::Time;

constexpr Time kNow{1000};

FarmPool live_pool(const std::vector<FarmPool::Member>& members, FarmPool::Options options = {}) {
  FarmPool pool(members, options);
  for (size_t i = 0; i < members.size(); i++) pool.succeeded(i, kNow);
  return pool;
}

std::vector<bool> none(const FarmPool& pool) {
  return std::vector<bool>(pool.size(), false);
}

TEST(FarmPool, WhoIsOwedMostComesNext) {
  std::mt19937 random(9);
  for (int round = 0; round < 200; round++) {
    std::vector<FarmPool::Member> members(1 + random() % 6);
    uint64_t sum = 0;
    for (auto& member : members) {
      member.weight = static_cast<uint32_t>(1 + random() % 12);
      sum += member.weight;
    }
    auto pool = live_pool(members);
    // The twin: after n choices a backend is owed n times its part of them, less what it got.
    std::vector<int64_t> got(members.size(), 0);
    for (uint64_t n = 1; n <= 3 * sum; n++) {
      size_t owed_most = 0;
      const auto owed = [&](size_t i) {
        return static_cast<int64_t>(n * members[i].weight) - got[i] * static_cast<int64_t>(sum);
      };
      for (size_t i = 1; i < members.size(); i++)
        if (owed(i) > owed(owed_most)) owed_most = i;
      const auto chosen = pool.choose(none(pool), kNow);
      ASSERT_EQ(chosen, owed_most) << round << ' ' << n;
      got[*chosen]++;
      if (n % sum == 0) {
        for (size_t i = 0; i < members.size(); i++)
          ASSERT_EQ(static_cast<uint64_t>(got[i]), n / sum * members[i].weight);
      }
    }
  }
}

TEST(FarmPool, WhoWasTriedIsNotChosenAgainAndBackupsComeLast) {
  auto pool = live_pool({{.weight = 5}, {.weight = 1}, {.weight = 9, .backup = true}});
  EXPECT_EQ(pool.choose({true, false, false}, kNow), 1u);
  EXPECT_EQ(pool.choose({true, true, false}, kNow), 2u);
  EXPECT_EQ(pool.choose({true, true, true}, kNow), std::nullopt);
  for (int i = 0; i < 30; i++) EXPECT_NE(pool.choose(none(pool), kNow), 2u);
  for (const size_t member : {0, 1})
    for (int i = 0; i < 2; i++) pool.failed(member, kNow);
  EXPECT_EQ(pool.choose(none(pool), kNow), 2u);
}

TEST(FarmPool, TakesTwoFailuresInARowToGoAndTwoSuccessesToComeBack) {
  auto pool = live_pool({{}, {}});
  EXPECT_FALSE(pool.failed(0, kNow));
  EXPECT_FALSE(pool.succeeded(0, kNow));
  EXPECT_FALSE(pool.failed(0, kNow));
  EXPECT_EQ(pool.health(0), Health::kLive);
  EXPECT_TRUE(pool.failed(0, kNow));
  EXPECT_EQ(pool.health(0), Health::kDown);
  EXPECT_FALSE(pool.failed(0, kNow));
  for (int i = 0; i < 5; i++) EXPECT_EQ(pool.choose(none(pool), kNow), 1u);
  EXPECT_FALSE(pool.succeeded(0, kNow));
  EXPECT_FALSE(pool.failed(0, kNow));
  EXPECT_FALSE(pool.succeeded(0, kNow));
  EXPECT_TRUE(pool.succeeded(0, kNow));
  EXPECT_EQ(pool.health(0), Health::kLive);
}

TEST(FarmPool, WhatIsNotKnownYetIsChosenAndItsFirstWordCounts) {
  FarmPool pool({{}, {}}, {});
  EXPECT_FALSE(pool.any_live());
  EXPECT_EQ(pool.choose(none(pool), kNow), 0u);
  EXPECT_TRUE(pool.failed(0, kNow));
  EXPECT_EQ(pool.choose(none(pool), kNow), 1u);
  EXPECT_TRUE(pool.succeeded(1, kNow));
  EXPECT_TRUE(pool.any_live());
}

TEST(FarmPool, WhereNothingIsLiveEachIsTriedByOneAtATime) {
  auto pool = live_pool({{.backup = true}, {}});
  for (const size_t member : {0, 1})
    for (int i = 0; i < 2; i++) pool.failed(member, kNow);
  EXPECT_EQ(pool.choose(none(pool), kNow), 1u);
  EXPECT_EQ(pool.choose(none(pool), kNow), 0u);
  EXPECT_EQ(pool.choose(none(pool), kNow), std::nullopt);
  pool.failed(0, kNow);
  EXPECT_EQ(pool.choose(none(pool), kNow), 0u);
  pool.abandoned(0);
  EXPECT_EQ(pool.choose(none(pool), kNow), 0u);
  // One success is enough there, and it gets everything.
  EXPECT_TRUE(pool.succeeded(0, kNow));
  EXPECT_EQ(pool.choose(none(pool), kNow), 0u);
  EXPECT_EQ(pool.choose({true, false}, kNow), std::nullopt) << "1 is on trial, and 0 is live";
}

TEST(FarmPool, SlowStartAfterRecovery) {
  auto pool = live_pool({{}, {}}, {.fall = 1, .rise = 1, .slow_start = Time{10'000}});
  const auto share_of_1 = [&](Time now) {
    int count = 0;
    for (int i = 0; i < 1100; i++) count += pool.choose(none(pool), now) == 1u;
    return count;
  };
  EXPECT_EQ(share_of_1(kNow), 550) << "no slow start at the beginning";
  pool.failed(1, kNow);
  EXPECT_EQ(share_of_1(kNow), 0);
  pool.succeeded(1, kNow);
  EXPECT_EQ(share_of_1(kNow), 100);                    // 10 of 110
  EXPECT_NEAR(share_of_1(kNow + Time{5000}), 367, 2);  // 50 of 150
  EXPECT_NEAR(share_of_1(kNow + Time{10'000}), 550, 2);
  EXPECT_NEAR(share_of_1(kNow + Time{99'000}), 550, 2);
}

}  // namespace
}  // namespace postern::smtp
