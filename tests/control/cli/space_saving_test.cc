// SPDX-License-Identifier: BSD-3-Clause
//
// The most frequent keys against exact counts, with the bounds that the algorithm promises.
#include "control/cli/space_saving.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>

namespace postern::cli {
namespace {

// The naive twin: a counter for everything.
class Exact {
 public:
  void add(int key, double weight) {
    counts_[key] += weight;
    total_ += weight;
  }
  void scale(double factor) {
    for (auto& [key, count] : counts_) count *= factor;
    total_ *= factor;
  }
  double of(int key) const {
    const auto found = counts_.find(key);
    return found == counts_.end() ? 0 : found->second;
  }
  const std::map<int, double>& counts() const { return counts_; }
  double total() const { return total_; }

 private:
  std::map<int, double> counts_;
  double total_ = 0;
};

void expect_bounds(const SpaceSaving<int>& sketch, const Exact& exact, size_t counters) {
  const double slack = 1e-9 * exact.total();  // of floating point
  const auto items = sketch.top(counters);
  ASSERT_LE(sketch.size(), counters);
  ASSERT_EQ(items.size(), sketch.size());
  ASSERT_NEAR(sketch.total(), exact.total(), slack);
  std::map<int, double> counted;
  double before = INFINITY;
  for (const auto& item : items) {
    EXPECT_LE(item.count, before);
    before = item.count;
    EXPECT_GE(item.count, exact.of(item.key) - slack);
    EXPECT_LE(item.count - item.error, exact.of(item.key) + slack);
    EXPECT_LE(item.error, exact.total() / static_cast<double>(counters) + slack);
    counted[item.key] = item.count;
  }
  for (const auto& [key, count] : exact.counts())
    if (count > exact.total() / static_cast<double>(counters) + slack) {
      EXPECT_TRUE(counted.contains(key)) << key;
    }
}

TEST(SpaceSaving, IsExactWhileThereAreCounters) {
  SpaceSaving<int> sketch(3);
  sketch.add(1, 5);
  sketch.add(2, 7);
  sketch.add(1, 5);
  const auto top = sketch.top(10);
  ASSERT_EQ(top.size(), 2u);
  EXPECT_EQ(top[0].key, 1);
  EXPECT_EQ(top[0].count, 10);
  EXPECT_EQ(top[0].error, 0);
  EXPECT_EQ(sketch.top(1).size(), 1u);
}

TEST(SpaceSaving, ANewKeyTakesTheLeastCounterWithItsError) {
  SpaceSaving<int> sketch(2);
  sketch.add(1, 10);
  sketch.add(2, 3);
  sketch.add(3, 1);
  const auto top = sketch.top(2);
  EXPECT_EQ(top[1].key, 3);
  EXPECT_EQ(top[1].count, 4);
  EXPECT_EQ(top[1].error, 3);
}

// Skewed, flat, and adversarial streams: keys that each come once, between those that matter.
TEST(SpaceSaving, KeepsItsPromisesOnAllKindsOfStreams) {
  std::mt19937 random(20'250'101);
  for (const size_t counters : {1u, 2u, 10u, 100u}) {
    for (const double skew : {0.0, 1.0, 2.5}) {
      SpaceSaving<int> sketch(counters);
      Exact exact;
      int fresh = 1'000'000;
      for (int i = 0; i < 20'000; i++) {
        const double uniform = std::uniform_real_distribution<>(1e-6, 1)(random);
        const int key = i % 3 == 2 ? fresh++ : static_cast<int>(1000 * std::pow(uniform, 1 + skew));
        const double weight = std::uniform_int_distribution<>(1, 50)(random);
        sketch.add(key, weight);
        exact.add(key, weight);
      }
      SCOPED_TRACE(std::to_string(counters) + " counters, skew " + std::to_string(skew));
      expect_bounds(sketch, exact, counters);
    }
  }
}

TEST(SpaceSaving, KeepsThemWhenThePastCountsLess) {
  std::mt19937 random(7);
  SpaceSaving<int> sketch(50);
  Exact exact;
  for (int second = 0; second < 60; second++) {
    for (int i = 0; i < 500; i++) {
      const int key =
          second / 20 * 1000 + static_cast<int>(random() % 200) * static_cast<int>(random() % 2);
      sketch.add(key, 1);
      exact.add(key, 1);
    }
    sketch.scale(0.9);
    exact.scale(0.9);
    expect_bounds(sketch, exact, 50);
  }
  EXPECT_EQ(sketch.top(1)[0].key, 2000);  // what was busiest in the last twenty, not in the first
}

}  // namespace
}  // namespace postern::cli
