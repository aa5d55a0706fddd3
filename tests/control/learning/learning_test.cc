// SPDX-License-Identifier: BSD-3-Clause
//
// The gate: who is never learned, how wide entries are, how long they live, what is observed, and
// what is taken back or read back.
#include "control/learning/learning.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "control/policy/source_of.h"

namespace postern::learning {
namespace {

using std::chrono::seconds;

Prefix prefix(const std::string& text) {
  return *Prefix::parse(text, Prefix::HostBits::kRefuse);
}

// Writes down all that it hears.
class Notes : public LearningObserver {
 public:
  void learned(const LearnedEntry& entry) override {
    notes.push_back("learned " + entry.prefix.to_string());
    last = entry;
  }
  void removed(const Prefix& gone) override { notes.push_back("removed " + gone.to_string()); }
  void spared(const Lesson& lesson, Unlearned why, std::string_view because) override {
    notes.push_back("spared " + lesson.source.to_string() + ' ' + std::string(word(why)) +
                    (because.empty() ? "" : " ") + std::string(because));
  }
  void withdrawn(const LearnedEntry& entry, Unlearned why, std::string_view because) override {
    notes.push_back("withdrawn " + entry.prefix.to_string() + ' ' + std::string(word(why)) +
                    (because.empty() ? "" : " ") + std::string(because));
  }
  void trusted(const Prefix& source, std::string_view domain, int64_t expires) override {
    notes.push_back("trusted " + source.to_string() + ' ' + std::string(domain) + ' ' +
                    std::to_string(expires));
  }
  std::vector<std::string> take() { return std::exchange(notes, {}); }
  std::vector<std::string> notes;
  LearnedEntry last;
};

using Strings = std::vector<std::string>;

class Gate : public testing::Test {
 protected:
  Learning make(Learning::Options options = {}) {
    return Learning(
        std::move(options),
        [this](const Prefix& network, const auto&, int64_t) {
          return std::ranges::any_of(exempt_, [&](const std::string& source) {
            return network.contains(*IpAddress::parse(source));
          });
        },
        notes_);
  }
  static Lesson lesson(const std::string& source, std::string rule = "offences") {
    Lesson made;
    made.source = *IpAddress::parse(source);
    made.rule = std::move(rule);
    made.reason = "3 offences";
    made.evidence = {{990, "s1", "spoke early"}, {1000, "s2.1", "wrote to a spamtrap"}};
    return made;
  }
  static LearnedEntry kept(const char* text, int64_t expires) {
    return {.prefix = prefix(text),
            .learned = 900,
            .expires = expires,
            .rule = "offences",
            .reason = "old",
            .evidence = {{899, "s", "x"}}};
  }
  std::set<std::string> exempt_;
  Notes notes_;
};

TEST_F(Gate, ALessonBecomesAnEntry) {
  auto learning = make({.learn_for = seconds{60}});
  EXPECT_EQ(learning.learn(lesson("192.0.2.1"), 1000), Unlearned::kNothing);
  EXPECT_EQ(notes_.take(), Strings{"learned 192.0.2.1/32"});
  const auto* entry = learning.find(prefix("192.0.2.1/32"), 1000);
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->learned, 1000);
  EXPECT_EQ(entry->expires, 1060);
  EXPECT_EQ(entry->rule, "offences");
  EXPECT_EQ(entry->reason, "3 offences");
  ASSERT_EQ(entry->evidence.size(), 2u);
  EXPECT_EQ(entry->evidence[1].id, "s2.1");
  EXPECT_EQ(learning.find(prefix("192.0.2.1/32"), 1060), nullptr) << "its time is over";
  EXPECT_EQ(learning.learn(lesson("2001:db8:1:2:3::4"), 1000), Unlearned::kNothing);
  EXPECT_EQ(notes_.take(), Strings{"learned 2001:db8:1:2::/64"});
}

TEST_F(Gate, ALessonMaySayHowLongAndWhatIsKnownForLongerStaysSo) {
  auto learning = make({.learn_for = seconds{60}});
  learning.learn(lesson("192.0.2.1", "site.policy:12"), 1000, seconds{86400});
  EXPECT_EQ(notes_.last.expires, 87400);
  learning.learn(lesson("192.0.2.1"), 1010);
  EXPECT_EQ(notes_.last.expires, 87400);
  EXPECT_EQ(notes_.last.rule, "offences") << "the latest reason";
  EXPECT_EQ(learning.size(), 1u);
}

TEST_F(Gate, WithoutEvidenceNothing) {
  auto learning = make();
  auto bare = lesson("192.0.2.1");
  bare.evidence.clear();
  EXPECT_EQ(learning.learn(bare, 1000), Unlearned::kNoEvidence);
  EXPECT_EQ(notes_.take(), Strings{"spared 192.0.2.1 no-evidence"});
  EXPECT_EQ(learning.size(), 0u);
}

TEST_F(Gate, ExemptSourcesAreNeverLearned) {
  exempt_ = {"192.0.2.1"};
  auto learning = make({.never = {prefix("198.51.100.0/28")}});
  EXPECT_EQ(learning.learn(lesson("192.0.2.1"), 1000), Unlearned::kExempt);
  EXPECT_EQ(learning.learn(lesson("198.51.100.7"), 1000), Unlearned::kExempt);
  EXPECT_EQ(learning.learn(lesson("198.51.100.16"), 1000), Unlearned::kNothing);
  EXPECT_EQ(notes_.take(), (Strings{"spared 192.0.2.1 exempt", "spared 198.51.100.7 exempt",
                                    "learned 198.51.100.16/32"}));
}

TEST_F(Gate, WhoSentGoodMailIsNotLearnedForAWhile) {
  auto learning = make({.trust = {.trust_for = 1000, .least_reputation = 0.9}});
  const auto source = *IpAddress::parse("192.0.2.1");
  learning.note_good_mail(source, "b.example", 0.89, 1000);
  learning.note_good_mail(source, "", 1.0, 1000);
  EXPECT_TRUE(notes_.take().empty()) << "not good enough";
  learning.note_good_mail(source, "b.example", 0.9, 1000);
  EXPECT_EQ(notes_.take(), Strings{"trusted 192.0.2.1/32 b.example 2000"});
  learning.note_good_mail(source, "b.example", 0.9, 1010);
  EXPECT_TRUE(notes_.take().empty()) << "not written for each message";
  learning.note_good_mail(source, "b.example", 0.9, 1100);
  EXPECT_EQ(notes_.take(), Strings{"trusted 192.0.2.1/32 b.example 2100"});
  EXPECT_EQ(learning.learn(lesson("192.0.2.1"), 2099), Unlearned::kTrusted);
  EXPECT_EQ(notes_.take(), Strings{"spared 192.0.2.1 trusted b.example"});
  EXPECT_EQ(learning.learn(lesson("192.0.2.2"), 1100), Unlearned::kNothing) << "a neighbour";
  EXPECT_EQ(learning.learn(lesson("192.0.2.1"), 2100), Unlearned::kNothing) << "not recently";
}

TEST_F(Gate, NobodyIsTrustedWhereTheOperatorSaysSo) {
  auto learning = make({.trust = {.trust_for = 0}});
  learning.note_good_mail(*IpAddress::parse("192.0.2.1"), "b.example", 1.0, 1000);
  EXPECT_EQ(learning.learn(lesson("192.0.2.1"), 1000), Unlearned::kNothing);
}

TEST_F(Gate, EntriesAreAsWideAsTheOptionsSay) {
  auto learning = make({.v4_length = 24, .v6_length = 48});
  learning.learn(lesson("192.0.2.77"), 1000);
  learning.learn(lesson("2001:db8:1:2:3::4"), 1000);
  EXPECT_EQ(notes_.take(), (Strings{"learned 192.0.2.0/24", "learned 2001:db8:1::/48"}));
}

TEST_F(Gate, AWideEntryHitsNobodyWhoIsNotToBeHit) {
  exempt_ = {"192.0.2.255"};
  auto learning = make({.v4_length = 24, .v6_length = 56, .never = {prefix("203.0.113.5/32")}});
  learning.note_good_mail(*IpAddress::parse("198.51.100.9"), "b.example", 1.0, 1000);
  learning.note_good_mail(*IpAddress::parse("2001:db8:1:2ff::1"), "b.example", 1.0, 1000);
  notes_.take();
  for (const char* source : {"192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8:1:201::1",
                             "2001:db8:1:301::1", "198.51.101.1"})
    EXPECT_EQ(learning.learn(lesson(source), 1000), Unlearned::kNothing);
  EXPECT_EQ(notes_.take(), (Strings{"learned 192.0.2.1/32", "learned 198.51.100.1/32",
                                    "learned 203.0.113.1/32", "learned 2001:db8:1:201::/64",
                                    "learned 2001:db8:1:300::/56", "learned 198.51.101.0/24"}));
}

TEST_F(Gate, TheFirstToExpireGoes) {
  auto learning = make({.capacity = 2});
  learning.learn(lesson("192.0.2.1"), 1000, seconds{50});
  learning.learn(lesson("192.0.2.2"), 1000, seconds{20});
  learning.learn(lesson("192.0.2.3"), 1000, seconds{30});
  EXPECT_EQ(learning.size(), 2u);
  EXPECT_EQ(learning.forgotten(), 1u);
  EXPECT_EQ(learning.prefixes(1000), (std::vector{prefix("192.0.2.1/32"), prefix("192.0.2.3/32")}));
  EXPECT_EQ(learning.prefixes(1040), std::vector{prefix("192.0.2.1/32")});
}

TEST_F(Gate, AnEntryCanBeTakenBack) {
  auto learning = make();
  learning.learn(lesson("192.0.2.1"), 1000);
  notes_.take();
  EXPECT_TRUE(learning.remove(prefix("192.0.2.1/32")));
  EXPECT_FALSE(learning.remove(prefix("192.0.2.1/32")));
  EXPECT_EQ(notes_.take(), (Strings{"removed 192.0.2.1/32", "removed 192.0.2.1/32"}));
  EXPECT_EQ(learning.learn(lesson("192.0.2.1"), 1001), Unlearned::kNothing) << "by new evidence";
}

TEST_F(Gate, NobodyIsLearnedWithinWhoseNetworkSomebodyIsExempt) {
  exempt_ = {"2001:db8:1:2::25"};
  auto learning = make({.never = {prefix("2001:db8:1:3::7/128")}});
  EXPECT_EQ(learning.learn(lesson("2001:db8:1:2:3::4"), 1000), Unlearned::kExempt);
  EXPECT_EQ(learning.learn(lesson("2001:db8:1:3:3::4"), 1000), Unlearned::kExempt);
  EXPECT_EQ(learning.learn(lesson("2001:db8:1:4:3::4"), 1000), Unlearned::kNothing);
}

// What another worker learned, or was learned of a neighbour, before the source had sent such mail.
TEST_F(Gate, TrustTakesBackWhatCoversTheSource) {
  auto learning = make({.v4_length = 24, .v6_length = 48});
  for (const char* source : {"192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8:1:2:3::4"})
    learning.learn(lesson(source), 1000);
  notes_.take();
  learning.note_good_mail(*IpAddress::parse("192.0.2.7"), "b.example", 1.0, 1000);
  EXPECT_EQ(notes_.take(),
            (Strings{"trusted 192.0.2.7/32 b.example 605800",
                     "withdrawn 192.0.2.0/24 trusted b.example", "removed 192.0.2.0/24"}));
  learning.restore_trusted(prefix("198.51.100.1/32"), "b.example", 2000, 1000);
  EXPECT_EQ(notes_.take(),
            (Strings{"withdrawn 198.51.100.0/24 trusted b.example", "removed 198.51.100.0/24"}));
  learning.restore_trusted(prefix("2001:db8:1:9::/64"), "b.example", 2000, 1000);
  EXPECT_EQ(notes_.take(),
            (Strings{"withdrawn 2001:db8:1::/48 trusted b.example", "removed 2001:db8:1::/48"}));
  EXPECT_EQ(learning.size(), 1u) << "nobody is trusted in 203.0.113.0/24";
}

// Whatever learn() would not take today is not read back either.
TEST_F(Gate, WhatIsReadBackIsAskedAboutAllOfItsNetwork) {
  exempt_ = {"192.0.2.200", "2001:db8:1:2::25"};
  auto learning =
      make({.v4_length = 24, .never = {prefix("203.0.113.5/32"), prefix("2001:db8:2::/48")}});
  learning.restore_trusted(prefix("198.51.100.9/32"), "b.example", 2000, 1000);
  for (const char* network : {"192.0.2.0/24", "2001:db8:1:2::/64", "203.0.113.0/24",
                              "203.0.113.5/32", "2001:db8:2:1::/64", "198.51.100.0/24"})
    learning.restore(kept(network, 9999), 1000);
  EXPECT_EQ(learning.size(), 0u);
  EXPECT_EQ(notes_.take(),
            (Strings{"withdrawn 192.0.2.0/24 exempt", "removed 192.0.2.0/24",
                     "withdrawn 2001:db8:1:2::/64 exempt", "removed 2001:db8:1:2::/64",
                     "withdrawn 203.0.113.0/24 exempt", "removed 203.0.113.0/24",
                     "withdrawn 203.0.113.5/32 exempt", "removed 203.0.113.5/32",
                     "withdrawn 2001:db8:2:1::/64 exempt", "removed 2001:db8:2:1::/64",
                     "withdrawn 198.51.100.0/24 trusted b.example", "removed 198.51.100.0/24"}));
  for (const char* network : {"192.0.2.1/32", "203.0.113.6/32", "198.51.101.0/24"})
    learning.restore(kept(network, 9999), 1000);
  EXPECT_EQ(learning.size(), 3u) << notes_.take().back();
  auto narrow = make({.v4_length = 32});
  notes_.take();
  narrow.restore(kept("198.51.101.0/24", 9999), 1000);
  EXPECT_EQ(notes_.take(), (Strings{"withdrawn 198.51.101.0/24 width", "removed 198.51.101.0/24"}))
      << "the operator wants them narrow by now";
}

TEST_F(Gate, AnotherPolicyTakesBackWhatItWouldNotLet) {
  auto learning = make({.v4_length = 24});
  for (const char* source : {"192.0.2.1", "198.51.100.1", "2001:db8:1:2:3::4"})
    EXPECT_EQ(learning.learn(lesson(source), 1000), Unlearned::kNothing);
  notes_.take();
  EXPECT_EQ(learning.review(1000), 0u);
  exempt_ = {"192.0.2.200", "2001:db8:1:2::25"};
  EXPECT_EQ(learning.review(1000), 2u);
  auto notes = notes_.take();
  std::ranges::sort(notes);
  EXPECT_EQ(notes,
            (Strings{"removed 192.0.2.0/24", "removed 2001:db8:1:2::/64",
                     "withdrawn 192.0.2.0/24 exempt", "withdrawn 2001:db8:1:2::/64 exempt"}));
  EXPECT_EQ(learning.prefixes(1000), std::vector{prefix("198.51.100.0/24")});
  EXPECT_EQ(learning.review(1000), 0u);
}

TEST_F(Gate, WhatIsReadBackIsWhatMayStillBe) {
  exempt_ = {"192.0.2.4"};
  auto learning = make();
  learning.learn(lesson("192.0.2.3"), 1000);
  notes_.take();
  learning.restore(kept("192.0.2.1/32", 1001), 1000);
  learning.restore(kept("192.0.2.2/32", 1000), 1000);  // its time is over
  learning.restore(kept("192.0.2.3/32", 9999), 1000);  // newer evidence is there
  learning.restore(kept("192.0.2.4/32", 9999), 1000);  // is accredited by now
  learning.restore(kept("192.0.0.0/16", 9999), 1000);  // no entry of ours
  learning.restore(kept("0.0.0.0/0", 9999), 1000);
  auto bare = kept("192.0.2.5/32", 9999);
  bare.evidence.clear();
  learning.restore(bare, 1000);
  EXPECT_EQ(notes_.take(), (Strings{"learned 192.0.2.1/32", "withdrawn 192.0.2.4/32 exempt",
                                    "removed 192.0.2.4/32", "withdrawn 192.0.0.0/16 width",
                                    "withdrawn 0.0.0.0/0 width",
                                    "withdrawn 192.0.2.5/32 no-evidence", "removed 192.0.2.5/32"}));
  EXPECT_EQ(learning.find(prefix("192.0.2.3/32"), 1000)->reason, "3 offences");
  learning.restore_trusted(prefix("198.51.100.1/32"), "b.example", 1500, 1000);
  learning.restore_trusted(prefix("198.51.100.2/32"), "b.example", 1000, 1000);
  learning.restore_trusted(prefix("198.51.100.3/32"), "b.example", INT64_MAX, 1000);
  EXPECT_EQ(learning.learn(lesson("198.51.100.1"), 1000), Unlearned::kTrusted);
  EXPECT_EQ(learning.learn(lesson("198.51.100.2"), 1000), Unlearned::kNothing);
  EXPECT_EQ(learning.learn(lesson("198.51.100.3"), 1000 + 7 * 86400), Unlearned::kNothing)
      << "not for longer than it can be";
}

// Another process has seen mail of it since.
TEST_F(Gate, TrustThatIsHeardOfLastsForTheLonger) {
  auto learning = make({.trust = {.trust_for = 1000}});
  learning.restore_trusted(prefix("192.0.2.1/32"), "a.example", 1500, 1000);
  learning.restore_trusted(prefix("192.0.2.1/32"), "b.example", 1800, 1000);
  learning.restore_trusted(prefix("192.0.2.1/32"), "c.example", 1600, 1000);
  EXPECT_EQ(learning.learn(lesson("192.0.2.1"), 1799), Unlearned::kTrusted);
  EXPECT_EQ(notes_.take(), Strings{"spared 192.0.2.1 trusted b.example"});
  EXPECT_EQ(learning.learn(lesson("192.0.2.1"), 1800), Unlearned::kNothing);
}

TEST_F(Gate, TextsArePrintableAndBounded) {
  auto learning = make();
  auto odd = lesson("192.0.2.1", "a\nb" + std::string(500, 'r'));
  odd.reason = "";
  odd.evidence.assign(40, {1000, "id\x01", std::string(500, 'w')});
  for (size_t i = 0; i < 40; i++) odd.evidence[i].time = static_cast<int64_t>(i);
  learning.learn(odd, 1000);
  EXPECT_EQ(notes_.last.rule.size(), LearnedEntry::kMaxText);
  EXPECT_TRUE(notes_.last.reason.starts_with("a?brrr")) << "the rule, where there is none";
  ASSERT_EQ(notes_.last.evidence.size(), LearnedEntry::kMaxEvidence);
  EXPECT_EQ(notes_.last.evidence[0].time, 24) << "the latest ones";
  EXPECT_EQ(notes_.last.evidence[0].id, "id?");
  EXPECT_EQ(notes_.last.evidence[0].what.size(), LearnedEntry::kMaxText);
}

// Who is trusted within a network, asked of a row of them.
TEST(TrustedSourcesTwin, AgreeAboutNetworks) {
  std::mt19937 random(4);
  TrustedSources table({.capacity = 1000, .trust_for = 100});
  std::vector<std::pair<IpAddress, int64_t>> twin;
  size_t found = 0;
  for (int64_t now = 1000; now < 3000; now++) {
    const auto source = IpAddress::v4(0xc0000000u | static_cast<uint32_t>(random() % 0x4000));
    table.note(policy::source_of(source), "b.example", 1.0, now);
    twin.emplace_back(source, now);
    const auto asked =
        *Prefix::make(IpAddress::v4(0xc0000000u | static_cast<uint32_t>(random() % 0x4000)),
                      24 + static_cast<int>(random() % 9), Prefix::HostBits::kMask);
    bool any = false;
    // What was noted again within a sixteenth of its time is not renewed.
    bool unsure = false;
    for (const auto& [address, noted] : twin) {
      if (!asked.contains(address)) continue;
      any |= noted + 93 > now;
      unsure |= noted + 93 <= now && noted + 100 >= now;
    }
    const bool is = table.any_within(asked, now) != nullptr;
    if (any || !unsure) {
      ASSERT_EQ(is, any) << asked.to_string();
    }
    found += any;
  }
  EXPECT_GT(found, 50u);
}

}  // namespace
}  // namespace postern::learning
