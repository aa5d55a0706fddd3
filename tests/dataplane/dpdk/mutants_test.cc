// SPDX-License-Identifier: BSD-3-Clause
//
// Ten million mutants of the corpus through the worker, in bursts over DPDK rings, against the
// core, frame by frame as the core judges it alone: what passes and what is answered, byte for byte
// and in order, and the sums of reasons and events of each burst. Two million more against the
// naive oracle, with which the core has its own ten million. Built twice: with this processor's
// vectors, and without AVX-512.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "dataplane/dpdk/burst_judge.h"
#include "dataplane/dpdk/poll_loop.h"
#include "dataplane/engine/answer_budget.h"
#include "tests/dataplane/dpdk/ring_wire.h"
#include "tests/packets/core_judge.h"
#include "tests/packets/corpus.h"

namespace postern::dpdk {
namespace {

using packets::Bytes;
using packets::corpus_world;
using packets::kNow;

#ifdef __SANITIZE_ADDRESS__
constexpr uint64_t kMutants = 100'000;
#else
constexpr uint64_t kMutants = 10'000'000;
#endif
constexpr uint64_t kForTheOracle = kMutants / 5;  // which takes ten times as long
constexpr uint64_t kRemembered = 50'000;  // else a limit's table would be full of mutants' sources
constexpr size_t kLargestFrame = 2048;    // that fits a single mbuf
constexpr unsigned kBurst = 100;          // more than are judged together

// A poll loop on rings, and beside it a judge of single frames, under the same rules.
template <typename Judge>
class Twins {
 public:
  Twins() { forget(); }

  void forget() {
    ASSERT_EQ(wire_.mbufs_in_use(), 0u);
    twin_.forget();
    limits_ = std::make_unique<packets::WorldLimits>();
    const ps_tables tables{entries_.table(), limits_->table(), &corpus_world().cookies};
    loop_ = std::make_unique<PollLoop>(wire_.wire(), 0, kBurst, active_, tables,
                                       answer_budget(kMaxAnswersPerSecond, 1));
    counted_ = {};
  }

  // What both make of the same frames, those of one port before those of the other, as a poll
  // takes them.
  void judge(const std::array<std::vector<Bytes>, PS_PORT_COUNT>& frames, uint64_t now_ns) {
    std::array<std::vector<Bytes>, PS_PORT_COUNT> leaving;  // by the port that they leave by
    size_t sent = 0;
    for (const auto port : {PS_PORT_WAN, PS_PORT_MX}) {
      std::vector<Bytes> passing, replies;
      for (const auto& frame : frames[port]) {
        ASSERT_TRUE(wire_.send(port, frame));
        const auto judged = twin_.judge(port, frame, now_ns);
        if (judged.reply)
          replies.push_back(*judged.reply);
        else if (judged.action == Action::ALLOW || judged.action == Action::INSPECT)
          passing.push_back(frame);
        count(port, frame, judged);
      }
      sent += frames[port].size();
      const auto other = port == PS_PORT_WAN ? PS_PORT_MX : PS_PORT_WAN;
      std::ranges::move(passing, std::back_inserter(leaving[other]));
      std::ranges::move(replies, std::back_inserter(leaving[port]));
    }
    ASSERT_EQ(loop_->poll(now_ns), sent);
    for (const auto port : {PS_PORT_WAN, PS_PORT_MX})
      ASSERT_EQ(wire_.take_all(port), leaving[port]) << "out of port " << port;
    ps_counters total{};
    loop_->add_to(total);
    for (const auto port : {PS_PORT_WAN, PS_PORT_MX})
      for (size_t reason = 0; reason < PS_REASON_COUNT; reason++)
        ASSERT_EQ(total.packets[port][reason], counted_.packets[port][reason])
            << kReasonWords[reason].word << " from port " << port;
    ASSERT_EQ(std::memcmp(&total, &counted_, sizeof total), 0);
  }

  const std::set<Reason>& reasons() const { return reasons_; }
  // The worker's counts of the matrix's cells, and its twin's.
  const std::vector<ps_cell_count>& cells() const { return cells_; }
  const Judge& twin() const { return twin_; }

 private:
  void count(ps_port port, const Bytes& frame, const packets::Judgement& judged) {
    reasons_.insert(judged.reason);
    counted_.packets[port][static_cast<size_t>(judged.reason)]++;
    counted_.bytes[port] += frame.size();
    for (unsigned event = 0; event < PS_EVENT_COUNT; event++)
      counted_.events[event] += judged.events >> event & 1u;
  }

  RingWire wire_;
  packets::WorldImage image_{corpus_world()};
  packets::WorldEntries entries_{corpus_world()};
  std::vector<ps_cell_count> cells_ = std::vector<ps_cell_count>(image_.cells());
  const WorkerRules rules_{image_.image(), cells_.data(), nullptr};
  RulesInForce active_{&rules_};
  Judge twin_{corpus_world()};
  std::unique_ptr<packets::WorldLimits> limits_;
  std::unique_ptr<PollLoop> loop_;
  ps_counters counted_{};
  std::set<Reason> reasons_;
};

template <typename Judge>
void expect_agreement(Twins<Judge>& twins, uint64_t seed, uint64_t mutants) {
  packets::Mutations mutations(seed);
  uint64_t judged = 0, now = kNow;
  for (uint64_t burst = 0; judged < mutants; burst++) {
    std::array<std::vector<Bytes>, PS_PORT_COUNT> frames;
    const auto size = 1 + burst * 7 % kBurst;  // every size there is
    const auto before = judged;
    while (judged < before + size) {
      auto mutant = mutations.next();
      if (mutant.frame.size() > kLargestFrame) continue;
      frames[mutant.port].push_back(std::move(mutant.frame));
      judged++;
    }
    ASSERT_NO_FATAL_FAILURE(twins.judge(frames, now)) << "mutants " << before << " to " << judged;
    now += 20'000 * size;
    if (judged / kRemembered != before / kRemembered) {
      ASSERT_NO_FATAL_FAILURE(twins.forget());
    }
  }
  // Else the mutants would all die in the first few checks.
  for (const auto& c : packets::corpus())
    if (c.with_rules && c.frame.size() <= kLargestFrame && c.before == 0) {
      EXPECT_TRUE(twins.reasons().contains(c.reason)) << word(c.reason);
    }
}

TEST(Mutants, WorkerAndCoreAgree) {
  Twins<packets::CoreJudge> twins;
  ASSERT_NO_FATAL_FAILURE(expect_agreement(twins, 20'240'525, kMutants));
  uint64_t attempts = 0;
  for (size_t cell = 0; cell < twins.cells().size(); cell++) {
    const auto &counted = twins.cells()[cell], &expected = twins.twin().cells()[cell];
    ASSERT_EQ(counted.attempts, expected.attempts) << "cell " << cell;
    ASSERT_EQ(counted.over_limit, expected.over_limit) << "cell " << cell;
    attempts += counted.attempts;
  }
  EXPECT_GT(attempts, 0u);
}

TEST(Mutants, WorkerAndOracleAgree) {
  Twins<packets::NaiveJudge> twins;
  expect_agreement(twins, 1, kForTheOracle);
}

// Every decision whole: rules, cells and answers, which do not all show in what leaves.
TEST(Mutants, BurstsAreDecidedAsOneByOne) {
  packets::Mutations mutations(7);
  const packets::WorldImage rules(corpus_world());
  const packets::WorldEntries entries(corpus_world());
  packets::WorldLimits limits, other_limits;
  const ps_tables tables{entries.table(), limits.table(), &corpus_world().cookies};
  const ps_tables other{entries.table(), other_limits.table(), &corpus_world().cookies};
  auto image = rules.image();
  const auto judge = std::make_unique<BurstJudge>(tables);
  for (uint64_t round = 0; round < kRemembered / BurstJudge::kMost; round++) {
    const auto port = round % 4 == 3 ? PS_PORT_MX : PS_PORT_WAN;
    if (!ps_wants_parse(&image, port)) continue;
    std::vector<Bytes> frames;
    for (uint64_t i = 0; i < 1 + round % BurstJudge::kMost; i++)
      frames.push_back(mutations.next().frame);
    std::vector<BurstJudge::Frame> ends;
    for (const auto& frame : frames) ends.push_back({frame.data(), frame.data() + frame.size()});
    judge->parse(image, port, ends.data(), static_cast<uint32_t>(ends.size()));
    judge->look_up();
    judge->decide(kNow + round);
    for (uint32_t i = 0; i < frames.size(); i++) {
      ps_packet packet;
      const auto* data = frames[i].data();
      const auto expected =
          ps_judge(&image, &other, port, data, data + frames[i].size(), kNow + round, &packet);
      ASSERT_EQ(std::memcmp(&judge->decision(i), &expected, sizeof expected), 0)
          << packets::hex(frames[i]);
      ASSERT_EQ(std::memcmp(&judge->packet(i), &packet, sizeof packet), 0)
          << packets::hex(frames[i]);
    }
  }
}

}  // namespace
}  // namespace postern::dpdk
