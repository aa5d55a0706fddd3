// SPDX-License-Identifier: BSD-3-Clause
//
// A worker's samples on their way: whole, in order, and lost only where there is no room.
#include "dataplane/engine/sample_ring.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <thread>
#include <vector>

namespace postern {
namespace {

constexpr uint64_t kAll = ~uint64_t{0};

class SampleRingTest : public testing::Test {
 protected:
  void offer(uint64_t time, uint32_t bytes = 100, uint32_t frame_bytes = 100) {
    ring_.offer(ps_decision_because(PS_REASON_RULE_DROP), PS_PORT_WAN, frame_.data(), bytes,
                frame_bytes, time);
  }
  std::vector<uint64_t> times() {
    std::vector<uint64_t> times;
    ring_.drain([&](const ps_sample& sample, std::span<const uint8_t>) {
      times.push_back(sample.time_ns);
    });
    return times;
  }

  SampleRing ring_;
  std::vector<uint8_t> frame_ = [] {
    std::vector<uint8_t> bytes(4096);
    std::iota(bytes.begin(), bytes.end(), uint8_t{0});
    return bytes;
  }();
};

TEST_F(SampleRingTest, AtFirstTakesNothing) {
  offer(1);
  EXPECT_TRUE(times().empty());
  EXPECT_EQ(ring_.lost(), 0u);
}

TEST_F(SampleRingTest, KeepsOrderAndBytes) {
  ring_.set({kAll, 1, 64});
  offer(1, 40, 40);
  offer(2, 100, 1500);
  std::vector<std::vector<uint8_t>> bytes;
  std::vector<ps_sample> samples;
  ring_.drain([&](const ps_sample& sample, std::span<const uint8_t> captured) {
    samples.push_back(sample);
    bytes.emplace_back(captured.begin(), captured.end());
  });
  ASSERT_EQ(samples.size(), 2u);
  EXPECT_EQ(samples[0].captured, 40u);
  EXPECT_EQ(samples[1].captured, 64u);  // the snap length
  EXPECT_EQ(samples[1].frame_bytes, 1500u);
  EXPECT_EQ(bytes[0], std::vector<uint8_t>(frame_.begin(), frame_.begin() + 40));
  EXPECT_EQ(bytes[1], std::vector<uint8_t>(frame_.begin(), frame_.begin() + 64));
}

// Who passes over as many as he may takes the very samples that he takes who offers each.
TEST_F(SampleRingTest, PassesOverOnlyWhatIsNotDue) {
  constexpr uint64_t kOffers = 100'000, kBurst = 64;
  ring_.set({kAll, 500, 0});
  for (uint64_t i = 0; i < kOffers; i++) offer(i);
  const auto each = times();
  SampleRing other;
  other.set({kAll, 500, 0});
  uint64_t passed_over = 0;
  for (uint64_t i = 0; i < kOffers; i += kBurst) {
    const uint64_t count = std::min(kBurst, kOffers - i);
    if (other.pass_over(static_cast<uint32_t>(count))) {
      passed_over += count;
      continue;
    }
    for (uint64_t j = i; j < i + count; j++)
      other.offer(ps_decision_because(PS_REASON_RULE_DROP), PS_PORT_WAN, frame_.data(), 100, 100,
                  j);
  }
  std::vector<uint64_t> taken;
  other.drain(
      [&](const ps_sample& sample, std::span<const uint8_t>) { taken.push_back(sample.time_ns); });
  EXPECT_EQ(taken, each);
  EXPECT_GT(each.size(), kOffers / 1000);
  EXPECT_GT(passed_over, kOffers / 2);
}

TEST_F(SampleRingTest, FullItLosesTheNewestAndCounts) {
  ring_.set({kAll, 1, 0});
  for (uint64_t i = 0; i < SampleRing::kSlots + 10; i++) offer(i);
  EXPECT_EQ(ring_.lost(), 10u);
  const auto first = times();
  ASSERT_EQ(first.size(), SampleRing::kSlots);
  EXPECT_EQ(first.front(), 0u);
  EXPECT_EQ(first.back(), SampleRing::kSlots - 1);
  offer(7777);
  EXPECT_EQ(times(), std::vector<uint64_t>{7777});
  EXPECT_EQ(ring_.lost(), 10u);
}

TEST_F(SampleRingTest, MoreThanThereIsRoomForIsCut) {
  ring_.set({kAll, 0, 1u << 30});  // what no sampling may be, too: one in none
  offer(1, 4096, 9000);
  size_t captured = 0;
  ring_.drain([&](const ps_sample& sample, std::span<const uint8_t> bytes) {
    captured = bytes.size();
    EXPECT_EQ(sample.every, 1u);
    EXPECT_EQ(sample.frame_bytes, 9000u);
  });
  EXPECT_EQ(captured, PS_SAMPLE_MAX_BYTES);
}

// Two threads: what arrives is what was offered, in order, and the rest is counted as lost. The
// worker goes on until the ring was filled and emptied many times over, however the two are
// scheduled: on a busy machine one of them may not run while the other offers millions. Where both
// have one core, and share it with others, each time takes time slices: then it is fewer times.
TEST_F(SampleRingTest, BetweenThreadsNothingIsTornOrUncounted) {
  constexpr uint64_t kEnough = 200 * SampleRing::kSlots, kLeast = 10 * SampleRing::kSlots;
  ring_.set({kAll, 1, 16});
  std::atomic<bool> done{false};
  std::atomic<uint64_t> taken{0};
  uint64_t offered = 0;
  std::thread worker([&] {
    uint8_t bytes[16];
    uint64_t wanted = kEnough;
    const auto late = std::chrono::steady_clock::now() + std::chrono::seconds{5};
    while (taken < wanted) {
      const uint64_t i = ++offered;
      if (i % (2 * SampleRing::kSlots) == 0 && std::chrono::steady_clock::now() > late)
        wanted = kLeast;
      std::memcpy(bytes, &i, 8);
      std::memcpy(bytes + 8, &i, 8);
      ring_.offer(ps_decision_because(PS_REASON_RULE_DROP), PS_PORT_WAN, bytes, 16,
                  static_cast<uint32_t>(i), i);
    }
    done = true;
  });
  uint64_t last = 0, torn = 0, unordered = 0;
  const auto drain = [&] {
    ring_.drain([&](const ps_sample& sample, std::span<const uint8_t> bytes) {
      uint64_t words[2];
      std::memcpy(words, bytes.data(), sizeof words);
      torn += words[0] != sample.time_ns || words[1] != sample.time_ns ||
              sample.frame_bytes != static_cast<uint32_t>(sample.time_ns);
      unordered += sample.time_ns <= last;
      last = sample.time_ns;
      taken++;
    });
  };
  while (!done) drain();
  worker.join();
  drain();
  EXPECT_EQ(torn, 0u);
  EXPECT_EQ(unordered, 0u);
  EXPECT_EQ(taken + ring_.lost(), offered);
}

}  // namespace
}  // namespace postern
