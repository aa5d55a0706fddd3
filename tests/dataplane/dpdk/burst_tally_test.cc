// SPDX-License-Identifier: BSD-3-Clause
//
// Counting a burst by its cells, beside counting one packet after the other.
#include "dataplane/dpdk/burst_tally.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <utility>

namespace postern::dpdk {
namespace {

using Counts = std::map<uint32_t, std::pair<uint64_t, uint64_t>>;  // cell -> attempts, over_limit

Counts settled(BurstTally& tally) {
  Counts counts;
  tally.settle([&](uint32_t cell, uint64_t attempts, uint64_t over_limit) {
    counts[cell].first += attempts;
    counts[cell].second += over_limit;
  });
  return counts;
}

TEST(BurstTally, OfNothingIsNothing) {
  BurstTally tally;
  EXPECT_EQ(settled(tally), Counts{});
  tally.note(3, 0, true);  // over, but no attempt
  tally.note(4, 0, false);
  EXPECT_EQ(settled(tally), Counts{});
}

TEST(BurstTally, HasTheLargestMatrix) {
  BurstTally tally;
  tally.note(63, PS_MAX_MATRIX_CELLS, true);
  EXPECT_EQ(settled(tally), (Counts{{PS_MAX_MATRIX_CELLS - 1, {1, 1}}}));
}

TEST(BurstTally, SaysTheSameAsOneByOne) {
  std::mt19937 random(7);
  for (const uint32_t cells : {1u, 2u, 5u, 64u, 1u << 20})
    for (int burst = 0; burst < 500; burst++) {
      BurstTally tally;
      Counts expected;
      const auto count = static_cast<uint32_t>(random() % (BurstTally::kMost + 1));
      for (uint32_t i = 0; i < count; i++) {
        const auto cell = static_cast<uint32_t>(random() % (cells + 1));
        const bool over_limit = random() % 2 != 0;
        tally.note(i, cell, over_limit);
        if (cell == 0) continue;
        expected[cell - 1].first++;
        expected[cell - 1].second += over_limit;
      }
      ASSERT_EQ(settled(tally), expected) << cells << " cells, burst " << burst;
    }
}

}  // namespace
}  // namespace postern::dpdk
