// SPDX-License-Identifier: BSD-3-Clause
//
// The table of what expires, against a slow one that looks at everything each time.
#include "control/policy/expiring_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

namespace postern::policy {
namespace {

TEST(ExpiringTable, FindsUntilTheTimeAndNotAtIt) {
  ExpiringTable<int, std::string> table(2);
  table.put(1, "one", 10);
  ASSERT_NE(table.find(1, 9), nullptr);
  EXPECT_EQ(*table.find(1, 9), "one");
  EXPECT_EQ(table.find(1, 10), nullptr);
  table.put(1, "later", 20);
  EXPECT_EQ(*table.find(1, 10), "later");
  EXPECT_EQ(table.size(), 1u);
  EXPECT_TRUE(table.erase(1));
  EXPECT_FALSE(table.erase(1));
}

TEST(ExpiringTable, FullItForgetsWhatWouldExpireFirst) {
  ExpiringTable<int, int> table(2);
  table.put(1, 0, 30);
  table.put(2, 0, 20);
  table.put(3, 0, 25);
  EXPECT_NE(table.find(1, 0), nullptr);
  EXPECT_EQ(table.find(2, 0), nullptr);
  EXPECT_NE(table.find(3, 0), nullptr);
  EXPECT_EQ(table.forgotten(), 1u);
}

TEST(ExpiringTable, AgreesWithTheSlowOne) {
  struct Slow {
    int value;
    int64_t expires;
    uint64_t put;  // of two that expire together, the older one goes
  };
  std::mt19937 random(7);
  ExpiringTable<int, int> table(20);
  std::map<int, Slow> slow;
  uint64_t puts = 0;
  for (int64_t now = 0; now < 20'000; now++) {
    const int key = static_cast<int>(random() % 40);
    switch (random() % 4) {
      case 0:
      case 1: {
        const int value = static_cast<int>(random());
        const int64_t expires = now + static_cast<int64_t>(random() % 50);
        if (!slow.contains(key) && slow.size() == 20) {
          auto first = slow.begin();
          for (auto at = slow.begin(); at != slow.end(); ++at)
            if (std::pair(at->second.expires, at->second.put) <
                std::pair(first->second.expires, first->second.put))
              first = at;
          slow.erase(first);
        }
        slow[key] = {value, expires, puts++};
        table.put(key, value, expires);
        break;
      }
      case 2:
        EXPECT_EQ(table.erase(key), slow.erase(key) == 1);
        break;
      default:
        if (random() % 20 == 0) {
          table.expire(now);
          std::erase_if(slow, [&](const auto& entry) { return entry.second.expires <= now; });
        }
    }
    ASSERT_EQ(table.size(), slow.size());
    for (int k = 0; k < 40; k++) {
      const int* found = table.find(k, now);
      const auto known = slow.find(k);
      const bool there = known != slow.end() && known->second.expires > now;
      ASSERT_EQ(found != nullptr, there) << now;
      if (there) {
        ASSERT_EQ(*found, known->second.value);
      }
    }
  }
  EXPECT_GT(table.forgotten(), 100u);
}

}  // namespace
}  // namespace postern::policy
