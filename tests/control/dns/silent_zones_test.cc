// SPDX-License-Identifier: BSD-3-Clause
//
// Domains whose DNS does not answer: whose silence it is, when it has lasted long enough, what
// makes it forgotten, the bound, and what is kept in a file.
#include "control/dns/silent_zones.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>

namespace postern::dns {
namespace {

using enum RecordType;

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
  EXPECT_FALSE(zones.note_failure("silent.example", kTxt, 0));
  zones.note_answer("other.example", kTxt, kPatience - 1, Origin::kReached);
  EXPECT_FALSE(zones.note_failure("silent.example", kTxt, kPatience - 1));
  zones.note_answer("other.example", kTxt, kPatience, Origin::kReached);
  EXPECT_TRUE(zones.note_failure("silent.example", kTxt, kPatience + 1));
  EXPECT_TRUE(zones.note_failure("silent.example", kTxt, kPatience + 2));
  EXPECT_FALSE(zones.note_failure("new.example", kTxt, kPatience + 2)) << "each for itself";
}

// A selector that points into a zone that is gone, while the domain's other names answer at each
// message (rdns, SPF, DMARC).
TEST(SilentZones, OneDeadNameUnderALivingZoneIsGivenUp) {
  for (const Origin origin : {Origin::kKept, Origin::kReached}) {
    SilentZones zones({.patience = kPatience});
    int64_t given_up = -1;
    for (int64_t now = 0; now <= 3 * kPatience && given_up < 0; now += kHour) {
      zones.note_answer("mail.example.org", kA, now, origin);
      zones.note_answer("elsewhere.example", kTxt, now, Origin::kReached);
      if (zones.note_failure("s._domainkey.example.org", kTxt, now)) given_up = now;
      EXPECT_FALSE(
          zones.note_failure("new" + std::to_string(now) + "._domainkey.example.org", kTxt, now))
          << "others below it have a time of their own";
    }
    EXPECT_EQ(given_up, kPatience);
    EXPECT_FALSE(zones.note_failure("s._domainkey.example.org", kA, given_up))
        << "another question";
    zones.note_answer("S._domainkey.Example.ORG.", kTxt, given_up, origin);
    EXPECT_FALSE(zones.note_failure("s._domainkey.example.org", kTxt, given_up));
  }
}

TEST(SilentZones, OfAZoneTheQuestionThatFailedLongestAgoGoes) {
  SilentZones zones({.patience = kPatience});
  const auto name = [](size_t i) { return "s" + std::to_string(i) + "._domainkey.example.org"; };
  for (size_t i = 0; i <= SilentZones::kQuestions; i++)
    zones.note_failure(name(i), kTxt, static_cast<int64_t>(i));
  zones.note_answer("example.org", kTxt, kPatience + kHour, Origin::kReached);
  EXPECT_EQ(zones.size(), 1u);
  EXPECT_TRUE(zones.note_failure(name(1), kTxt, kPatience + kHour));
  EXPECT_FALSE(zones.note_failure(name(0), kTxt, kPatience + kHour));
}

TEST(SilentZones, AQuestionThatNobodyPutsIsForgotten) {
  SilentZones zones({.patience = kHour});
  zones.note_failure("a.example.org", kTxt, 0);
  zones.note_answer("a.example.org", kMx, 1, Origin::kReached);
  const int64_t later = 26 * kHour;
  zones.note_failure("a.example.org", kNs, later - kHour);
  zones.note_answer("a.example.org", kMx, later, Origin::kReached);
  EXPECT_FALSE(zones.note_failure("a.example.org", kTxt, later));
}

TEST(SilentZones, AnAnswerMakesItForgotten) {
  SilentZones zones({.patience = kPatience});
  zones.note_failure("silent.example", kTxt, 0);
  zones.note_answer("silent.example", kTxt, kHour, Origin::kReached);
  EXPECT_EQ(zones.size(), 0u);
  zones.note_answer("other.example", kTxt, kPatience + kHour, Origin::kReached);
  EXPECT_FALSE(zones.note_failure("silent.example", kTxt, kPatience + kHour))
      << "its time begins anew";
}

TEST(SilentZones, ADnsThatAnswersNobodyIsOurs) {
  SilentZones zones({.patience = kPatience});
  zones.note_answer("other.example", kTxt, 0, Origin::kReached);
  for (int64_t now = 1; now < 10 * kPatience; now += kHour)
    EXPECT_FALSE(zones.note_failure("silent.example", kTxt, now)) << now;
}

TEST(SilentZones, WhoIsNotAskedForIsForgotten) {
  SilentZones zones({.patience = kHour});
  zones.note_failure("silent.example", kTxt, 0);
  zones.note_failure("other.example", kTxt, 25 * kHour);
  EXPECT_EQ(zones.size(), 2u);
  zones.note_failure("other.example", kTxt, 25 * kHour + 1);
  EXPECT_EQ(zones.size(), 1u);
}

TEST(SilentZones, PatienceWithoutEnd) {
  SilentZones zones({.patience = 0});
  zones.note_failure("silent.example", kTxt, 0);
  zones.note_answer("other.example", kTxt, 1000 * kPatience, Origin::kReached);
  EXPECT_FALSE(zones.note_failure("silent.example", kTxt, 12 * kHour));
}

TEST(SilentZones, AFullTableForgetsWhoFailedLongestAgo) {
  SilentZones zones({.patience = kPatience, .capacity = 4});  // each with a question
  zones.note_failure("a.example", kTxt, 0);
  zones.note_failure("b.example", kTxt, 1);
  zones.note_failure("a.example", kTxt, 2);
  zones.note_failure("c.example", kTxt, 3);
  EXPECT_EQ(zones.size(), 2u);
  EXPECT_EQ(zones.forgotten(), 1u);
  zones.note_answer("other.example", kTxt, kPatience + 10, Origin::kReached);
  EXPECT_TRUE(zones.note_failure("a.example", kTxt, kPatience + 10));
  EXPECT_FALSE(zones.note_failure("b.example", kTxt, kPatience + 10))
      << "which is deferred for longer";
}

TEST(SilentZones, OutlivesARestart) {
  SilentZones before({.patience = kPatience});
  before.note_failure("a.example", kTxt, 5);
  before.note_failure("A.example.", kA, 5);
  before.note_answer("a.example", kMx, 5, Origin::kReached);
  before.note_failure("b.example", kTxt, 6);
  before.note_answer("other.example", kTxt, kPatience + 5, Origin::kReached);
  EXPECT_EQ(before.text(),
            "answered 86405\n"
            "a.example - 5\n16 a.example 5 5\n1 a.example 5 5\n"
            "b.example 6 6\n16 b.example 6 6\n");
  SilentZones after({.patience = kPatience});
  EXPECT_EQ(after.read(before.text(), kPatience + 10), 0u);
  EXPECT_EQ(after.text(), before.text());
  EXPECT_TRUE(after.note_failure("a.example", kTxt, kPatience + 10));
  EXPECT_FALSE(after.note_failure("b.example", kTxt, kPatience + 10));
}

TEST(SilentZones, WhatIsNoLineOfOursIsPassedOver) {
  SilentZones zones({.patience = kPatience});
  EXPECT_EQ(zones.read("16 a.example 5 5\n"  // of no zone
                       "answered x\nanswered\na.example 5\na.example 7 5\na.example 5 99999\n"
                       "a.example 5 6\na.example 5 7\n\nb.example -1 6\nc.example 1 2\n"
                       "16 b.example 5 6\n70000 a.example 5 6\n-1 a.example 5 6\n"
                       "16 a.example 5 7\n16 a.example 6 5\n16 a.example - 6\n",
                       100),
            16u);
  EXPECT_EQ(zones.text(), "answered 0\na.example 5 6\n");
  // A clock that was wrong does not make everybody's patience end.
  EXPECT_EQ(zones.read("answered 999999999\n", 100), 0u);
  EXPECT_EQ(zones.text(), "answered 100\na.example 5 6\n");
}

TEST(SilentZones, NamesDoNotWriteLines) {
  SilentZones zones({.patience = kPatience});
  zones.note_failure("a\nanswered 99\n b.example", kPtr, 5);
  SilentZones after({.patience = kPatience});
  EXPECT_EQ(after.read(zones.text(), 5), 0u);
  EXPECT_EQ(after.text(), zones.text());
  EXPECT_EQ(after.size(), 1u);
}

// Against slow tables without a bound, on what happens to a few names in a few days.
TEST(SilentZones, AgreesWithANaiveTable) {
  std::mt19937 random(6);
  for (int round = 0; round < 50; round++) {
    SilentZones zones({.patience = kPatience});
    struct Times {
      int64_t since, last;
    };
    std::map<std::string, Times> silences;  // of zones and of names alike
    int64_t answered = 0, now = 0;
    const auto since = [&](const std::string& who) {
      auto& times = silences.try_emplace(who, now, now).first->second;
      if (times.last < now - kPatience - 24 * kHour) times.since = now;
      times.last = now;
      return times.since;
    };
    for (int step = 0; step < 400; step++) {
      now += static_cast<int64_t>(random() % kHour);
      const std::string zone(1, static_cast<char>('a' + random() % 4));
      const std::string name = "_" + std::to_string(random() % 3) + "." + zone;
      if (random() % 8 == 0) {
        zones.note_answer(name, kTxt, now, Origin::kReached);
        silences.erase(zone);
        silences.erase(name);
        answered = now;
        continue;
      }
      const auto first = std::min(since(zone), since(name));
      EXPECT_EQ(zones.note_failure(name, kTxt, now), answered - first >= kPatience);
      if (step % 100 == 99) {  // and over a restart
        const auto text = zones.text();
        zones = SilentZones({.patience = kPatience});
        ASSERT_EQ(zones.read(text, now), 0u);
      }
    }
  }
}

}  // namespace
}  // namespace postern::dns
