// SPDX-License-Identifier: BSD-3-Clause
//
// The whole corpus through the core, in user space as the DPDK engine runs it: each frame against
// what the corpus says by hand, and against the naive oracle; then every beginning of every frame,
// and random mutants of them, against the oracle.
#include "dataplane/core/judge.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <string>

#include "tests/packets/core_judge.h"
#include "tests/packets/corpus.h"

namespace postern::packets {
namespace {

#ifdef __SANITIZE_ADDRESS__
constexpr int kMutants = 200'000;  // each takes twenty times as long
#else
constexpr int kMutants = 10'000'000;
#endif
constexpr int kRemembered = 50'000;

// What an engine finds out, and not the core.
bool is_of_engines(Reason reason) {
  return reason == Reason::EGRESS_FULL || reason == Reason::ANSWER_LIMIT ||
         reason == Reason::NO_REPLY_ROOM || reason == Reason::SIGNATURE_DROP ||
         reason == Reason::SIGNATURE_RESET;
}

// As if so many of the same had come before.
Judgement after(auto& judge, const Case& c) {
  for (int i = 0; i < c.before; i++) judge.judge(c.port, c.frame, c.now_ns, c.with_rules);
  return judge.judge(c.port, c.frame, c.now_ns, c.with_rules);
}

TEST(Corpus, EveryFrameIsJudgedAsWritten) {
  for (const auto& c : corpus()) {
    CoreJudge core(corpus_world());
    const auto judged = after(core, c);
    EXPECT_EQ(word(judged.action), word(c.action)) << c.name;
    EXPECT_EQ(word(judged.reason), word(c.reason)) << c.name << ": " << hex(c.frame);
  }
}

TEST(Corpus, TheOracleAgreesAndSoDoReplies) {
  CoreJudge core(corpus_world());
  NaiveJudge naive(corpus_world());
  for (const auto& c : corpus()) {
    const auto judged = after(core, c), expected = after(naive, c);
    EXPECT_EQ(to_string(judged), to_string(expected)) << c.name << ": " << hex(c.frame);
    EXPECT_EQ(judged.reply.has_value(), c.action == Action::RESET || c.action == Action::REFUSE)
        << c.name;
  }
}

TEST(Corpus, NamesAreUniqueAndEveryReasonOfTheCoreOccurs) {
  std::set<std::string> names;
  std::set<Reason> reasons;
  for (const auto& c : corpus()) {
    EXPECT_TRUE(names.insert(c.name).second) << c.name;
    reasons.insert(c.reason);
  }
  EXPECT_GE(names.size(), 400u);
  for (size_t i = 0; i < kReasonWords.size(); i++) {
    const auto reason = static_cast<Reason>(i);
    if (is_of_engines(reason)) continue;
    EXPECT_TRUE(reasons.contains(reason)) << word(reason);
  }
}

// By the oracle's word: what is over a limit, in force or observed, and no segment behind it.
TEST(Corpus, WhatIsOverALimitIsCountedWithItsCell) {
  int over = 0;
  for (const auto& c : corpus()) {
    CoreJudge core(corpus_world());
    NaiveJudge naive(corpus_world());
    uint64_t expected = 0;
    bool is_sure = true;
    for (int i = 0; i <= c.before; i++) {
      core.judge(c.port, c.frame, c.now_ns, c.with_rules);
      const auto judged = naive.judge(c.port, c.frame, c.now_ns, c.with_rules);
      expected += judged.reason == Reason::LIMIT_DROP || judged.reason == Reason::LIMIT_RESET ||
                  judged.reason == Reason::LIMIT_REFUSE ||
                  (judged.events >> PS_EVENT_LIMIT_OBSERVED & 1u) != 0;
      // A reply was due: to a limit's, or to a rule's.
      is_sure = is_sure && judged.reason != Reason::NEVER_ANSWERED &&
                judged.reason != Reason::BAD_CHECKSUM;
    }
    if (!is_sure) continue;
    uint64_t counted = 0;
    for (const auto& cell : core.cells()) counted += cell.over_limit;
    EXPECT_EQ(counted, expected) << c.name;
    over += expected > 0;
  }
  EXPECT_GT(over, 3);
}

TEST(Corpus, EveryBeginningOfEveryFrame) {
  CoreJudge core(corpus_world());
  NaiveJudge naive(corpus_world());
  for (const auto& c : corpus())
    for (size_t bytes = 0; bytes < c.frame.size(); bytes++) {
      const auto frame = cut(c.frame, bytes);
      ASSERT_EQ(to_string(core.judge(PS_PORT_WAN, frame, c.now_ns)),
                to_string(naive.judge(PS_PORT_WAN, frame, c.now_ns)))
          << c.name << " cut to " << bytes << ": " << hex(frame);
    }
}

TEST(Mutants, CoreAndOracleAgree) {
  Mutations mutations(20'240'525);
  CoreJudge core(corpus_world());
  NaiveJudge naive(corpus_world());
  std::set<Reason> reasons;
  uint64_t now = kNow;
  for (int i = 0; i < kMutants; i++, now += 20'000) {
    if (i % kRemembered == 0) {  // else a limit's table would be full of mutants' sources
      core.forget();
      naive.forget();
    }
    const auto mutant = mutations.next();
    const auto judged = core.judge(mutant.port, mutant.frame, now);
    const auto expected = naive.judge(mutant.port, mutant.frame, now);
    ASSERT_TRUE(judged == expected)
        << "mutant " << i << " of " << mutant.origin->name << ": core " << to_string(judged)
        << ", oracle " << to_string(expected) << ": " << hex(mutant.frame);
    reasons.insert(judged.reason);
  }
  // Else the mutants would all die in the first few checks.
  for (size_t i = 0; i < kReasonWords.size(); i++) {
    const auto reason = static_cast<Reason>(i);
    if (is_of_engines(reason) || reason == Reason::NO_SNAPSHOT) continue;
    EXPECT_TRUE(reasons.contains(reason)) << word(reason);
  }
}

// Until a cookie has come back, the source may be forged.
TEST(Judge, NoReplyToAForgedSourceIsLongerThanTheRequest) {
  for (const auto& c : corpus()) {
    CoreJudge core(corpus_world());
    const auto judged = after(core, c);
    if (judged.reply && judged.reason != Reason::REFUSAL_GREETING &&
        judged.reason != Reason::REFUSAL_TEXT) {
      EXPECT_LE(judged.reply->size(), c.frame.size()) << c.name;
    }
  }
}

TEST(Judge, PartsMakeTheWhole) {
  const WorldImage rules(corpus_world());
  const WorldEntries entries(corpus_world());
  for (const auto& c : corpus()) {
    if (c.before != 0) continue;
    auto image = rules.image();
    WorldLimits limits, other_limits;
    const ps_tables tables{entries.table(), limits.table(), &corpus_world().cookies};
    const ps_tables other{entries.table(), other_limits.table(), &corpus_world().cookies};
    const auto *data = c.frame.data(), *end = c.frame.data() + c.frame.size();
    ps_packet packet;
    ps_question question{};
    const auto parsed =
        ps_wants_parse(&image, c.port) ? ps_parse(data, end, &packet) : PS_REASON_FROM_INSIDE;
    const auto reason = ps_screen(&image, &tables.dynamic, c.port, parsed, &packet, &question);
    const auto parts = reason == PS_UNDECIDED
                           ? ps_decide(&image, &tables, &packet, &question, c.now_ns)
                           : ps_decision_because(reason);
    const auto whole = ps_judge(&image, &other, c.port, data, end, c.now_ns, &packet);
    EXPECT_EQ(std::memcmp(&parts, &whole, sizeof whole), 0) << c.name;
  }
}

TEST(Judge, VerdictNamesItsRuleUnlessAnEntryDecided) {
  const WorldImage rules(corpus_world());
  const WorldEntries entries(corpus_world());
  const auto rule_for = [&](const char* source) {
    auto image = rules.image();
    WorldLimits limits;
    const ps_tables tables{entries.table(), limits.table(), &corpus_world().cookies};
    const Bytes frame = Ethernet{} / Ipv4{.source = source} / Tcp{};
    ps_packet packet;
    return ps_judge(&image, &tables, PS_PORT_WAN, frame.data(), frame.data() + frame.size(), kNow,
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
  const auto table = ps_dynamic_of(memory.data(), 3);
  const auto address = source.abi();
  ASSERT_EQ(ps_dynamic_action(&table, PS_FAMILY_V4, &address, kNow), PS_ACTION_DROP);
  for (auto& bucket : memory)
    for (auto& entry : bucket.entries)
      if (&bucket != memory.data() && entry.expires_ns != 0) entry.sequence++;
  EXPECT_EQ(ps_dynamic_action(&table, PS_FAMILY_V4, &address, kNow), -1);
}

TEST(Dynamic, AnEmptyTableNeedsNoClock) {
  std::vector<ps_dynamic_bucket> memory(3);
  const auto table = ps_dynamic_of(memory.data(), 3);
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
