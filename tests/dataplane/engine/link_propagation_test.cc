// SPDX-License-Identifier: BSD-3-Clause
//
// When a port is taken down for the other: hours of cables, in no time. On real interfaces:
// tests/e2e/wire_failures_test.py.
#include "dataplane/engine/link_propagation.h"

#include <gtest/gtest.h>

#include <random>

namespace postern {
namespace {

constexpr uint64_t kMs = 1'000'000, kStep = 100 * kMs;

// A wire whose cables are plugged and pulled; a port that is down has no carrier.
class Cables {
 public:
  // So long with these ends plugged in; the port that is down afterwards.
  std::optional<ps_port> pass(uint64_t milliseconds, bool wan, bool mx) {
    for (const auto end = now_ + milliseconds * kMs; now_ < end; now_ += kStep) {
      const auto before = down_;
      down_ = propagation_.observe(wan && down_ != PS_PORT_WAN, mx && down_ != PS_PORT_MX, now_);
      if (down_ != before) changes_++;
    }
    return down_;
  }
  int changes() const { return changes_; }

 private:
  uint64_t now_ = 5'000 * kMs;
  LinkPropagation propagation_{now_};
  std::optional<ps_port> down_;
  int changes_ = 0;
};

constexpr std::optional<ps_port> kNone;

TEST(LinkPropagation, ALossIsPassedOnAndTakenBack) {
  for (const bool wan_fails : {false, true}) {
    Cables cables;
    EXPECT_EQ(cables.pass(20'000, true, true), kNone);
    const auto spared = wan_fails ? PS_PORT_MX : PS_PORT_WAN;
    EXPECT_EQ(cables.pass(1'000, !wan_fails, wan_fails), spared);
    EXPECT_EQ(cables.pass(3'600'000, !wan_fails, wan_fails), spared);
    EXPECT_EQ(cables.pass(900, true, true), spared);
    EXPECT_EQ(cables.pass(300, true, true), kNone);
    EXPECT_EQ(cables.pass(60'000, true, true), kNone);
    EXPECT_EQ(cables.changes(), 2);
  }
}

TEST(LinkPropagation, AShortLossMovesNothing) {
  Cables cables;
  cables.pass(20'000, true, true);
  for (int i = 0; i < 100; i++) {
    cables.pass(100, true, false);
    cables.pass(100, true, true);
  }
  EXPECT_EQ(cables.changes(), 0);
}

TEST(LinkPropagation, AFlappingLinkKeepsTheOtherDown) {
  Cables cables;
  cables.pass(20'000, true, true);
  for (int i = 0; i < 100; i++) {
    cables.pass(500, true, false);
    cables.pass(500, true, true);
  }
  EXPECT_EQ(cables.changes(), 1);
}

TEST(LinkPropagation, CardsMayNegotiateForSeconds) {
  Cables cables;
  EXPECT_EQ(cables.pass(9'000, true, false), kNone);  // at the start
  EXPECT_EQ(cables.pass(5'000, true, true), kNone);
  EXPECT_EQ(cables.pass(1'000, false, true), PS_PORT_MX);
  EXPECT_EQ(cables.pass(1'100, true, true), kNone);
  EXPECT_EQ(cables.pass(8'000, true, false), kNone);  // mx is up again, and looks for its link
  EXPECT_EQ(cables.pass(4'000, true, false), PS_PORT_WAN);
  EXPECT_EQ(cables.pass(2'000, true, true), kNone);
}

TEST(LinkPropagation, WhereBothAreOutNobodyIsToBeTold) {
  Cables cables;
  cables.pass(20'000, true, true);
  EXPECT_EQ(cables.pass(60'000, false, false), kNone);
  EXPECT_EQ(cables.pass(900, true, false), kNone);
  EXPECT_EQ(cables.pass(1'000, true, false), PS_PORT_WAN);
}

// Whatever the cables did: half a minute after they came to rest, both ports are up where both are
// in, and with one out the other is down, unless that one, being down, was pulled too.
TEST(LinkPropagation, ComesToRestWhereTheCablesAre) {
  std::mt19937 random(25);
  for (int round = 0; round < 300; round++) {
    Cables cables;
    for (int i = 0; i < 40; i++)
      cables.pass(100 * (1 + random() % (i % 3 == 0 ? 5 : 200)), random() % 2, random() % 2);
    EXPECT_EQ(cables.pass(30'000, true, true), kNone);
    EXPECT_EQ(cables.pass(30'000, false, true), PS_PORT_MX);
    EXPECT_EQ(cables.pass(30'000, false, false), PS_PORT_MX);
    EXPECT_EQ(cables.pass(30'000, true, false), PS_PORT_WAN);
    EXPECT_EQ(cables.pass(30'000, true, true), kNone);
  }
}

}  // namespace
}  // namespace postern
