// SPDX-License-Identifier: BSD-3-Clause
//
// The whole corpus through the core, in user space as the DPDK engine runs it: each frame against
// what the corpus says by hand, and against the naive oracle; then every beginning of every frame,
// and random mutants of them, against the oracle.
#include "dataplane/core/judge.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <set>
#include <string>

#include "tests/packets/corpus.h"

namespace postern::packets {
namespace {

constexpr int kMutants = 200'000;

const CoreJudge& core() {
  static const CoreJudge judge(corpus_world());
  return judge;
}
const World* world(bool with_rules) {
  return with_rules ? &corpus_world() : nullptr;
}

TEST(Corpus, EveryFrameIsJudgedAsWritten) {
  for (const auto& c : corpus()) {
    const auto judged = core().judge(c.port, c.frame, c.now_ns, c.with_rules);
    EXPECT_EQ(word(judged.action), word(c.action)) << c.name;
    EXPECT_EQ(word(judged.reason), word(c.reason)) << c.name << ": " << hex(c.frame);
  }
}

TEST(Corpus, TheOracleAgreesAndSoDoReplies) {
  for (const auto& c : corpus()) {
    const auto judged = core().judge(c.port, c.frame, c.now_ns, c.with_rules);
    const auto expected = judge_naively(world(c.with_rules), c.port, c.frame, c.now_ns);
    EXPECT_EQ(to_string(judged), to_string(expected)) << c.name << ": " << hex(c.frame);
    EXPECT_EQ(judged.reply.has_value(), c.action == Action::RESET) << c.name;
  }
}

TEST(Corpus, NamesAreUniqueAndEveryReasonOfTheCoreOccurs) {
  std::set<std::string> names;
  std::set<Reason> reasons;
  for (const auto& c : corpus()) {
    EXPECT_TRUE(names.insert(c.name).second) << c.name;
    reasons.insert(c.reason);
  }
  EXPECT_GE(names.size(), 120u);
  for (size_t i = 0; i < kReasonWords.size(); i++) {
    const auto reason = static_cast<Reason>(i);
    if (reason == Reason::EGRESS_FULL) continue;  // for an engine to find out, not for the core
    if (reason == Reason::RULE_REFUSE) continue;  // no engine takes a snapshot that says so
    EXPECT_TRUE(reasons.contains(reason)) << word(reason);
  }
}

TEST(Corpus, EveryBeginningOfEveryFrame) {
  for (const auto& c : corpus())
    for (size_t bytes = 0; bytes < c.frame.size(); bytes++) {
      const auto frame = cut(c.frame, bytes);
      ASSERT_EQ(to_string(core().judge(PS_PORT_WAN, frame, c.now_ns)),
                to_string(judge_naively(&corpus_world(), PS_PORT_WAN, frame, c.now_ns)))
          << c.name << " cut to " << bytes << ": " << hex(frame);
    }
}

TEST(Mutants, CoreAndOracleAgree) {
  Mutations mutations(20'240'525);
  std::set<Reason> reasons;
  for (int i = 0; i < kMutants; i++) {
    const auto mutant = mutations.next();
    const auto judged = core().judge(mutant.port, mutant.frame, kNow);
    const auto expected = judge_naively(&corpus_world(), mutant.port, mutant.frame, kNow);
    ASSERT_TRUE(judged == expected)
        << "mutant " << i << " of " << mutant.origin->name << ": core " << to_string(judged)
        << ", oracle " << to_string(expected) << ": " << hex(mutant.frame);
    reasons.insert(judged.reason);
  }
  // Else the mutants would all die in the first few checks. (No rules, a full egress and a refusal
  // are not in a frame.)
  EXPECT_EQ(reasons.size(), kReasonWords.size() - 3);
}

TEST(Judge, ReplyIsNeverLongerThanTheRequest) {
  for (const auto& c : corpus()) {
    const auto judged = core().judge(c.port, c.frame, c.now_ns, c.with_rules);
    if (judged.reply) {
      EXPECT_LE(judged.reply->size(), c.frame.size()) << c.name;
    }
  }
}

TEST(Judge, HalvesMakeTheWhole) {
  const WorldImage rules(corpus_world());
  const WorldEntries entries(corpus_world());
  for (const auto& c : corpus()) {
    auto image = rules.image();
    const auto table = entries.table();
    const auto *data = c.frame.data(), *end = c.frame.data() + c.frame.size();
    ps_packet packet;
    ps_service service{};
    const auto reason = ps_screen(&image, c.port, data, end, &packet, &service);
    const auto halves = reason == PS_UNDECIDED
                            ? ps_decide(&image, &table, &packet, &service, c.now_ns)
                            : ps_verdict_because(reason);
    const auto whole = ps_judge(&image, &table, c.port, data, end, c.now_ns, &packet);
    EXPECT_EQ(halves.action, whole.action) << c.name;
    EXPECT_EQ(halves.reason, whole.reason) << c.name;
    EXPECT_EQ(halves.rule, whole.rule) << c.name;
  }
}

TEST(Judge, VerdictNamesItsRuleUnlessAnEntryDecided) {
  const WorldImage rules(corpus_world());
  const WorldEntries entries(corpus_world());
  const auto rule_for = [&](const char* source) {
    auto image = rules.image();
    const auto table = entries.table();
    const Bytes frame = Ethernet{} / Ipv4{.source = source} / Tcp{};
    ps_packet packet;
    return ps_judge(&image, &table, PS_PORT_WAN, frame.data(), frame.data() + frame.size(), kNow,
                    &packet)
        .rule;
  };
  EXPECT_EQ(rule_for("203.0.113.1"), 2);
  EXPECT_EQ(rule_for("203.0.113.129"), 3);
  EXPECT_EQ(rule_for("192.0.2.1"), 0);
  EXPECT_EQ(rule_for("203.0.113.10"), 0);  // rule 2, but for the entry
}

TEST(Dynamic, AnEntryThatIsBeingWrittenIsAbsent) {
  std::vector<ps_dynamic_bucket> memory(3);
  DynamicTable writer(memory);
  const auto source = *IpAddress::parse("198.18.0.1");
  writer.add(
      {*Prefix::parse("198.18.0.1/32", Prefix::HostBits::kRefuse), Action::DROP, "", kNow + 1},
      kNow);
  const ps_dynamic table = {memory.data(), 3};
  const auto address = source.abi();
  ASSERT_EQ(ps_dynamic_action(&table, PS_FAMILY_V4, &address, kNow), PS_ACTION_DROP);
  for (auto& bucket : memory)
    for (auto& entry : bucket.entries)
      if (&bucket != memory.data() && entry.expires_ns != 0) entry.sequence++;
  EXPECT_EQ(ps_dynamic_action(&table, PS_FAMILY_V4, &address, kNow), -1);
}

TEST(Dynamic, AnEmptyTableNeedsNoClock) {
  std::vector<ps_dynamic_bucket> memory(3);
  const ps_dynamic table = {memory.data(), 3};
  EXPECT_FALSE(ps_dynamic_in_use(&table));
  DynamicTable writer(memory);
  EXPECT_FALSE(ps_dynamic_in_use(&table));
  writer.add(
      {*Prefix::parse("198.18.0.0/24", Prefix::HostBits::kRefuse), Action::DROP, "", kNow + 1},
      kNow);
  EXPECT_TRUE(ps_dynamic_in_use(&table));
}

}  // namespace
}  // namespace postern::packets
