// SPDX-License-Identifier: BSD-3-Clause
//
// A bounded table of who was heard of lately, against a twin that keeps keys in a row and looks
// through it.
#include "control/policy/recent_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

namespace postern::policy {
namespace {

TEST(RecentTable, ForgetsWhoWasQuietLongest) {
  RecentTable<int, int> table(2);
  table.touch(1) = 10;
  table.touch(2) = 20;
  EXPECT_EQ(table.touch(1), 10);  // now the latest
  EXPECT_EQ(table.touch(3), 0) << "pushes 2 out";
  EXPECT_EQ(table.size(), 2u);
  EXPECT_EQ(table.forgotten(), 1u);
  EXPECT_EQ(table.touch(1), 10);
  EXPECT_EQ(table.touch(2), 0);
  table.erase(2);
  table.erase(7);
  EXPECT_EQ(table.size(), 1u);
}

TEST(RecentTable, AgreesWithItsTwin) {
  std::minstd_rand engine(3);
  const auto random = [&engine] { return static_cast<unsigned>(engine()); };
  RecentTable<unsigned, unsigned> table(20);
  std::vector<std::pair<unsigned, unsigned>> twin;  // the latest one is last
  uint64_t forgotten = 0;
  for (unsigned i = 1; i < 20'000; i++) {
    const unsigned key = random() % 40;
    const auto known = std::ranges::find(twin, key, &std::pair<unsigned, unsigned>::first);
    if (random() % 5 == 0) {
      table.erase(key);
      if (known != twin.end()) twin.erase(known);
      continue;
    }
    unsigned value = 0;
    if (known != twin.end()) {
      value = known->second;
      twin.erase(known);
    } else if (twin.size() == 20) {
      twin.erase(twin.begin());
      forgotten++;
    }
    unsigned& found = table.touch(key);
    ASSERT_EQ(found, value) << i;
    found = i;
    twin.emplace_back(key, i);
    ASSERT_EQ(table.size(), twin.size());
    ASSERT_EQ(table.forgotten(), forgotten);
  }
  EXPECT_GT(forgotten, 1000u);
}

}  // namespace
}  // namespace postern::policy
