// SPDX-License-Identifier: BSD-3-Clause
//
// A slow drip gains no time: neither within a command nor within the text.
#include "control/smtp/patience.h"

#include <gtest/gtest.h>

namespace postern::smtp {
namespace {

using namespace std::chrono_literals;

TEST(Patience, ACommandHasItsTimeAsAWhole) {
  Patience patience;
  const Patience::Clock::time_point start{};
  EXPECT_FALSE(patience.waiting());
  patience.begin(start, 300s);
  EXPECT_TRUE(patience.waiting());
  EXPECT_EQ(patience.left(start + 299s), 1s);
  EXPECT_LE(patience.left(start + 300s), 0s);
  patience.end();
  EXPECT_FALSE(patience.waiting());
}

TEST(Patience, TextHasItsTimeForEachRecord) {
  Patience patience;
  const Patience::Clock::time_point start{};
  patience.begin(start, 180s);
  for (size_t i = 1; i < Patience::kRecord; i++) EXPECT_FALSE(patience.received(1));
  EXPECT_EQ(patience.left(start + 100s), 80s);
  EXPECT_TRUE(patience.received(1));
  EXPECT_FALSE(patience.waiting());
  patience.begin(start + 100s, 180s);
  EXPECT_EQ(patience.left(start + 100s), 180s);
  EXPECT_TRUE(patience.received(100 * Patience::kRecord));
}

TEST(Patience, LeftIsNeverRoundedToNothing) {
  Patience patience;
  const Patience::Clock::time_point start{};
  patience.begin(start, 1ms);
  EXPECT_EQ(patience.left(start + 999us), 1ms);
}

}  // namespace
}  // namespace postern::smtp
