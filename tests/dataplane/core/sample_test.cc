// SPDX-License-Identifier: BSD-3-Clause
//
// Which packets are sampled: by reason, one in so many on the average, and never by a regular step.
#include "dataplane/core/sample.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

namespace postern {
namespace {

constexpr uint64_t kDrops = uint64_t{1} << PS_REASON_RULE_DROP;

TEST(Sample, NothingIsDueWithoutItsReason) {
  ps_sampler sampler{};
  for (uint32_t reason = 0; reason < PS_REASON_COUNT; reason++) {
    EXPECT_EQ(ps_sample_due(0, 1, reason, &sampler), 0);
    EXPECT_EQ(ps_sample_due(kDrops, 1, reason, &sampler), reason == PS_REASON_RULE_DROP ? 1 : 0);
  }
}

TEST(Sample, OneInOneIsEveryPacket) {
  ps_sampler sampler{};
  for (int i = 0; i < 1000; i++)
    ASSERT_EQ(ps_sample_due(kDrops, 1, PS_REASON_RULE_DROP, &sampler), 1);
}

// The mean of n gaps that are uniform on 1..2N-1 has the deviation N/sqrt(3n): ten of these are
// allowed for.
TEST(Sample, OneInSoManyOnTheAverageAtIrregularSteps) {
  for (const uint32_t every : {2u, 3u, 10u, 1000u}) {
    ps_sampler sampler{};
    std::map<uint32_t, int> gaps;
    uint32_t gap = 0;
    const uint32_t packets = every * 20'000;
    uint32_t samples = 0;
    for (uint32_t i = 0; i < packets; i++) {
      gap++;
      if (!ps_sample_due(kDrops, every, PS_REASON_RULE_DROP, &sampler)) continue;
      gaps[gap]++;
      gap = 0;
      samples++;
    }
    EXPECT_NEAR(samples, 20'000, 10 * 20'000 / std::sqrt(3.0 * 20'000)) << every;
    EXPECT_EQ(gaps.begin()->first, 1u);
    EXPECT_LE(gaps.rbegin()->first, 2 * every - 1);
    EXPECT_GT(gaps.size(), every);  // of the 2N-1 that there are
  }
}

TEST(Sample, AWishForMoreIsHeardAtOnce) {
  ps_sampler sampler{};
  int packets = 0;
  while (sampler.left < 1000)  // a long wait has been drawn
    ps_sample_due(kDrops, PS_SAMPLE_MAX_EVERY, PS_REASON_RULE_DROP, &sampler);
  while (!ps_sample_due(kDrops, 10, PS_REASON_RULE_DROP, &sampler)) packets++;
  EXPECT_LT(packets, 20);
}

TEST(Sample, SaysWhatWasDecided) {
  auto decision = ps_decision_because(PS_REASON_RULE_RESET);
  decision.cell = 7;
  decision.rule = 3;
  decision.observed_rule = 2;
  decision.over_limit = 1;
  const auto sample = ps_sample_of(&decision, PS_PORT_MX, 100, 12345);
  EXPECT_EQ(sample.time_ns, 12345u);
  EXPECT_EQ(sample.cell, 7u);
  EXPECT_EQ(sample.rule, 3u);
  EXPECT_EQ(sample.observed_rule, 2u);
  EXPECT_EQ(sample.every, 100u);
  EXPECT_EQ(sample.port, PS_PORT_MX);
  EXPECT_EQ(sample.reason, PS_REASON_RULE_RESET);
  EXPECT_EQ(sample.action, PS_ACTION_DROP);
  EXPECT_EQ(sample.over_limit, 1u);
}

}  // namespace
}  // namespace postern
