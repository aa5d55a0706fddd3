// SPDX-License-Identifier: BSD-3-Clause
//
// Domains whose DNS does not answer: whose silence it is, when it has lasted long enough, what
// makes it forgotten, the bound, and what is kept in a file.
#include "control/dns/silent_zones.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace postern::dns {
namespace {

constexpr int64_t kHour = 3600;
constexpr int64_t kPatience = 24 * kHour;

TEST(SilentZones, WhoseSilenceItIs) {
  const auto zone = [](const char* name, RecordType type) {
    return SilentZones::zone_of(name, type);
  };
  EXPECT_EQ(zone("s1._domainkey.Example.ORG.", RecordType::kTxt), "example.org");
  EXPECT_EQ(zone("a.b._domainkey.mail.example.org", RecordType::kTxt), "mail.example.org");
  EXPECT_EQ(zone("_dmarc.example.org", RecordType::kTxt), "example.org");
  EXPECT_EQ(zone("example.org", RecordType::kTxt), "example.org");
  EXPECT_EQ(zone("7.2.0.192.in-addr.arpa", RecordType::kPtr), "2.0.192.in-addr.arpa");
  EXPECT_EQ(zone("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.4.3.2.1.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
                 RecordType::kPtr),
            "4.3.2.1.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
  EXPECT_EQ(zone("pool-7.isp.example", RecordType::kA), "isp.example");
  EXPECT_EQ(zone("a.b.isp.example", RecordType::kAaaa), "b.isp.example");
  EXPECT_EQ(zone("isp.example", RecordType::kA), "isp.example");
  EXPECT_EQ(zone("isp.co.uk", RecordType::kA), "isp.co.uk");
  EXPECT_EQ(zone("_x", RecordType::kTxt), "_x");
  EXPECT_EQ(zone("", RecordType::kTxt), "");
  EXPECT_EQ(zone(".", RecordType::kA), "");
}

TEST(SilentZones, AfterItsTimeAnAnswerIsNotWaitedFor) {
  SilentZones zones({.patience = kPatience});
  EXPECT_FALSE(zones.note_failure("silent.example", 0));
  zones.note_answer("other.example", kPatience - 1, Origin::kReached);
  EXPECT_FALSE(zones.note_failure("silent.example", kPatience - 1));
  zones.note_answer("other.example", kPatience, Origin::kReached);
  EXPECT_TRUE(zones.note_failure("silent.example", kPatience + 1));
  EXPECT_TRUE(zones.note_failure("silent.example", kPatience + 2));
  EXPECT_FALSE(zones.note_failure("new.example", kPatience + 2)) << "each for itself";
}

TEST(SilentZones, AnAnswerMakesItForgotten) {
  SilentZones zones({.patience = kPatience});
  zones.note_failure("silent.example", 0);
  zones.note_answer("silent.example", kHour, Origin::kReached);
  EXPECT_EQ(zones.size(), 0u);
  zones.note_answer("other.example", kPatience + kHour, Origin::kReached);
  EXPECT_FALSE(zones.note_failure("silent.example", kPatience + kHour)) << "its time begins anew";
}

TEST(SilentZones, ADnsThatAnswersNobodyIsOurs) {
  SilentZones zones({.patience = kPatience});
  zones.note_answer("other.example", 0, Origin::kReached);
  for (int64_t now = 1; now < 10 * kPatience; now += kHour)
    EXPECT_FALSE(zones.note_failure("silent.example", now)) << now;
}

TEST(SilentZones, WhoIsNotAskedForIsForgotten) {
  SilentZones zones({.patience = kHour});
  zones.note_failure("silent.example", 0);
  zones.note_failure("other.example", 25 * kHour);
  EXPECT_EQ(zones.size(), 2u);
  zones.note_failure("other.example", 25 * kHour + 1);
  EXPECT_EQ(zones.size(), 1u);
}

TEST(SilentZones, PatienceWithoutEnd) {
  SilentZones zones({.patience = 0});
  zones.note_failure("silent.example", 0);
  zones.note_answer("other.example", 1000 * kPatience, Origin::kReached);
  EXPECT_FALSE(zones.note_failure("silent.example", 12 * kHour));
}

TEST(SilentZones, AFullTableForgetsWhoFailedLongestAgo) {
  SilentZones zones({.patience = kPatience, .capacity = 2});
  zones.note_failure("a.example", 0);
  zones.note_failure("b.example", 1);
  zones.note_failure("a.example", 2);
  zones.note_failure("c.example", 3);
  EXPECT_EQ(zones.size(), 2u);
  EXPECT_EQ(zones.forgotten(), 1u);
  zones.note_answer("other.example", kPatience + 10, Origin::kReached);
  EXPECT_TRUE(zones.note_failure("a.example", kPatience + 10));
  EXPECT_FALSE(zones.note_failure("b.example", kPatience + 10)) << "which is deferred for longer";
}

TEST(SilentZones, OutlivesARestart) {
  SilentZones before({.patience = kPatience});
  before.note_failure("a.example", 5);
  before.note_failure("b.example", 6);
  before.note_answer("other.example", kPatience + 5, Origin::kReached);
  EXPECT_EQ(before.text(), "answered 86405\na.example 5 5\nb.example 6 6\n");
  SilentZones after({.patience = kPatience});
  EXPECT_EQ(after.read(before.text(), kPatience + 10), 0u);
  EXPECT_EQ(after.text(), before.text());
  EXPECT_TRUE(after.note_failure("a.example", kPatience + 10));
  EXPECT_FALSE(after.note_failure("b.example", kPatience + 10));
}

TEST(SilentZones, WhatIsNoLineOfOursIsPassedOver) {
  SilentZones zones({.patience = kPatience});
  EXPECT_EQ(zones.read("answered x\nanswered\na.example 5\na.example 7 5\na.example 5 99999\n"
                       "a.example 5 6\na.example 5 7\n\nb.example -1 6\nc.example 1 2\n",
                       100),
            9u);
  EXPECT_EQ(zones.text(), "answered 0\na.example 5 6\n");
  // A clock that was wrong does not make everybody's patience end.
  EXPECT_EQ(zones.read("answered 999999999\n", 100), 0u);
  EXPECT_EQ(zones.text(), "answered 100\na.example 5 6\n");
}

// Against a slow table without a bound, on what happens to a few zones in a few days.
TEST(SilentZones, AgreesWithANaiveTable) {
  std::mt19937 random(6);
  for (int round = 0; round < 50; round++) {
    SilentZones zones({.patience = kPatience});
    std::map<std::string, int64_t> since;
    int64_t answered = 0, now = 0;
    for (int step = 0; step < 400; step++) {
      now += static_cast<int64_t>(random() % kHour);
      const std::string zone(1, static_cast<char>('a' + random() % 5));
      if (random() % 8 == 0) {
        zones.note_answer(zone, now, Origin::kReached);
        since.erase(zone);
        answered = now;
        continue;
      }
      const auto [known, is_new] = since.emplace(zone, now);
      EXPECT_EQ(zones.note_failure(zone, now), !is_new && answered - known->second >= kPatience);
    }
    EXPECT_EQ(zones.size(), since.size());
  }
}

}  // namespace
}  // namespace postern::dns
