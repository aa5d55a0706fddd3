// SPDX-License-Identifier: BSD-3-Clause
//
// Samples for several readers: who sees which, what is lost, and how often is sampled.
#include "dataplane/engine/sample_feed.h"

#include <gtest/gtest.h>

#include "tests/dataplane/engine/memory_engine.h"

namespace postern {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kStart = 1000 * kSecond;
constexpr uint64_t kTick = kSecond / 20;
constexpr int64_t kUnix = 1'700'000'000'000'000'000;

uint64_t bit(ps_reason reason) {
  return uint64_t{1} << reason;
}

class SampleFeedTest : public testing::Test {
 protected:
  void arrive(ps_reason reason, int packets = 1) {
    for (int i = 0; i < packets; i++)
      engine_.samples_.offer(ps_decision_because(reason), PS_PORT_WAN, bytes_, sizeof bytes_, 1500,
                             now_);
    engine_.counters_.packets[PS_PORT_WAN][reason] += static_cast<uint64_t>(packets);
  }
  void tick(uint64_t later = kTick) {
    now_ += later;
    feed_.tick(now_, kUnix + static_cast<int64_t>(now_ - kStart));
  }
  bool wish(const SampleWish& wish) { return feed_.wish(wish, now_); }

  const SampleWish drops_{.reasons = bit(PS_REASON_RULE_DROP)};
  uint8_t bytes_[200] = {};
  uint64_t now_ = kStart;
  MemoryEngine engine_;
  SampleFeed feed_{engine_, 1000, 100};
};

TEST_F(SampleFeedTest, WithoutAWishNothingIsSampled) {
  arrive(PS_REASON_RULE_DROP, 10);
  tick();
  EXPECT_EQ(engine_.sampling_.reasons, 0u);
  EXPECT_TRUE(feed_.read(drops_, 0, 100).samples.empty());
}

TEST_F(SampleFeedTest, AReaderSeesWhatItWishesAndGoesOnWhereItWas) {
  ASSERT_TRUE(wish(drops_));
  ASSERT_TRUE(wish({.reasons = bit(PS_REASON_RULE_RESET), .snap = 64}));
  const auto from = feed_.read(drops_, std::nullopt, 100);
  EXPECT_TRUE(from.samples.empty());
  arrive(PS_REASON_RULE_DROP, 2);
  arrive(PS_REASON_RULE_RESET, 1);
  arrive(PS_REASON_NO_RULE, 5);
  arrive(PS_REASON_RULE_DROP, 1);
  tick();
  const auto first = feed_.read(drops_, from.next, 2);
  ASSERT_EQ(first.samples.size(), 2u);
  EXPECT_EQ(first.samples[0]->sequence, 100u);
  EXPECT_EQ(first.samples[0]->time_ns, kUnix);
  EXPECT_EQ(first.samples[0]->bytes.size(), 128u);  // the largest wish
  EXPECT_EQ(first.samples[0]->sample.frame_bytes, 1500u);
  const auto second = feed_.read(drops_, first.next, 2);
  ASSERT_EQ(second.samples.size(), 1u);
  EXPECT_EQ(second.samples[0]->sequence, 103u);
  EXPECT_TRUE(feed_.read(drops_, second.next, 2).samples.empty());
  EXPECT_EQ(second.lost, 0u);
  // Another reader, another place.
  const auto other = feed_.read({.reasons = bit(PS_REASON_RULE_RESET)}, from.next, 100);
  ASSERT_EQ(other.samples.size(), 1u);
  EXPECT_EQ(other.samples[0]->sequence, 102u);
}

TEST_F(SampleFeedTest, WhoComesTooLateIsToldHowMuchIsLost) {
  wish(drops_);
  const auto from = feed_.read(drops_, std::nullopt, 1).next;
  const size_t rounds = SampleFeed::kMaxSamples / 100 + 1;
  for (size_t i = 0; i < rounds; i++) {
    wish(drops_);
    for (int packet = 0; packet < 100; packet++)  // not as many as the counters would bound
      engine_.samples_.offer(ps_decision_because(PS_REASON_RULE_DROP), PS_PORT_WAN, bytes_, 128,
                             128, now_);
    tick();
  }
  const auto batch = feed_.read(drops_, from, 1000);
  EXPECT_EQ(batch.samples.size(), 1000u);
  EXPECT_EQ(batch.lost, rounds * 100 - SampleFeed::kMaxSamples);
  EXPECT_EQ(batch.samples[0]->sequence, 100 + batch.lost);
  EXPECT_EQ(feed_.read(drops_, batch.next, 1000).lost, 0u);
  // What an engine before this one numbered is no loss of this one's; nor is what is to come.
  EXPECT_EQ(feed_.read(drops_, 5, 10).lost, 0u);
  EXPECT_EQ(feed_.read(drops_, 5, 10).samples.size(), 10u);
  EXPECT_TRUE(feed_.read(drops_, 99'999'999, 10).samples.empty());
}

TEST_F(SampleFeedTest, FramesAreBoundedByTheirBytes) {
  uint8_t large[PS_SAMPLE_MAX_BYTES] = {};
  const SampleWish whole{.reasons = drops_.reasons, .snap = PS_SAMPLE_MAX_BYTES};
  for (int i = 0; i < 100; i++) {
    wish(whole);
    for (int packet = 0; packet < 100; packet++)
      engine_.samples_.offer(ps_decision_because(PS_REASON_RULE_DROP), PS_PORT_WAN, large,
                             sizeof large, sizeof large, now_);
    tick();
  }
  const auto batch = feed_.read(whole, 99, 100'000);
  EXPECT_EQ(batch.samples.size(), SampleFeed::kMaxBytes / PS_SAMPLE_MAX_BYTES);
  EXPECT_EQ(batch.lost, 10'000 - batch.samples.size());
}

TEST_F(SampleFeedTest, AWishThatIsNotRepeatedIsForgotten) {
  wish(drops_);
  tick(SampleFeed::kWishNs - kTick);
  EXPECT_EQ(engine_.sampling_.reasons, drops_.reasons);
  wish(drops_);
  tick(SampleFeed::kWishNs - kTick);
  EXPECT_EQ(engine_.sampling_.reasons, drops_.reasons);
  tick(2 * kTick);
  EXPECT_EQ(engine_.sampling_.reasons, 0u);
}

TEST_F(SampleFeedTest, OnlySoManyDifferentWishes) {
  for (uint32_t i = 1; i <= SampleFeed::kMaxWishes; i++)
    EXPECT_TRUE(wish({.reasons = 1, .every = i}));
  EXPECT_FALSE(wish(drops_));
  EXPECT_TRUE(wish({.reasons = 1, .every = 7}));
  SampleFeed none(engine_, 0, 1);
  EXPECT_FALSE(none.wish(drops_, now_));
}

TEST_F(SampleFeedTest, WishesAreMergedToTheLargest) {
  wish({.reasons = 1, .every = 10, .snap = 64});
  wish({.reasons = 4, .every = 1000, .snap = 256});
  EXPECT_EQ(engine_.sampling_.reasons, 5u);
  EXPECT_EQ(engine_.sampling_.every, 10u);
  EXPECT_EQ(engine_.sampling_.snap, 256u);
}

// A million drops a second are met by a thousand samples, from the second tick on; when the flood
// is over, by all of them again.
TEST_F(SampleFeedTest, AFloodIsSampledAsOftenAsAllowed) {
  wish(drops_);
  for (int i = 0; i < 20; i++) {
    engine_.counters_.packets[PS_PORT_WAN][PS_REASON_RULE_DROP] += 50'000;
    engine_.counters_.packets[PS_PORT_WAN][PS_REASON_NO_RULE] += 1'000'000;  // nobody's wish
    wish(drops_);
    tick();
    if (i > 0) {
      ASSERT_EQ(engine_.sampling_.every, 1000u) << i;
    }
  }
  for (int i = 0; i < 100; i++) {
    wish(drops_);
    tick();
  }
  EXPECT_EQ(engine_.sampling_.every, 1u);
}

TEST_F(SampleFeedTest, ASampleKnowsItsRulesOnlyWhileTheyLast) {
  wish(drops_);
  arrive(PS_REASON_RULE_DROP);
  tick();
  EXPECT_EQ(feed_.read(drops_, 99, 1).samples[0]->snapshot.lock(), nullptr);
}

}  // namespace
}  // namespace postern
