// SPDX-License-Identifier: BSD-3-Clause
//
// A thousand snapshots, back to back, under a stream of numbered attempts: none is lost, none is
// judged by a mixture of two, what passes keeps its order, and what lists and rules have counted
// adds up over all of them.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "dataplane/dpdk/dpdk_engine.h"
#include "tests/dataplane/dpdk/ring_wire.h"
#include "tests/rules/support/agreeing_rules.h"
#include "tests/rules/support/largest_matrix.h"

namespace postern::dpdk {
namespace {

using packets::Bytes;
using test::AgreeingRules;

constexpr int kSwaps = 1000;
constexpr uint16_t kQueues = 2;
constexpr uint32_t kBurst = 512;  // sent to a queue before its results are taken
constexpr size_t kSequence = 38;  // where TCP's sequence number is in these frames

uint32_t sequence_of(const Bytes& frame) {
  uint32_t number = 0;
  for (size_t i = 0; i < 4; i++) number = number << 8 | frame.at(kSequence + i);
  return number;
}

TEST(Swap, AThousandSnapshotsLoseNothingAndMixNothing) {
  const AgreeingRules rules;
  RingWire wire(kQueues);
  DpdkEngine engine({.wires = {{wire.wire(), "", ""}}, .workers = test_eal().workers()});
  engine.load(rules.first);
  engine.start();

  std::atomic<bool> done = false;
  std::thread swapper([&] {
    for (int i = 0; i < kSwaps; i++) engine.load(i % 2 ? rules.first : rules.second);
    done = true;
  });

  uint64_t sent[AgreeingRules::kSources.size()] = {}, total = 0, passed = 0, answered = 0;
  uint32_t next[kQueues] = {}, last_passed[kQueues] = {};
  const auto counted = [&] {
    uint64_t sum = 0;
    for (const auto count : engine.counters().packets[PS_PORT_WAN]) sum += count;
    return sum;
  };
  const auto take = [&] {
    for (uint16_t queue = 0; queue < kQueues; queue++) {
      for (const auto& frame : wire.take_all(PS_PORT_MX, queue)) {
        ASSERT_GT(sequence_of(frame), last_passed[queue]);
        last_passed[queue] = sequence_of(frame);
        passed++;
      }
      answered += wire.take_all(PS_PORT_WAN, queue).size();
    }
  };
  do {
    for (uint16_t queue = 0; queue < kQueues; queue++)
      for (uint32_t i = 0; i < kBurst; i++) {
        const size_t which = i % AgreeingRules::kSources.size();
        const Bytes frame = packets::Ethernet{} /
                            packets::Ipv4{.source = AgreeingRules::kSources[which].address} /
                            packets::Tcp{.sequence = ++next[queue]};
        ASSERT_TRUE(wire.send(PS_PORT_WAN, frame, queue));
        sent[which]++;
        total++;
      }
    while (counted() < total) std::this_thread::yield();
    take();
  } while (!done);
  swapper.join();
  take();
  engine.stop();
  take();

  const auto counters = engine.counters();
  EXPECT_EQ(counted(), total);
  for (size_t i = 0; i < AgreeingRules::kSources.size(); i++) {
    const auto reason = AgreeingRules::kSources[i].reason;
    EXPECT_EQ(counters.packets[PS_PORT_WAN][static_cast<size_t>(reason)], sent[i]) << word(reason);
  }
  EXPECT_EQ(passed, sent[1] + sent[3]);
  EXPECT_EQ(answered, sent[2]);
  EXPECT_EQ(wire.mbufs_in_use(), 0u);
  const auto& lists = engine.rule_totals().lists;
  EXPECT_EQ(lists.at("dropped").count, (AttemptCount{sent[0], sent[0]}));
  EXPECT_EQ(lists.at("inspected").count, (AttemptCount{sent[1], 0}));
  EXPECT_EQ(lists.at("reset").count, (AttemptCount{sent[2], sent[2]}));
  EXPECT_EQ(lists.at("allowed").count, (AttemptCount{sent[3], 0}));
}

// A million cells, each counted by itself.
TEST(LargestMatrix, IsJudgedByAndCounted) {
  const test::LargestMatrix largest;
  ASSERT_EQ(
      size_t{largest.snapshot->header().policy_count} * largest.snapshot->header().class_count,
      size_t{PS_MAX_MATRIX_CELLS});
  RingWire wire(kQueues);
  DpdkEngine engine({.wires = {{wire.wire(), "", ""}}, .workers = test_eal().workers()});
  engine.load(largest.snapshot);
  engine.start();
  uint64_t sent = 0, dropped = 0;
  // The workers may not run for a while: then nothing more fits into their rings.
  const auto make_room = [&] {
    for (uint16_t queue = 0; queue < kQueues; queue++) wire.take_all(PS_PORT_MX, queue);
    std::this_thread::yield();
  };
  for (uint32_t number = 0; number < 1u << test::LargestMatrix::kBits; number += 97)
    for (uint32_t k = 0; k < test::LargestMatrix::kPolicies; k += 7) {
      const Bytes frame = packets::Ethernet{} /
                          packets::Ipv4{.source = test::LargestMatrix::source(number),
                                        .destination = test::LargestMatrix::destination(k)} /
                          packets::Tcp{};
      while (!wire.send(PS_PORT_WAN, frame, static_cast<uint16_t>(number % kQueues))) make_room();
      sent++;
      dropped += test::LargestMatrix::drops(k, number);
      if (sent % 512 == 0) make_room();
    }
  const auto counted = [&] {
    uint64_t sum = 0;
    for (const auto count : engine.counters().packets[PS_PORT_WAN]) sum += count;
    return sum;
  };
  while (counted() < sent) make_room();
  engine.stop();
  EXPECT_EQ(engine.counters().packets[PS_PORT_WAN][PS_REASON_RULE_DROP], dropped);
  uint64_t sum = 0;
  for (const auto& cell : engine.rule_counts().cells) {
    EXPECT_LE(cell.attempts, 1u);
    EXPECT_EQ(cell.over_limit, 0u);
    sum += cell.attempts;
  }
  EXPECT_EQ(sum, sent);
}

}  // namespace
}  // namespace postern::dpdk
