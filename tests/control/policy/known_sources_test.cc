// SPDX-License-Identifier: BSD-3-Clause
//
// Who is known, for how long, and what of it survives a restart and a damaged file.
#include "control/policy/known_sources.h"

#include <gtest/gtest.h>

#include <string>

namespace postern::policy {
namespace {

Prefix prefix(const char* text) {
  return *Prefix::parse(text, Prefix::HostBits::kRefuse);
}

TEST(KnownSources, KnowsForAWhile) {
  KnownSources sources({.capacity = 10, .known_for = 100});
  const auto a = prefix("192.0.2.1/32"), b = prefix("2001:db8::/64");
  EXPECT_FALSE(sources.knows(a, 1000));
  sources.remember(a, 1000);
  sources.remember(b, 1050);
  EXPECT_TRUE(sources.knows(a, 1099));
  EXPECT_FALSE(sources.knows(a, 1100));
  EXPECT_TRUE(sources.knows(b, 1149));
  sources.forget(b);
  EXPECT_FALSE(sources.knows(b, 1051));
  EXPECT_EQ(sources.changes(), 3u);
  sources.forget(b);
  EXPECT_EQ(sources.changes(), 3u);
}

TEST(KnownSources, SurvivesBeingWrittenAndRead) {
  KnownSources before({.capacity = 10, .known_for = 100});
  before.remember(prefix("192.0.2.1/32"), 1000);
  before.remember(prefix("2001:db8::/64"), 1010);
  EXPECT_EQ(before.text(), "192.0.2.1/32 1100\n2001:db8::/64 1110\n");
  KnownSources after({.capacity = 10, .known_for = 100});
  EXPECT_EQ(after.read(before.text(), 1100), 0u);
  EXPECT_FALSE(after.knows(prefix("192.0.2.1/32"), 1100));
  EXPECT_TRUE(after.knows(prefix("2001:db8::/64"), 1100));
  EXPECT_EQ(after.changes(), 0u);
}

TEST(KnownSources, ADamagedFileCostsOnlyItsDamage) {
  KnownSources sources({.capacity = 10, .known_for = 100});
  EXPECT_EQ(sources.read("192.0.2.1/32 1050\nrubbish\n192.0.2.2 1050\n192.0.2.3/24 1050\n\n"
                         "192.0.2.4/32 1050 more\n192.0.2.5/32 x\n192.0.2.6/32 1101\n"
                         "192.0.2.7/32 99999999999999999999\n192.0.2.8/32 10",
                         1000),
            7u);
  EXPECT_TRUE(sources.knows(prefix("192.0.2.1/32"), 1000));
  EXPECT_TRUE(sources.knows(prefix("192.0.2.2"), 1000));
  EXPECT_EQ(sources.size(), 2u);
}

TEST(KnownSources, IsBounded) {
  KnownSources sources({.capacity = 3, .known_for = 100});
  for (uint32_t i = 0; i < 10; i++)
    sources.remember(*Prefix::make(IpAddress::v4(i), 32, Prefix::HostBits::kRefuse), i);
  EXPECT_EQ(sources.size(), 3u);
  EXPECT_TRUE(sources.knows(prefix("0.0.0.9/32"), 10));
}

}  // namespace
}  // namespace postern::policy
