// SPDX-License-Identifier: BSD-3-Clause
//
// Address harvesting: how many unknown recipients of how many make a finding, what is forgiven, and
// a twin that counts from the whole history each time.
#include "control/learning/harvest.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace postern::learning {
namespace {

IpAddress address(const char* text) {
  return *IpAddress::parse(text);
}

const IpAddress kOne = address("192.0.2.1");

std::string name(int i) {
  return "u" + std::to_string(i) + "@example.org";
}

TEST(Harvest, SoManyDifferentUnknownRecipientsAreAFinding) {
  HarvestTable table({.threshold = 5, .window = 600}, 7);
  for (int i = 0; i < 4; i++) ASSERT_FALSE(table.note_unknown(kOne, name(i), "s", 1000 + i));
  table.note_known(kOne, "k", 1010);
  EXPECT_FALSE(table.note_unknown(address("192.0.2.2"), name(4), "s", 1020)) << "another source";
  const auto finding = table.note_unknown(kOne, name(4), "s", 1041);
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->reason, "harvesting: 5 unknown recipients, 1 known in 41 s");
  EXPECT_EQ(table.size(), 1u) << "told, and forgotten";
}

TEST(Harvest, OneDeadAddressAgainAndAgainIsPatience) {
  HarvestTable table({.threshold = 3, .window = 600}, 7);
  for (int i = 0; i < 1000; i++) ASSERT_FALSE(table.note_unknown(kOne, name(i % 2), "s", 1000 + i));
}

TEST(Harvest, HostsThatMostlyHaveTheRightAddressesAreForgiven) {
  HarvestTable table({.threshold = 10, .window = 600, .known_percent = 50}, 7);
  for (int i = 0; i < 5000; i++) {
    for (int j = 0; j < 3; j++) table.note_known(kOne, name(3 * i + j + 1), 1000 + i);
    ASSERT_FALSE(table.note_unknown(kOne, name(i), "s", 1000 + i));
  }
  // From now on it only guesses, and what it had right lies soon before its last ten guesses.
  int more = 1;
  while (!table.note_unknown(kOne, name(10'000 + more), "s", 6000 + more)) more++;
  EXPECT_EQ(more, 7);
}

TEST(Harvest, OneKnownRecipientAgainAndAgainForgivesNothing) {
  HarvestTable table({.threshold = 3, .window = 600, .known_percent = 50}, 7);
  bool found = false;
  for (int i = 0; i < 3; i++) {
    for (int j = 0; j < 100; j++) table.note_known(kOne, "known@example.org", 1000 + i);
    found = table.note_unknown(kOne, name(i), "s", 1000 + i).has_value();
  }
  EXPECT_TRUE(found);
}

TEST(Harvest, TheEvidenceIsTheSessions) {
  HarvestTable table({.threshold = 40, .window = 600}, 7);
  std::optional<Finding> finding;
  for (int i = 0; i < 40; i++)
    finding = table.note_unknown(kOne, name(i), "s" + std::to_string(i / 2), 1000 + i);
  ASSERT_TRUE(finding);
  ASSERT_EQ(finding->evidence.size(), LearnedEntry::kMaxEvidence);
  EXPECT_EQ(finding->evidence.front().id, "s4") << "the latest ones";
  EXPECT_EQ(finding->evidence.back().id, "s19");
  EXPECT_EQ(finding->evidence.back().time, 1039);
}

TEST(Harvest, TheShareThatForgivesIsASetting) {
  for (const auto& [percent, forgive] : {std::pair<size_t, int>{50, 6}, {25, 2}, {75, 18}}) {
    for (int known = 0; known < 30; known++) {
      HarvestTable table({.threshold = 6, .window = 600, .known_percent = percent}, 7);
      ASSERT_FALSE(table.note_unknown(kOne, name(0), "s", 1));
      for (int i = 0; i < known; i++) table.note_known(kOne, "known" + name(i), 1);
      bool found = false;
      for (int i = 1; i < 6; i++) found = table.note_unknown(kOne, name(i), "s", 1).has_value();
      EXPECT_EQ(found, known < forgive) << percent << " " << known;
    }
  }
}

TEST(Harvest, WhatIsOlderThanTheWindowDoesNotCount) {
  HarvestTable table({.threshold = 3, .window = 600}, 7);
  EXPECT_FALSE(table.note_unknown(kOne, name(0), "s", 1000));
  EXPECT_FALSE(table.note_unknown(kOne, name(1), "s", 1300));
  EXPECT_FALSE(table.note_unknown(kOne, name(2), "s", 1600));
  EXPECT_TRUE(table.note_unknown(kOne, name(0), "s", 1899)) << "and may be tried anew";
}

TEST(Harvest, Ipv6SourcesAreNetworks) {
  HarvestTable table({.threshold = 2}, 7);
  EXPECT_FALSE(table.note_unknown(address("2001:db8:1:2::1"), "a", "s", 1));
  EXPECT_FALSE(table.note_unknown(address("2001:db8:1:3::1"), "b", "s", 1));
  EXPECT_TRUE(table.note_unknown(address("2001:db8:1:2:ffff::9"), "c", "s", 2));
}

TEST(Harvest, AFullTableForgetsWhoWasQuietLongest) {
  HarvestTable table({.threshold = 2, .window = 600, .capacity = 2}, 7);
  EXPECT_FALSE(table.note_unknown(address("192.0.2.1"), "a", "s", 1));
  EXPECT_FALSE(table.note_unknown(address("192.0.2.2"), "a", "s", 2));
  table.note_known(address("192.0.2.3"), "k", 3);  // pushes .1 out
  EXPECT_EQ(table.size(), 2u);
  EXPECT_EQ(table.forgotten(), 1u);
  EXPECT_TRUE(table.note_unknown(address("192.0.2.2"), "b", "s", 4));
  EXPECT_FALSE(table.note_unknown(address("192.0.2.1"), "b", "s", 5))
      << "its first one is forgotten";
}

TEST(Harvest, AClockThatJumpsBackDoesNoHarm) {
  HarvestTable table({.threshold = 2}, 7);
  EXPECT_FALSE(table.note_unknown(kOne, "a", "s", 5000));
  const auto finding = table.note_unknown(kOne, "b", "s", 10);
  ASSERT_TRUE(finding);
  EXPECT_TRUE(finding->reason.ends_with(" in 0 s"));
}

// All that ever happened, looked through anew each time.
class Twin {
 public:
  bool note(bool is_known, const std::string& asked, int64_t now) {
    if (is_known) {
      events_.push_back({true, asked, now});
      return false;
    }
    std::vector<Event> unknown;  // newest first
    for (auto event = events_.rbegin(); event != events_.rend(); event++)
      if (!event->known && event->time > now - 600 && unknown.size() < 6) unknown.push_back(*event);
    for (const auto& event : unknown)
      if (event.asked == asked) return false;
    events_.push_back({false, asked, now});
    unknown.insert(unknown.begin(), events_.back());
    if (unknown.size() < 6) return false;
    const int64_t first = unknown[5].time;
    std::set<std::string> different;
    for (const auto& event : events_)
      if (event.known && event.time >= first) different.insert(event.asked);
    const auto known = static_cast<double>(different.size());
    const bool found = known / (known + 6) < 0.4;
    if (found) events_.clear();
    return found;
  }

 private:
  struct Event {
    bool known;
    std::string asked;
    int64_t time;
  };
  std::vector<Event> events_;
};

TEST(Harvest, AgreesWithItsTwin) {
  std::mt19937 random(6);
  size_t findings = 0;
  for (int round = 0; round < 300; round++) {
    HarvestTable table({.threshold = 6, .window = 600, .known_percent = 40}, 7);
    Twin twin;
    const auto known_share = random() % 70;
    const auto pace = 1 + random() % 200;
    int64_t now = 1000;
    for (int i = 0; i < 200; i++) {
      now += static_cast<int64_t>(random() % pace);
      const bool known = random() % 100 < known_share;
      const std::string asked = name(static_cast<int>(random() % 15));
      bool found = false;
      if (known)
        table.note_known(kOne, asked, now);
      else
        found = table.note_unknown(kOne, asked, "s", now).has_value();
      ASSERT_EQ(found, twin.note(known, asked, now)) << "round " << round << " step " << i;
      findings += found;
    }
  }
  EXPECT_GT(findings, 100u);
}

}  // namespace
}  // namespace postern::learning
