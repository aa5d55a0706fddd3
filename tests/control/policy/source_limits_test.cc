// SPDX-License-Identifier: BSD-3-Clause
//
// Limits of sources, against a bucket that is refilled by hand.
#include "control/policy/source_limits.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace postern::policy {
namespace {

Prefix source(uint32_t number) {
  return *Prefix::make(IpAddress::v4(number), 32, Prefix::HostBits::kRefuse);
}

SourceLimits::Options limit(uint32_t count, int64_t milliseconds) {
  SourceLimits::Options options;
  options.rates[static_cast<size_t>(Limited::kSessions)] = {count, milliseconds};
  return options;
}

TEST(SourceLimits, SoManyAtOnceThenAsTimeGoesBy) {
  SourceLimits limits(limit(3, 3000));
  for (int i = 0; i < 3; i++) EXPECT_TRUE(limits.take(Limited::kSessions, source(1), 50'000));
  EXPECT_FALSE(limits.take(Limited::kSessions, source(1), 50'000));
  EXPECT_FALSE(limits.take(Limited::kSessions, source(1), 50'999));
  EXPECT_TRUE(limits.take(Limited::kSessions, source(1), 51'000));
  EXPECT_FALSE(limits.take(Limited::kSessions, source(1), 51'000));
  EXPECT_TRUE(limits.take(Limited::kSessions, source(2), 51'000));
  // What has no rate has no limit.
  for (int i = 0; i < 100; i++) EXPECT_TRUE(limits.take(Limited::kErrors, source(1), 51'000));
}

TEST(SourceLimits, AgreesWithABucket) {
  struct Bucket {
    int64_t credit;  // in units of 1/count
    int64_t filled;
  };
  constexpr int64_t kCount = 7, kTime = 1000;
  SourceLimits limits(limit(kCount, kTime));
  std::map<uint32_t, Bucket> buckets;
  std::mt19937 random(11);
  int64_t now = 1'000'000;
  int refused = 0;
  for (int i = 0; i < 50'000; i++) {
    now += static_cast<int64_t>(random() % 40);
    const uint32_t who = static_cast<uint32_t>(random() % 3);
    auto& bucket = buckets.try_emplace(who, Bucket{kCount * kTime, now}).first->second;
    bucket.credit = std::min(kCount * kTime, bucket.credit + (now - bucket.filled) * kCount);
    bucket.filled = now;
    const bool fits = bucket.credit >= kTime;
    if (fits) bucket.credit -= kTime;
    refused += !fits;
    ASSERT_EQ(limits.is_used_up(Limited::kSessions, source(who), now), !fits) << i;
    ASSERT_EQ(limits.take(Limited::kSessions, source(who), now), fits) << i;
  }
  EXPECT_GT(refused, 1000);
}

TEST(SourceLimits, IsBoundedAndFailsTowardsPassing) {
  auto options = limit(1, 1'000'000);
  options.capacity = 10;
  SourceLimits limits(options);
  for (uint32_t i = 0; i < 100; i++)
    EXPECT_TRUE(limits.take(Limited::kSessions, source(i), 5000 + i));
  EXPECT_EQ(limits.size(), 10u);
  EXPECT_FALSE(limits.take(Limited::kSessions, source(99), 6000));
  EXPECT_TRUE(limits.take(Limited::kSessions, source(0), 6000));
}

}  // namespace
}  // namespace postern::policy
