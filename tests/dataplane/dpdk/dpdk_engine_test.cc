// SPDX-License-Identifier: BSD-3-Clause
//
// DpdkEngine with its workers running: snapshots swapped under traffic, entries learned, counters
// exact to the packet. Snapshots are compiled from real policies.
#include "dataplane/dpdk/dpdk_engine.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "rules/compile/compile.h"
#include "rules/policy/parse.h"
#include "tests/dataplane/dpdk/ring_wire.h"

namespace postern::dpdk {
namespace {

using packets::Bytes;

// Every attempt meets the same action, so that a verdict tells which snapshot it came from.
std::shared_ptr<const Snapshot> snapshot_saying(const std::string& action) {
  const auto policy = parse_policy(
      "service mx 198.51.100.25/32 port 25\n"
      "connection to mx\n    " +
          action + " any\n",
      "test.policy");
  return Snapshot::from_bytes(compile(policy).bytes, action);
}

const Bytes kAttempt =
    packets::Ethernet{} / packets::Ipv4{.source = "203.0.113.7"} / packets::Tcp{};

class DpdkEngineTest : public testing::Test {
 protected:
  static constexpr uint16_t kQueues = 2;

  DpdkEngineTest() { engine_.start(); }

  // Sends to both queues and waits until all is counted.
  void pass_through(unsigned attempts) {
    for (unsigned i = 0; i < attempts; i++) {
      while (!wire_.send(PS_PORT_WAN, kAttempt, static_cast<uint16_t>(i % kQueues))) drain();
      sent_++;
    }
    settle();
  }
  void settle() {
    while (total(engine_.counters()) < sent_) {
      drain();
      std::this_thread::yield();
    }
    drain();
  }
  void drain() {
    for (uint16_t queue = 0; queue < kQueues; queue++) {
      onward_ += wire_.take_all(PS_PORT_MX, queue).size();
      back_ += wire_.take_all(PS_PORT_WAN, queue).size();
    }
  }
  static uint64_t total(const ps_counters& counters) {
    uint64_t sum = 0;
    for (const auto count : counters.packets[PS_PORT_WAN]) sum += count;
    return sum;
  }
  uint64_t count(ps_reason reason) const { return engine_.counters().packets[PS_PORT_WAN][reason]; }

  RingWire wire_{kQueues};
  DpdkEngine engine_{{{{wire_.wire(), "wan0", "mx0"}}, test_eal().workers(), 32, 20, 1024}};
  uint64_t sent_ = 0, onward_ = 0, back_ = 0;
};

TEST_F(DpdkEngineTest, PassesBeforeTheFirstSnapshot) {
  EXPECT_EQ(engine_.snapshot(), nullptr);
  pass_through(100);
  EXPECT_EQ(count(PS_REASON_NO_SNAPSHOT), 100u);
  EXPECT_EQ(onward_, 100u);
}

// From both workers, while they work: what is sampled and what is lost are all that there was.
TEST_F(DpdkEngineTest, SamplesComeFromEveryWorker) {
  engine_.load(snapshot_saying("drop"));
  engine_.set_sampling({uint64_t{1} << PS_REASON_RULE_DROP, 1, 64});
  uint64_t samples = 0;
  const TakeSample take = [&](const ps_sample& sample, std::span<const uint8_t> bytes) {
    EXPECT_EQ(sample.reason, PS_REASON_RULE_DROP);
    EXPECT_EQ(sample.action, PS_ACTION_DROP);
    EXPECT_EQ(sample.rule, 1u);
    EXPECT_NE(sample.cell, 0u);
    EXPECT_EQ(Bytes(bytes.begin(), bytes.end()), kAttempt);
    samples++;
  };
  for (int round = 0; round < 20; round++) {
    pass_through(200);
    engine_.drain_samples(take);
  }
  pass_through(3000);  // more than both rings hold
  engine_.drain_samples(take);
  const auto counters = engine_.counters();
  EXPECT_EQ(samples + counters.events[PS_EVENT_SAMPLE_LOST], 7000u);
  EXPECT_GE(counters.events[PS_EVENT_SAMPLE_LOST], 3000 - 2 * SampleRing::kSlots);
  EXPECT_EQ(counters.packets[PS_PORT_WAN][PS_REASON_RULE_DROP], 7000u);
  engine_.set_sampling({0, 1, 0});
  pass_through(100);
  engine_.drain_samples([](const ps_sample&, std::span<const uint8_t>) { ADD_FAILURE(); });
}

// Two wires side by side: what arrives on one leaves on the same, and is counted there.
TEST(DpdkEngineWires, AreCountedApart) {
  constexpr uint16_t kQueues = 2;
  RingWire one(kQueues), other(kQueues);
  DpdkEngine engine(
      {{{one.wire(), "wan0", "mx0"}, {other.wire(), "wan1", "mx1"}}, test_eal().workers(), 32, 20});
  engine.start();
  const auto pass = [&](RingWire& wire, ps_port port, size_t count) {
    for (size_t i = 0; i < count; i++)
      ASSERT_TRUE(wire.send(port, kAttempt, static_cast<uint16_t>(i % kQueues)));
    const auto out = port == PS_PORT_WAN ? PS_PORT_MX : PS_PORT_WAN;
    size_t came = 0;
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (came < count && std::chrono::steady_clock::now() < until)
      for (uint16_t queue = 0; queue < kQueues; queue++) came += wire.take_all(out, queue).size();
    EXPECT_EQ(came, count);
  };
  pass(one, PS_PORT_WAN, 30);
  pass(other, PS_PORT_WAN, 50);
  pass(other, PS_PORT_MX, 7);
  engine.stop();
  const auto pairs = engine.pairs();
  ASSERT_EQ(pairs.size(), 2u);
  EXPECT_EQ(pairs[0].wan, "wan0");
  EXPECT_EQ(pairs[1].mx, "mx1");
  EXPECT_EQ(pairs[0].counters.packets[PS_PORT_WAN][PS_REASON_NO_SNAPSHOT], 30u);
  EXPECT_EQ(pairs[1].counters.packets[PS_PORT_WAN][PS_REASON_NO_SNAPSHOT], 50u);
  EXPECT_EQ(pairs[0].counters.bytes[PS_PORT_MX], 0u);
  EXPECT_EQ(pairs[1].counters.packets[PS_PORT_MX][PS_REASON_FROM_INSIDE], 7u);
  const auto sum = engine.counters();
  EXPECT_EQ(sum.packets[PS_PORT_WAN][PS_REASON_NO_SNAPSHOT], 80u);
  EXPECT_EQ(sum.bytes[PS_PORT_WAN], 80 * kAttempt.size());
  EXPECT_EQ(one.mbufs_in_use() + other.mbufs_in_use(), 0u);
}

TEST_F(DpdkEngineTest, WhenLoadReturnsTheOldSnapshotIsGone) {
  const auto drop = snapshot_saying("drop"), allow = snapshot_saying("allow"),
             reset = snapshot_saying("reset");
  std::weak_ptr<const Snapshot> old;
  for (int round = 0; round < 30; round++) {
    auto extra = snapshot_saying("drop");
    old = extra;
    engine_.load(std::move(extra));
    engine_.load(drop);
    EXPECT_TRUE(old.expired());
    auto before = engine_.counters();
    pass_through(40);
    EXPECT_EQ(count(PS_REASON_RULE_DROP), before.packets[PS_PORT_WAN][PS_REASON_RULE_DROP] + 40);
    engine_.load(allow);
    before = engine_.counters();
    pass_through(40);
    EXPECT_EQ(count(PS_REASON_RULE_ALLOW), before.packets[PS_PORT_WAN][PS_REASON_RULE_ALLOW] + 40);
    engine_.load(reset);
    pass_through(40);
  }
  EXPECT_EQ(engine_.snapshot(), reset);
  EXPECT_EQ(count(PS_REASON_RULE_RESET), 30u * 40u);
  EXPECT_EQ(onward_, 30u * 40u);
  EXPECT_EQ(back_, 30u * 40u);
  EXPECT_EQ(wire_.mbufs_in_use(), 0u);
}

TEST_F(DpdkEngineTest, NoPacketIsLostWhileSnapshotsAreSwapped) {
  const auto drop = snapshot_saying("drop"), allow = snapshot_saying("allow");
  engine_.load(allow);
  std::atomic<bool> done = false;
  std::thread swapper([&] {
    for (int i = 0; i < 200; i++) engine_.load(i % 2 ? allow : drop);
    done = true;
  });
  do pass_through(100);
  while (!done);
  swapper.join();
  settle();
  const auto counters = engine_.counters();
  EXPECT_EQ(total(counters), sent_);
  EXPECT_EQ(count(PS_REASON_RULE_ALLOW) + count(PS_REASON_RULE_DROP), sent_);
  EXPECT_EQ(onward_, count(PS_REASON_RULE_ALLOW));
  EXPECT_EQ(counters.bytes[PS_PORT_WAN], sent_ * kAttempt.size());
  EXPECT_EQ(wire_.mbufs_in_use(), 0u);
}

TEST_F(DpdkEngineTest, AnEntryIsInForceWhenAddReturns) {
  engine_.load(snapshot_saying("inspect"));
  const auto prefix = *Prefix::parse("203.0.113.7/32", Prefix::HostBits::kRefuse);
  for (uint64_t round = 1; round <= 50; round++) {
    const auto now = monotonic_ns();
    engine_.dynamic().add({prefix, Action::DROP, "test", now + 3'600'000'000'000}, now);
    pass_through(20);
    EXPECT_EQ(count(PS_REASON_LEARNED_DROP), round * 20);
    engine_.dynamic().remove(prefix);
    pass_through(20);
    EXPECT_EQ(count(PS_REASON_RULE_INSPECT), round * 20);
  }
}

TEST_F(DpdkEngineTest, TheImageIsTheSnapshotsOwnOrACopyOfIt) {
  const auto snapshot = snapshot_saying("drop");
  const LoadedImage loaded(snapshot, 1);
  const auto bytes = snapshot->image_bytes();
  EXPECT_EQ(loaded.rules()->image.count, snapshot->header().engine_blocks);
  EXPECT_EQ(std::memcmp(loaded.rules()->image.blocks, bytes.data(), bytes.size()), 0);
}

TEST_F(DpdkEngineTest, OnlyAProfileCountsCycles) {
  engine_.load(snapshot_saying("drop"));
  pass_through(100);
  EXPECT_EQ(engine_.profile().packets, 0u);
  engine_.stop();

  DpdkEngine profiled{{.wires = {{wire_.wire(), "", ""}},
                       .workers = test_eal().workers(),
                       .dynamic_entries = 1024,
                       .profile = true}};
  profiled.load(snapshot_saying("drop"));
  profiled.start();
  for (int i = 0; i < 100; i++) ASSERT_TRUE(wire_.send(PS_PORT_WAN, kAttempt));
  while (total(profiled.counters()) < 100) std::this_thread::yield();
  profiled.stop();
  const auto profile = profiled.profile();
  EXPECT_EQ(profile.packets, 100u);
  EXPECT_GE(profile.bursts, 2u);
  EXPECT_LE(profile.bursts, 100u);
  for (size_t stage = 0; stage < kStageWords.size(); stage++)
    EXPECT_GT(profile.cycles[stage], 0u) << kStageWords[stage];
  const auto line = to_string(profile);
  EXPECT_TRUE(line.starts_with("packets=100 bursts=")) << line;
  EXPECT_NE(line.find(" look-up="), std::string::npos) << line;
}

TEST_F(DpdkEngineTest, StopsAndStartsAgain) {
  engine_.stop();
  ASSERT_TRUE(wire_.send(PS_PORT_WAN, kAttempt));
  engine_.load(snapshot_saying("drop"));  // nobody polls: nobody to wait for
  EXPECT_EQ(total(engine_.counters()), 0u);
  sent_++;
  engine_.start();
  settle();
  EXPECT_EQ(count(PS_REASON_RULE_DROP), 1u);
}

}  // namespace
}  // namespace postern::dpdk
