// SPDX-License-Identifier: BSD-3-Clause
//
// A thousand snapshots, back to back, while the program judges attempts: none is judged by a
// mixture of two, and what the cells have counted adds up over all of them.
#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <atomic>
#include <thread>

#include "dataplane/engine/rule_tally.h"
#include "tests/rules/support/agreeing_rules.h"
#include "tests/rules/support/largest_matrix.h"
#include "tests/xdp/bpf/xdp_judge.h"

namespace postern::packets {
namespace {

using test::AgreeingRules;

constexpr int kSwaps = 1000;
constexpr uint32_t kRepeat = 1000;  // of one frame in one call

// Another wait than that for a packet's end: the kernel judges while the maps are exchanged.
void judge_repeatedly(int program, const Bytes& frame) {
  LIBBPF_OPTS(bpf_test_run_opts, test);
  test.data_in = frame.data();
  test.data_size_in = static_cast<uint32_t>(frame.size());
  test.repeat = kRepeat;
  ASSERT_EQ(bpf_prog_test_run_opts(program, &test), 0);
}

TEST(Swap, AThousandSnapshotsMixNothing) {
  if (const auto why = why_no_bpf(); !why.empty()) GTEST_SKIP() << why;
  const AgreeingRules rules;
  XdpJudge judge(nullptr);
  auto& program = judge.program();
  program.set_ports(PS_TOPOLOGY_HOST, 1, 0);
  program.set_answers(0, 1);  // a frame that became its reply would be another one the next time
  RuleTally tally;
  const auto load = [&](const std::shared_ptr<const Snapshot>& snapshot) {
    tally.settle({program.load_image(snapshot->image_bytes()), {}});
    tally.adopt(snapshot);
  };
  load(rules.first);

  std::atomic<bool> done = false;
  std::thread swapper([&] {
    for (int i = 0; i < kSwaps; i++) load(i % 2 ? rules.first : rules.second);
    done = true;
  });
  uint64_t sent[AgreeingRules::kSources.size()] = {};
  do {
    for (size_t i = 0; i < AgreeingRules::kSources.size(); i++) {
      judge_repeatedly(program.fd(),
                       Ethernet{} / Ipv4{.source = AgreeingRules::kSources[i].address} / Tcp{});
      sent[i] += kRepeat;
    }
  } while (!done);
  swapper.join();
  tally.settle({program.cell_counts(), {}});

  const auto counters = program.counters();
  for (size_t i = 0; i < AgreeingRules::kSources.size(); i++) {
    auto reason = AgreeingRules::kSources[i].reason;
    if (reason == Reason::RULE_RESET) reason = Reason::ANSWER_LIMIT;
    EXPECT_EQ(counters.packets[PS_PORT_WAN][static_cast<size_t>(reason)], sent[i]) << word(reason);
  }
  const auto& lists = tally.totals().lists;
  EXPECT_EQ(lists.at("dropped").count, (AttemptCount{sent[0], sent[0]}));
  EXPECT_EQ(lists.at("inspected").count, (AttemptCount{sent[1], 0}));
  EXPECT_EQ(lists.at("reset").count, (AttemptCount{sent[2], sent[2]}));
  EXPECT_EQ(lists.at("allowed").count, (AttemptCount{sent[3], 0}));
}

// A million cells, each counted by itself.
TEST(LargestMatrix, IsJudgedByAndCounted) {
  if (const auto why = why_no_bpf(); !why.empty()) GTEST_SKIP() << why;
  const test::LargestMatrix largest;
  ASSERT_EQ(
      size_t{largest.snapshot->header().policy_count} * largest.snapshot->header().class_count,
      size_t{PS_MAX_MATRIX_CELLS});
  XdpJudge judge(nullptr);
  judge.program().load_image(largest.snapshot->image_bytes());
  uint64_t sent = 0;
  for (uint32_t number = 0; number < 1u << test::LargestMatrix::kBits; number += 97)
    for (uint32_t k = 0; k < test::LargestMatrix::kPolicies; k += 7) {
      const auto outcome = judge.test(PS_PORT_WAN,
                                      Ethernet{} /
                                          Ipv4{.source = test::LargestMatrix::source(number),
                                               .destination = test::LargestMatrix::destination(k)} /
                                          Tcp{},
                                      kNow);
      const bool drops = test::LargestMatrix::drops(k, number);
      ASSERT_EQ(outcome.result, static_cast<uint32_t>(drops ? XDP_DROP : XDP_PASS));
      sent++;
    }
  uint64_t sum = 0;
  for (const auto& cell : judge.program().cell_counts()) {
    EXPECT_LE(cell.attempts, 1u);
    EXPECT_EQ(cell.over_limit, 0u);
    sum += cell.attempts;
  }
  EXPECT_EQ(sum, sent);
}

}  // namespace
}  // namespace postern::packets
