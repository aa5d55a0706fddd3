// SPDX-License-Identifier: BSD-3-Clause
//
// The BPF program, in the kernel, against the core in user space: the whole corpus, and random
// mutants of it, must get the same verdict, the same reason and the same reply bytes.
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <algorithm>

#include "tests/packets/core_judge.h"
#include "tests/packets/corpus.h"
#include "tests/xdp/bpf/xdp_judge.h"

namespace postern::packets {
namespace {

constexpr int kMutants = 2'000;
constexpr uint64_t kBulkMutants = 10'000'000, kRemembered = 50'000;

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

// Frames that the kernel gives the program in several parts, and all others by the same program.
TEST_F(PosternBpf, JudgesFramesInPartsByTheirHeaders) {
  XdpJudge judge(&corpus_world(), xdp::Program::Frames::kInParts);
  NaiveJudge oracle(corpus_world());
  int in_parts = 0, answered = 0;
  for (const auto& c : corpus()) {
    if (c.frame.size() < XdpJudge::kShortestFrame || !c.with_rules || c.before > 0) continue;
    auto expected = as_sent(oracle.judge(c.port, c.frame, c.now_ns));
    EXPECT_EQ(to_string(judge.judge(c.port, c.frame, c.now_ns)), to_string(expected)) << c.name;
    // The same with padding, up to what the largest MTU of Ethernet cards brings.
    Bytes jumbo = c.frame;
    jumbo.resize(9014);
    expected = as_sent(oracle.judge(c.port, jumbo, c.now_ns));
    // Its reply goes out in one part, or not at all; nor is its checksum looked at.
    if (expected.reply || expected.reason == Reason::BAD_CHECKSUM) {
      expected = {Action::DROP, Reason::NO_REPLY_ROOM, {}, expected.events};
      answered++;
    }
    in_parts++;
    EXPECT_EQ(to_string(judge.judge(c.port, jumbo, c.now_ns)), to_string(expected))
        << c.name << ", padded";
  }
  EXPECT_GT(in_parts, 300);
  EXPECT_GT(answered, 20);

  for (const size_t room : {1460u, 4000u, 8960u, 8961u, 30000u}) {  // TCP whose packet is that long
    const Bytes drop =
        Ethernet{} / Ipv4{.source = "203.0.113.1"} / Tcp{.flags = kSyn} / payload(room);
    EXPECT_EQ(to_string(judge.judge(PS_PORT_WAN, drop, kNow)),
              to_string({Action::DROP, Reason::RULE_DROP, {}}));
    const Bytes data = Ethernet{} / Ipv4{} / Tcp{.flags = kAck} / payload(room);
    EXPECT_EQ(to_string(judge.judge(PS_PORT_WAN, data, kNow)),
              to_string(as_sent(oracle.judge(PS_PORT_WAN, data, kNow))));
    Bytes cut = data;  // shorter than its IP header says
    cut.pop_back();
    EXPECT_EQ(to_string(judge.judge(PS_PORT_WAN, cut, kNow)),
              to_string({Action::DROP, Reason::BAD_IP_HEADER, {}}));
  }
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

// In the time that single judgements would take for a thousandth of them: results and bytes of each
// frame by the oracle, and what was counted of all.
TEST_F(PosternBpf, AgreesWithTheOracleOnMutantsInBulk) {
  XdpJudge in_kernel(&corpus_world());
  NaiveJudge oracle(corpus_world());
  CoreJudge core(corpus_world());  // which counts by cells
  Mutations mutations(987'654'321);
  uint64_t expected[PS_PORT_COUNT][PS_REASON_COUNT] = {};
  for (uint64_t i = 0; i < kBulkMutants;) {
    if (i % kRemembered == 0) {  // else a limit's table would be full of mutants' sources
      in_kernel.forget();
      oracle.forget();
      core.forget();
    }
    const auto mutant = mutations.next();
    if (mutant.frame.size() < XdpJudge::kShortestFrame) continue;
    const auto now = kNow + i * 1000;
    const auto judged = oracle.judge(mutant.port, mutant.frame, now);
    core.judge(mutant.port, mutant.frame, now);
    const auto seen = in_kernel.test(mutant.port, mutant.frame, now);
    const auto& after = judged.reply ? *judged.reply : mutant.frame;
    const uint32_t result = judged.reply                    ? XDP_TX
                            : describe(judged.reason).stops ? XDP_DROP
                                                            : XDP_PASS;
    ASSERT_TRUE(seen.result == result && std::ranges::equal(seen.frame, after))
        << "mutant " << i << " of " << mutant.origin->name << ": " << hex(mutant.frame)
        << ": oracle " << to_string(judged) << ", kernel " << seen.result << " "
        << hex(Bytes(seen.frame.begin(), seen.frame.end()));
    expected[mutant.port][static_cast<size_t>(judged.reason)]++;
    i++;
  }
  const auto cells = in_kernel.program().cell_counts();
  ASSERT_EQ(cells.size(), core.cells().size());
  for (size_t i = 0; i < cells.size(); i++) {
    EXPECT_EQ(cells[i].attempts, core.cells()[i].attempts) << "cell " << i;
    EXPECT_EQ(cells[i].over_limit, core.cells()[i].over_limit) << "cell " << i;
  }
  const auto counted = in_kernel.program().counters();
  for (size_t port = 0; port < PS_PORT_COUNT; port++)
    for (size_t reason = 0; reason < PS_REASON_COUNT; reason++)
      EXPECT_EQ(counted.packets[port][reason], expected[port][reason]) << kReasonWords[reason].word;
}

TEST_F(PosternBpf, CountsWhatTheOtherPortCannotTake) {
  XdpJudge judge(&corpus_world());  // a wire, as no ports are set, that leads nowhere
  const auto lost = judge.run(PS_PORT_WAN, Ethernet{} / Ipv4{} / Tcp{});
  EXPECT_EQ(to_string(lost), to_string({Action::DROP, Reason::EGRESS_FULL, {}}));
  const auto dropped = judge.run(PS_PORT_WAN, Ethernet{} / Ipv4{.source = "203.0.113.1"} / Tcp{});
  EXPECT_EQ(to_string(dropped), to_string({Action::DROP, Reason::RULE_DROP, {}}));
}

// Each frame of the corpus is shown as it was received, also where it became its own reply.
TEST_F(PosternBpf, ShowsSamplesOfWhatItReceived) {
  XdpJudge judge(&corpus_world());
  judge.program().set_sampling({~uint64_t{0}, 1, PS_SAMPLE_MAX_BYTES});
  size_t replies = 0;
  for (const auto& c : corpus()) {
    if (c.frame.size() < XdpJudge::kShortestFrame || !c.with_rules || c.before > 0) continue;
    if (c.reason == Reason::BAD_CHECKSUM) continue;  // found out when the reply is made
    const auto judged = judge.judge(c.port, c.frame, c.now_ns);
    replies += judged.reply.has_value();
    size_t samples = 0;
    judge.program().drain_samples([&](const ps_sample& sample, std::span<const uint8_t> bytes) {
      samples++;
      EXPECT_EQ(kReasonWords[sample.reason].word, word(c.reason)) << c.name;
      EXPECT_EQ(sample.port, c.port) << c.name;
      EXPECT_EQ(sample.time_ns, c.now_ns) << c.name;
      EXPECT_EQ(sample.frame_bytes, c.frame.size()) << c.name;
      EXPECT_EQ(sample.every, 1u);
      EXPECT_EQ(sample.captured, bytes.size());
      EXPECT_EQ(Bytes(bytes.begin(), bytes.end()),
                Bytes(c.frame.begin(), c.frame.begin() + static_cast<long>(std::min<size_t>(
                                                             c.frame.size(), PS_SAMPLE_MAX_BYTES))))
          << c.name;
    });
    EXPECT_EQ(samples, 1u) << c.name;
  }
  EXPECT_GT(replies, 20u);
}

TEST_F(PosternBpf, SamplesWhatIsAskedForAndCountsWhatHasNoRoom) {
  XdpJudge judge(&corpus_world());
  const Bytes dropped = Ethernet{} / Ipv4{.source = "203.0.113.1"} / Tcp{};
  const Bytes passed = Ethernet{} / Ipv4{} / Tcp{};
  const auto taken = [&] {
    size_t samples = 0;
    judge.program().drain_samples([&](const ps_sample& sample, std::span<const uint8_t> bytes) {
      EXPECT_EQ(sample.reason, PS_REASON_RULE_DROP);
      EXPECT_EQ(bytes.size(), std::min<size_t>(dropped.size(), 20));
      samples++;
    });
    return samples;
  };
  judge.test(PS_PORT_WAN, dropped, kNow);
  EXPECT_EQ(taken(), 0u);  // off
  judge.program().set_sampling({uint64_t{1} << PS_REASON_RULE_DROP, 10, 20});
  for (int i = 0; i < 10'000; i++) {
    judge.test(PS_PORT_WAN, dropped, kNow);
    judge.test(PS_PORT_WAN, passed, kNow);
  }
  const auto one_in_ten = taken();
  EXPECT_GT(one_in_ten, 800u);
  EXPECT_LT(one_in_ten, 1200u);

  judge.program().set_sampling({uint64_t{1} << PS_REASON_RULE_DROP, 1, 20});
  constexpr size_t kRecord = 8 + (sizeof(ps_sample) + 20 + 7) / 8 * 8;  // with the ring's own head
  constexpr size_t kMore = PS_XDP_SAMPLE_RING_BYTES / kRecord + 100;
  for (size_t i = 0; i < kMore; i++) judge.test(PS_PORT_WAN, dropped, kNow);
  const auto lost = judge.program().counters().events[PS_EVENT_SAMPLE_LOST];
  EXPECT_GE(lost, 100u);
  EXPECT_EQ(taken() + lost, kMore);
  EXPECT_EQ(judge.program().counters().packets[PS_PORT_WAN][PS_REASON_RULE_DROP], 10'001 + kMore);
  judge.program().set_sampling({0, 1, 0});
  judge.test(PS_PORT_WAN, dropped, kNow);
  EXPECT_EQ(taken(), 0u);
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
