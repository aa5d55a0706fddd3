// SPDX-License-Identifier: BSD-3-Clause
//
// The BPF program, in the kernel, against the core in user space: the whole corpus, and random
// mutants of it, must get the same verdict, the same reason and the same reply bytes.
#include <gtest/gtest.h>

#include "tests/packets/corpus.h"
#include "tests/xdp/bpf/xdp_judge.h"

namespace postern::packets {
namespace {

constexpr int kMutants = 20'000;

class PosternBpf : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = why_no_bpf(); !why.empty()) GTEST_SKIP() << why;
  }
};

TEST_F(PosternBpf, JudgesTheCorpusAsWritten) {
  XdpJudge with_rules(&corpus_world()), without_rules(nullptr);
  NaiveJudge oracle(corpus_world());
  int too_short = 0;
  for (const auto& c : corpus()) {
    if (c.frame.size() < XdpJudge::kShortestFrame) {
      too_short++;
      continue;
    }
    auto& judge = c.with_rules ? with_rules : without_rules;
    for (int i = 0; i < c.before; i++) {
      judge.judge(c.port, c.frame, c.now_ns);
      oracle.judge(c.port, c.frame, c.now_ns, c.with_rules);
    }
    const auto judged = judge.judge(c.port, c.frame, c.now_ns);
    const auto expected = oracle.judge(c.port, c.frame, c.now_ns, c.with_rules);
    EXPECT_EQ(word(judged.reason), word(c.reason)) << c.name << ": " << hex(c.frame);
    EXPECT_EQ(to_string(judged), to_string(as_sent(expected))) << c.name << ": " << hex(c.frame);
  }
  // Those that the kernel never shows to XDP.
  EXPECT_EQ(too_short, 5);
}

TEST_F(PosternBpf, AgreesWithTheCoreOnMutants) {
  XdpJudge in_kernel(&corpus_world());
  CoreJudge core(corpus_world());
  Mutations mutations(1'122'334'455);
  for (int i = 0; i < kMutants;) {
    const auto mutant = mutations.next();
    if (mutant.frame.size() < XdpJudge::kShortestFrame) continue;
    const auto judged = in_kernel.judge(mutant.port, mutant.frame, kNow);
    const auto expected = as_sent(core.judge(mutant.port, mutant.frame, kNow));
    ASSERT_EQ(to_string(judged), to_string(expected))
        << "mutant " << i << " of " << mutant.origin->name << ": " << hex(mutant.frame);
    i++;
  }
}

TEST_F(PosternBpf, CountsWhatTheOtherPortCannotTake) {
  XdpJudge judge(&corpus_world());  // a wire, as no ports are set, that leads nowhere
  const auto lost = judge.run(PS_PORT_WAN, Ethernet{} / Ipv4{} / Tcp{});
  EXPECT_EQ(to_string(lost), to_string({Action::DROP, Reason::EGRESS_FULL, {}}));
  const auto dropped = judge.run(PS_PORT_WAN, Ethernet{} / Ipv4{.source = "203.0.113.1"} / Tcp{});
  EXPECT_EQ(to_string(dropped), to_string({Action::DROP, Reason::RULE_DROP, {}}));
}

TEST_F(PosternBpf, UsesTheKernelsClockUnlessATestSetsOne) {
  World world = corpus_world();
  const auto now = monotonic_ns();
  world.entries = {
      {*Prefix::parse("198.18.0.1/32", Prefix::HostBits::kRefuse), Action::DROP, "", 1},
      {*Prefix::parse("198.18.0.2/32", Prefix::HostBits::kRefuse), Action::DROP, "",
       now + 3'600'000'000'000}};
  XdpJudge judge(nullptr);
  judge.program().load_image(WorldImage(world).bytes());
  DynamicTable table(judge.program().dynamic_memory(), &judge.program().dynamic_gate());
  for (const auto& entry : world.entries) table.add(entry, 0);
  const auto reason_for = [&judge](const char* source) {
    return judge.judge(PS_PORT_WAN, Ethernet{} / Ipv4{.source = source} / Tcp{}, 0).reason;
  };
  EXPECT_EQ(word(reason_for("198.18.0.1")), word(Reason::NO_RULE));  // over since boot
  EXPECT_EQ(word(reason_for("198.18.0.2")), word(Reason::LEARNED_DROP));
}

TEST_F(PosternBpf, JudgesByTheSnapshotThatWasLoadedLast) {
  World empty = corpus_world();
  empty.sources.clear();
  XdpJudge judge(nullptr);
  const Bytes frame = Ethernet{} / Ipv4{.source = "203.0.113.1"} / Tcp{};
  const auto reason = [&] { return word(judge.judge(PS_PORT_WAN, frame, kNow).reason); };
  EXPECT_EQ(reason(), word(Reason::NO_SNAPSHOT));
  for (int round = 0; round < 3; round++) {
    judge.program().load_image(WorldImage(corpus_world()).bytes());
    EXPECT_EQ(reason(), word(Reason::RULE_DROP));
    judge.program().load_image(WorldImage(empty).bytes());
    EXPECT_EQ(reason(), word(Reason::NO_RULE));
  }
}

}  // namespace
}  // namespace postern::packets
