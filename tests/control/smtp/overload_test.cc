// SPDX-License-Identifier: BSD-3-Clause
//
// The states of a proxy that runs out of sessions: every count from none to full and back.
#include "control/smtp/overload.h"

#include <gtest/gtest.h>

#include <string>

namespace postern::smtp {
namespace {

using State = Overload::State;
using namespace std::chrono_literals;

TEST(Overload, ComesAndGoesWithHysteresis) {
  Overload overload(320);
  std::string changes;
  const auto go = [&](size_t from, size_t to) {
    for (size_t sessions = from; sessions != to; sessions += to > from ? 1 : size_t(-1))
      if (overload.observe(sessions))
        changes += std::to_string(sessions) + " " + std::string(word(overload.state())) + ", ";
  };
  go(0, 320);
  EXPECT_EQ(changes, "280 stressed, 310 full, ");
  changes.clear();
  go(320, 0);
  EXPECT_EQ(changes, "279 stressed, 239 calm, ");
  changes.clear();
  go(0, 281);
  go(281, 240);
  go(240, 300);
  EXPECT_EQ(changes, "280 stressed, ") << "no flutter between the thresholds";
}

TEST(Overload, TurnsAwayTheWorstFirst) {
  Overload overload(320);
  for (const auto standing : {Standing::kListed, Standing::kStranger, Standing::kKnown})
    EXPECT_TRUE(overload.admits(standing, 100));
  overload.observe(290);
  EXPECT_FALSE(overload.admits(Standing::kListed, 290));
  EXPECT_TRUE(overload.admits(Standing::kStranger, 290));
  overload.observe(315);
  EXPECT_FALSE(overload.admits(Standing::kStranger, 315));
  EXPECT_TRUE(overload.admits(Standing::kKnown, 315));
  EXPECT_FALSE(overload.admits(Standing::kKnown, 320));
}

TEST(Overload, CutsTimesButLengthensNone) {
  Overload overload(32);
  EXPECT_EQ(overload.patience(300s), 300s);
  overload.observe(31);
  EXPECT_EQ(overload.patience(300s), 10s);
  EXPECT_EQ(overload.patience(500ms), 500ms);
}

TEST(Overload, OfVeryFewSessions) {
  Overload overload(1);
  EXPECT_TRUE(overload.admits(Standing::kListed, 0));
  overload.observe(1);
  EXPECT_FALSE(overload.admits(Standing::kKnown, 1));
  overload.observe(0);
  EXPECT_TRUE(overload.admits(Standing::kListed, 0));
}

}  // namespace
}  // namespace postern::smtp
