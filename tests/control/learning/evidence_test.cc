// SPDX-License-Identifier: BSD-3-Clause
//
// Offences of sources: how many of which weight make a finding, how they decay, what a finding
// says, that no single one is enough whatever the options are, and a twin that adds up the whole
// history each time.
#include "control/learning/evidence.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <utility>
#include <vector>

namespace postern::learning {
namespace {

IpAddress address(const char* text) {
  return *IpAddress::parse(text);
}

const IpAddress kOne = address("192.0.2.1");

Evidence at(int64_t now, std::string what = "a", std::string id = "id") {
  return {now, std::move(id), std::move(what)};
}

TEST(Evidence, ThreeOffencesAreAFinding) {
  EvidenceTable table({.threshold = 3, .half_life = 600, .capacity = 10});
  EXPECT_FALSE(table.note(kOne, Offence::kEarlyTalker, at(1000, "spoke early", "s1")));
  EXPECT_FALSE(table.note(kOne, Offence::kBotName, at(1010, "said HELO ylmf-pc", "s2")));
  EXPECT_FALSE(table.note(address("192.0.2.2"), Offence::kEarlyTalker, at(1020))) << "another";
  const auto finding = table.note(kOne, Offence::kEarlyTalker, at(1041, "spoke early", "s3"));
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->reason, "3 offences in 41 s: spoke early (2), said HELO ylmf-pc (1)");
  ASSERT_EQ(finding->evidence.size(), 3u);
  EXPECT_EQ(finding->evidence[1].id, "s2");
  EXPECT_EQ(finding->evidence[1].time, 1010);
  EXPECT_EQ(table.size(), 1u) << "told, and forgotten";
  EXPECT_FALSE(table.note(kOne, Offence::kEarlyTalker, at(1042)));
}

TEST(Evidence, AnOffenceDecays) {
  EvidenceTable table({.threshold = 3, .half_life = 600});
  // One in each half-life adds up to less than two.
  for (int i = 0; i < 200; i++)
    ASSERT_FALSE(table.note(kOne, Offence::kErrors, at(1000 + 600 * i))) << i;
  const auto needed = [&](const char* source, int64_t apart) {
    int offences = 1;
    while (!table.note(address(source), Offence::kErrors, at(1000 + apart * offences))) offences++;
    return offences;
  };
  EXPECT_EQ(needed("192.0.2.2", 150), 3);  // 1 + 0.84 + 0.71
  EXPECT_EQ(needed("192.0.2.3", 200), 4);  // 1 + 0.79 + 0.63 + 0.5
  EXPECT_EQ(needed("192.0.2.4", 400), 6);  // towards 1 / (1 - 0.63)
}

TEST(Evidence, WhatIsLongGoneIsNotTold) {
  EvidenceTable table({.threshold = 2, .half_life = 60});
  EXPECT_FALSE(table.note(kOne, Offence::kErrors, at(1000, "long ago")));
  EXPECT_FALSE(table.note(kOne, Offence::kErrors, at(9000, "new")));
  const auto finding = table.note(kOne, Offence::kErrors, at(9003, "new"));
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->reason, "2 offences in 3 s: new (2)");
}

TEST(Evidence, KindsHaveWeights) {
  EvidenceTable::Options options{.threshold = 4};
  options.weights[static_cast<size_t>(Offence::kBotName)] = 3;
  options.weights[static_cast<size_t>(Offence::kErrors)] = 0;
  EvidenceTable table(options);
  for (int i = 0; i < 100; i++) ASSERT_FALSE(table.note(kOne, Offence::kErrors, at(1000)));
  EXPECT_EQ(table.size(), 0u) << "no offence at all";
  EXPECT_FALSE(table.note(kOne, Offence::kBotName, at(1000)));
  EXPECT_TRUE(table.note(kOne, Offence::kSpamtrap, at(1000)));
}

TEST(Evidence, OneIsNeverEnough) {
  for (const uint32_t threshold : {0u, 1u, 2u, 3u, 1000u})
    for (const uint32_t weight : {1u, 2u, 3u, 1000u, 4'000'000'000u}) {
      EvidenceTable::Options options{.threshold = threshold};
      options.weights.fill(weight);
      EvidenceTable table(options);
      for (size_t kind = 0; kind < kOffences; kind++) {
        const auto source = IpAddress::v4(0xc0000200u + static_cast<uint32_t>(kind));
        EXPECT_FALSE(table.note(source, static_cast<Offence>(kind), at(1000)))
            << threshold << ' ' << weight;
      }
    }
}

TEST(Evidence, Ipv6SourcesAreNetworks) {
  EvidenceTable table({.threshold = 2});
  EXPECT_FALSE(table.note(address("2001:db8:1:2::1"), Offence::kErrors, at(1)));
  EXPECT_FALSE(table.note(address("2001:db8:1:3::1"), Offence::kErrors, at(1)));
  EXPECT_TRUE(table.note(address("2001:db8:1:2:ffff::9"), Offence::kErrors, at(2)));
}

TEST(Evidence, TheTableForgetsWhoseLastOffenceIsTheOldest) {
  EvidenceTable table({.threshold = 2, .capacity = 2});
  EXPECT_FALSE(table.note(address("192.0.2.1"), Offence::kErrors, at(1)));
  EXPECT_FALSE(table.note(address("192.0.2.2"), Offence::kErrors, at(2)));
  EXPECT_FALSE(table.note(address("192.0.2.3"), Offence::kErrors, at(3)));  // pushes .1 out
  EXPECT_EQ(table.size(), 2u);
  EXPECT_EQ(table.forgotten(), 1u);
  EXPECT_TRUE(table.note(address("192.0.2.2"), Offence::kErrors, at(4)));
  EXPECT_FALSE(table.note(address("192.0.2.1"), Offence::kErrors, at(5))) << "it is forgotten";
}

TEST(Evidence, TheTextIsBoundedAndPrintable) {
  EvidenceTable table({.threshold = 5});
  std::optional<Finding> finding;
  for (char c = 'a'; c < 'f'; c++)
    finding = table.note(kOne, Offence::kBotName, at(1, std::string(500, c) + "\n\""));
  ASSERT_TRUE(finding);
  EXPECT_LE(finding->reason.size(), 200u);
  EXPECT_TRUE(finding->reason.ends_with("..."));
  EXPECT_EQ(finding->reason.find('\n'), std::string::npos);
}

TEST(Evidence, OfManyOffencesTheLatestAreEvidence) {
  EvidenceTable table({.threshold = 40});
  std::optional<Finding> finding;
  for (int i = 1; i <= 40; i++)
    finding = table.note(kOne, Offence::kErrors, at(1, "a", std::to_string(i)));
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->reason, "40 offences in 0 s: a (16)");
  ASSERT_EQ(finding->evidence.size(), LearnedEntry::kMaxEvidence);
  EXPECT_EQ(finding->evidence.front().id, "25");
  EXPECT_EQ(finding->evidence.back().id, "40");
}

TEST(Evidence, AClockThatJumpsBackDoesNoHarm) {
  EvidenceTable table({.threshold = 2});
  EXPECT_FALSE(table.note(kOne, Offence::kErrors, at(5000)));
  const auto finding = table.note(kOne, Offence::kErrors, at(10));
  ASSERT_TRUE(finding);
  EXPECT_TRUE(finding->reason.starts_with("2 offences in 0 s"));
}

TEST(Evidence, WordsAreReadAsTheyAreWritten) {
  for (size_t kind = 0; kind < kOffences; kind++)
    EXPECT_EQ(offence_from(word(static_cast<Offence>(kind))), static_cast<Offence>(kind));
  EXPECT_FALSE(offence_from("dkim"));
  EXPECT_FALSE(offence_from(""));
}

// Every offence since the last finding, each decayed by itself.
class Twin {
 public:
  explicit Twin(const EvidenceTable::Options& options) : options_(options) {}
  double sum(Offence offence, int64_t now) {
    all_.push_back({options_.weights[static_cast<size_t>(offence)], now});
    double sum = 0;
    for (const auto& [weight, time] : all_)
      sum += weight * std::pow(0.5, static_cast<double>(now - time) /
                                        static_cast<double>(options_.half_life));
    return sum;
  }
  void clear() { all_.clear(); }

 private:
  EvidenceTable::Options options_;
  std::vector<std::pair<uint32_t, int64_t>> all_;
};

TEST(Evidence, AgreesWithItsTwin) {
  std::mt19937 random(5);
  size_t findings = 0, quiet = 0;
  for (int round = 0; round < 300; round++) {
    EvidenceTable::Options options{.threshold = 2 + static_cast<uint32_t>(random() % 8),
                                   .half_life = 60};
    for (auto& weight : options.weights)
      weight = 1 + static_cast<uint32_t>(random()) % (options.threshold - 1);
    EvidenceTable table(options);
    Twin twin(options);
    const auto pace = 1 + random() % 150;
    int64_t now = 1000;
    for (int i = 0; i < 100; i++) {
      now += static_cast<int64_t>(random() % pace);
      const auto offence = static_cast<Offence>(random() % kOffences);
      const double sum = twin.sum(offence, now);
      const bool found = table.note(kOne, offence, at(now)).has_value();
      // What the table takes for nothing the twin still adds.
      const double line = options.threshold - 0.5;
      if (std::abs(sum - line) > 0.02) {
        ASSERT_EQ(found, sum > line) << "round " << round << " step " << i;
      }
      (found ? findings : quiet)++;
      if (found) twin.clear();
    }
  }
  EXPECT_GT(findings, 1000u);
  EXPECT_GT(quiet, 1000u);
}

}  // namespace
}  // namespace postern::learning
