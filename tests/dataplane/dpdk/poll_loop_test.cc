// SPDX-License-Identifier: BSD-3-Clause
//
// Bursts of real mbufs through PollLoop: each frame ends where its verdict says, byte for byte, the
// ledger is exact, and no mbuf is lost. The corpus and the oracle are those of the core's tests.
#include "dataplane/dpdk/poll_loop.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "dataplane/engine/answer_budget.h"
#include "tests/dataplane/dpdk/ring_wire.h"
#include "tests/packets/corpus.h"

namespace postern::dpdk {
namespace {

using packets::Bytes;
using packets::corpus_world;
using packets::kNow;

// The frames of the corpus that fit a single mbuf, as a network card would deliver them.
constexpr size_t kLargestFrame = 2048;

class PollLoopTest : public testing::Test {
 protected:
  explicit PollLoopTest(unsigned egress = 4096) : wire_(1, egress) { active_ = &rules_; }

  ps_counters counted() const {
    ps_counters total{};
    loop_.add_to(total);
    return total;
  }
  static uint64_t received(const ps_counters& counters, ps_port port) {
    uint64_t sum = 0;
    for (const auto count : counters.packets[port]) sum += count;
    return sum;
  }

  RingWire wire_;
  packets::WorldImage image_{corpus_world()};
  packets::WorldEntries entries_{corpus_world()};
  std::vector<ps_cell_count> cells_ = std::vector<ps_cell_count>(image_.cells());
  const WorkerRules rules_{image_.image(), cells_.data(), nullptr};
  RulesInForce active_{nullptr};
  packets::WorldLimits limits_;
  const ps_tables tables_{entries_.table(), limits_.table(), &corpus_world().cookies};
  PollLoop loop_{wire_.wire(), 0, 32, active_, tables_, answer_budget(kMaxAnswersPerSecond, 1)};
};

TEST_F(PollLoopTest, NothingToDo) {
  EXPECT_EQ(loop_.poll(kNow), 0u);
  EXPECT_EQ(received(counted(), PS_PORT_WAN), 0u);
}

TEST_F(PollLoopTest, EachFrameOfTheCorpusEndsWhereItShould) {
  packets::NaiveJudge oracle(corpus_world());
  size_t run = 0;
  for (const auto& test : packets::corpus()) {
    if (test.frame.size() > kLargestFrame) continue;
    SCOPED_TRACE(test.name);
    run++;
    active_ = test.with_rules ? &rules_ : nullptr;
    for (int i = 0; i < test.before; i++) {
      oracle.judge(test.port, test.frame, test.now_ns, test.with_rules);
      ASSERT_TRUE(wire_.send(test.port, test.frame));
      ASSERT_EQ(loop_.poll(test.now_ns), 1u);
      wire_.take_all(PS_PORT_WAN);
      wire_.take_all(PS_PORT_MX);
    }
    const auto expected = oracle.judge(test.port, test.frame, test.now_ns, test.with_rules);
    const auto before = counted();
    ASSERT_TRUE(wire_.send(test.port, test.frame));
    ASSERT_EQ(loop_.poll(test.now_ns), 1u);
    const auto after = counted();

    const auto reason = static_cast<size_t>(test.reason);
    EXPECT_EQ(after.packets[test.port][reason], before.packets[test.port][reason] + 1);
    EXPECT_EQ(received(after, test.port), received(before, test.port) + 1);
    EXPECT_EQ(after.bytes[test.port], before.bytes[test.port] + test.frame.size());

    const auto other = test.port == PS_PORT_WAN ? PS_PORT_MX : PS_PORT_WAN;
    const auto onward = wire_.take_all(other), back = wire_.take_all(test.port);
    if (test.action == Action::ALLOW || test.action == Action::INSPECT) {
      EXPECT_EQ(onward, std::vector<Bytes>{test.frame});
      EXPECT_TRUE(back.empty());
    } else if (test.action == Action::RESET || test.action == Action::REFUSE) {
      ASSERT_TRUE(expected.reply.has_value());
      EXPECT_TRUE(onward.empty());
      EXPECT_EQ(back, std::vector<Bytes>{*expected.reply});
    } else {
      EXPECT_TRUE(onward.empty());
      EXPECT_TRUE(back.empty());
    }
    ASSERT_EQ(wire_.mbufs_in_use(), 0u);
  }
  EXPECT_GT(run, 50u);
}

// Whole bursts of changed frames: the sums agree with the oracle's, and so does the order in which
// what passes leaves.
TEST_F(PollLoopTest, BurstsAgreeWithTheOracle) {
  packets::Mutations mutations(20);
  packets::NaiveJudge oracle(corpus_world());
  std::map<Reason, uint64_t> expected;
  uint64_t bytes = 0, total = 0;
  for (int round = 0; round < 400; round++) {
    std::vector<Bytes> onward, back;
    for (int i = 0; i < 32;) {
      auto mutant = mutations.next();
      if (mutant.port != PS_PORT_WAN || mutant.frame.size() > kLargestFrame) continue;
      const auto judged = oracle.judge(PS_PORT_WAN, mutant.frame, kNow);
      expected[judged.reason]++;
      bytes += mutant.frame.size();
      total++;
      ASSERT_TRUE(wire_.send(PS_PORT_WAN, mutant.frame));
      if (judged.reply)
        back.push_back(*judged.reply);
      else if (!describe(judged.reason).stops)
        onward.push_back(std::move(mutant.frame));
      i++;
    }
    ASSERT_EQ(loop_.poll(kNow), 32u);
    ASSERT_EQ(wire_.take_all(PS_PORT_MX), onward);
    ASSERT_EQ(wire_.take_all(PS_PORT_WAN), back);
  }
  const auto counters = counted();
  EXPECT_EQ(received(counters, PS_PORT_WAN), total);
  EXPECT_EQ(counters.bytes[PS_PORT_WAN], bytes);
  for (size_t reason = 0; reason < PS_REASON_COUNT; reason++)
    EXPECT_EQ(counters.packets[PS_PORT_WAN][reason], expected[static_cast<Reason>(reason)])
        << kReasonWords[reason].word;
  EXPECT_EQ(wire_.mbufs_in_use(), 0u);
}

const packets::Case& find(Action action) {
  for (const auto& test : packets::corpus())
    if (test.action == action && test.port == PS_PORT_WAN && test.with_rules && test.now_ns == kNow)
      return test;
  throw std::logic_error("the corpus has no such case");
}

TEST_F(PollLoopTest, APacketInSegmentsIsJudgedAsOne) {
  for (const auto action : {Action::ALLOW, Action::DROP, Action::RESET}) {
    const auto& test = find(action);
    for (const size_t segment : {1u, 7u, 14u, 20u, 33u, 40u}) {
      SCOPED_TRACE(test.name + " in segments of " + std::to_string(segment));
      const auto reason = static_cast<size_t>(test.reason);
      const auto before = counted().packets[PS_PORT_WAN][reason];
      ASSERT_TRUE(wire_.send(PS_PORT_WAN, test.frame, 0, segment));
      ASSERT_EQ(loop_.poll(kNow), 1u);
      EXPECT_EQ(counted().packets[PS_PORT_WAN][reason], before + 1);
      const auto onward = wire_.take_all(PS_PORT_MX);
      EXPECT_EQ(onward.size(), action == Action::ALLOW ? 1u : 0u);
      if (!onward.empty()) {
        EXPECT_EQ(onward[0], test.frame);
      }
      EXPECT_EQ(wire_.take_all(PS_PORT_WAN).size(), action == Action::RESET ? 1u : 0u);
      EXPECT_EQ(wire_.mbufs_in_use(), 0u);
    }
  }
}

// One that cannot be pulled into its first mbuf: no driver could send it on.
TEST_F(PollLoopTest, APacketLargerThanAnMbufIsStoppedByName) {
  const Bytes frame =
      packets::Ethernet{} / packets::Ipv4{} / packets::Tcp{} / packets::payload(4000);
  const Bytes small = packets::Ethernet{} / packets::Ipv4{} / packets::Tcp{.destination_port = 80};
  for (const auto port : {PS_PORT_WAN, PS_PORT_MX}) {
    const auto there = port == PS_PORT_WAN ? PS_PORT_MX : PS_PORT_WAN;
    ASSERT_TRUE(wire_.send(port, small));
    ASSERT_TRUE(wire_.send(port, frame, 0, 2000));
    ASSERT_TRUE(wire_.send(port, small));
    ASSERT_EQ(loop_.poll(kNow), 3u);
    const auto counters = counted();
    EXPECT_EQ(counters.packets[port][PS_REASON_EGRESS_FULL], 1u);
    EXPECT_EQ(counters.bytes[port], frame.size() + 2 * small.size());
    const auto onward = wire_.take_all(there);
    ASSERT_EQ(onward.size(), 2u) << "those beside it pass";
    EXPECT_EQ(onward[0], small);
    EXPECT_EQ(onward[1], small);
    EXPECT_EQ(wire_.mbufs_in_use(), 0u);
  }
}

TEST_F(PollLoopTest, NoMoreRepliesThanTheBudget) {
  PollLoop loop(wire_.wire(), 0, 32, active_, tables_, answer_budget(1000, 1));
  const auto& reset = find(Action::RESET);
  const auto round = [&](uint64_t now) {
    for (int i = 0; i < 300; i++) ASSERT_TRUE(wire_.send(PS_PORT_WAN, reset.frame));
    while (loop.poll(now) != 0) {
    }
  };
  round(kNow);
  EXPECT_EQ(wire_.take_all(PS_PORT_WAN).size(), 101u);  // a tenth of a second's at once
  round(kNow + 500'000'000);
  EXPECT_EQ(wire_.take_all(PS_PORT_WAN).size(), 101u);
  round(kNow + 510'000'000);
  EXPECT_EQ(wire_.take_all(PS_PORT_WAN).size(), 10u);
  ps_counters counters{};
  loop.add_to(counters);
  EXPECT_EQ(counters.packets[PS_PORT_WAN][PS_REASON_ANSWER_LIMIT], 900u - 212u);
  EXPECT_EQ(wire_.mbufs_in_use(), 0u);

  PollLoop silent(wire_.wire(), 0, 32, active_, tables_, answer_budget(0, 1));
  ASSERT_TRUE(wire_.send(PS_PORT_WAN, reset.frame));
  silent.poll(kNow);
  EXPECT_TRUE(wire_.take_all(PS_PORT_WAN).empty());
}

// A refusal is longer than the command that it answers, and here the mbuf has no room for more.
TEST_F(PollLoopTest, WhereAPacketCannotGrowARstIsSent) {
  for (const auto& test : packets::corpus()) {
    if (test.reason != Reason::REFUSAL_TEXT || test.port != PS_PORT_WAN) continue;
    SCOPED_TRACE(test.name);
    const auto before = counted().packets[PS_PORT_WAN][PS_REASON_NO_REPLY_ROOM];
    ASSERT_TRUE(wire_.send_full(PS_PORT_WAN, test.frame));
    ASSERT_EQ(loop_.poll(kNow), 1u);
    const auto back = wire_.take_all(PS_PORT_WAN);
    ASSERT_EQ(back.size(), 1u);
    const size_t tcp = test.frame[12] == 0x86 ? 54 : 34;
    if (back[0].size() == tcp + 20) {  // else the text is shorter than the command
      EXPECT_EQ(back[0][tcp + 13], packets::kRst);
      EXPECT_EQ(counted().packets[PS_PORT_WAN][PS_REASON_NO_REPLY_ROOM], before + 1);
    }
    EXPECT_EQ(wire_.mbufs_in_use(), 0u);
  }
  EXPECT_GT(counted().packets[PS_PORT_WAN][PS_REASON_NO_REPLY_ROOM], 10u);
}

TEST_F(PollLoopTest, EventsAreCountedBesides) {
  const Bytes frame = packets::Ethernet{} / packets::Ipv4{.source = "198.19.8.77"} / packets::Tcp{};
  for (int i = 0; i < 5; i++) {
    ASSERT_TRUE(wire_.send(PS_PORT_WAN, frame));
    ASSERT_EQ(loop_.poll(kNow), 1u);
  }
  EXPECT_EQ(counted().events[PS_EVENT_LIMIT_OBSERVED], 4u);
  EXPECT_EQ(counted().packets[PS_PORT_WAN][PS_REASON_NO_RULE], 5u);
}

// Each frame is shown as it was received, also where it became its own reply.
TEST_F(PollLoopTest, SamplesShowWhatWasReceived) {
  loop_.samples().set({~uint64_t{0}, 1, PS_SAMPLE_MAX_BYTES});
  size_t run = 0, replies = 0;
  for (const auto& test : packets::corpus()) {
    if (test.frame.size() > kLargestFrame || test.before > 0) continue;
    if (test.reason == Reason::BAD_CHECKSUM) continue;  // found out when the reply is made
    SCOPED_TRACE(test.name);
    run++;
    active_ = test.with_rules ? &rules_ : nullptr;
    ASSERT_TRUE(wire_.send(test.port, test.frame));
    ASSERT_EQ(loop_.poll(test.now_ns), 1u);
    wire_.take_all(PS_PORT_MX);
    replies += test.port == PS_PORT_WAN && !wire_.take_all(PS_PORT_WAN).empty();
    size_t samples = 0;
    loop_.samples().drain([&](const ps_sample& sample, std::span<const uint8_t> bytes) {
      samples++;
      EXPECT_EQ(kReasonWords[sample.reason].word, word(test.reason));
      EXPECT_EQ(sample.port, test.port);
      EXPECT_EQ(sample.time_ns, test.now_ns);
      EXPECT_EQ(sample.frame_bytes, test.frame.size());
      EXPECT_EQ(Bytes(bytes.begin(), bytes.end()), test.frame);
    });
    EXPECT_EQ(samples, 1u);
  }
  EXPECT_GT(run, 50u);
  EXPECT_GT(replies, 10u);
}

TEST_F(PollLoopTest, SamplesThatHaveNoRoomAreCountedAndTheirPacketsNotHarmed) {
  loop_.samples().set({uint64_t{1} << PS_REASON_RULE_DROP, 1, 64});
  const Bytes dropped =
      packets::Ethernet{} / packets::Ipv4{.source = "203.0.113.1"} / packets::Tcp{};
  constexpr size_t kFrames = SampleRing::kSlots + 32;
  for (size_t i = 0; i < kFrames; i++) {
    ASSERT_TRUE(wire_.send(PS_PORT_WAN, dropped));
    ASSERT_EQ(loop_.poll(kNow), 1u);
  }
  EXPECT_EQ(counted().packets[PS_PORT_WAN][PS_REASON_RULE_DROP], kFrames);
  EXPECT_EQ(counted().events[PS_EVENT_SAMPLE_LOST], 32u);
  EXPECT_EQ(wire_.mbufs_in_use(), 0u);
}

// The ways out take four packets each, and nobody takes those away.
class FullPortTest : public PollLoopTest {
 protected:
  FullPortTest() : PollLoopTest(4) {}
};

TEST_F(FullPortTest, WhatTheOtherPortDoesNotTakeIsFreedAndCounted) {
  const auto& pass = find(Action::ALLOW);
  for (int i = 0; i < 10; i++) {
    ASSERT_TRUE(wire_.send(PS_PORT_WAN, pass.frame));
    ASSERT_TRUE(wire_.send(PS_PORT_MX, pass.frame));
  }
  ASSERT_EQ(loop_.poll(kNow), 20u);
  const auto counters = counted();
  EXPECT_EQ(counters.packets[PS_PORT_WAN][static_cast<size_t>(pass.reason)], 4u);
  EXPECT_EQ(counters.packets[PS_PORT_WAN][PS_REASON_EGRESS_FULL], 6u);
  EXPECT_EQ(counters.packets[PS_PORT_MX][PS_REASON_FROM_INSIDE], 4u);
  EXPECT_EQ(counters.packets[PS_PORT_MX][PS_REASON_EGRESS_FULL], 6u);
  EXPECT_EQ(wire_.mbufs_in_use(), 8u);
}

TEST_F(FullPortTest, AResetThatCannotBeSentIsNotCountedAsSent) {
  const auto& reset = find(Action::RESET);
  for (int i = 0; i < 6; i++) ASSERT_TRUE(wire_.send(PS_PORT_WAN, reset.frame));
  ASSERT_EQ(loop_.poll(kNow), 6u);
  const auto counters = counted();
  EXPECT_EQ(counters.packets[PS_PORT_WAN][static_cast<size_t>(reset.reason)], 4u);
  EXPECT_EQ(counters.packets[PS_PORT_WAN][PS_REASON_NO_REPLY_ROOM], 2u);
  EXPECT_EQ(wire_.mbufs_in_use(), 4u);
}

}  // namespace
}  // namespace postern::dpdk
