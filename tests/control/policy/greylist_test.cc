// SPDX-License-Identifier: BSD-3-Clause
//
// Who is asked to come again, when that is enough, and for whom it then counts.
#include "control/policy/greylist.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace postern::policy {
namespace {

constexpr Greylist::Options kOptions{.delay = 60,
                                     .keep_for = 1000,
                                     .capacity = 100,
                                     .networks = {.capacity = 10, .known_for = 5000}};

IpAddress address(const char* text) {
  return *IpAddress::parse(text);
}

TEST(Greylist, WhoComesAgainAfterTheDelayPasses) {
  Greylist list(kOptions, 1);
  const auto ask = [&](int64_t now, const char* from = "192.0.2.1", const char* to = "c@d") {
    return list.ask(address(from), "a@b", to, now);
  };
  EXPECT_EQ(ask(100), 60);
  EXPECT_EQ(ask(101), 59);
  EXPECT_EQ(ask(159), 1);
  // Another recipient begins by itself; another address of the same network does not.
  EXPECT_EQ(ask(159, "192.0.2.1", "e@d"), 60);
  EXPECT_EQ(ask(160, "192.0.2.99", "C@D"), std::nullopt);
  // From here on the network is known, whatever it sends; its neighbour is not.
  EXPECT_EQ(ask(161, "192.0.2.1", "x@y"), std::nullopt);
  EXPECT_EQ(ask(161, "192.0.3.1"), 60);
  // For as long as it goes on sending.
  EXPECT_EQ(ask(5000, "192.0.2.1"), std::nullopt);
  EXPECT_EQ(ask(9999, "192.0.2.1"), std::nullopt);
  EXPECT_EQ(ask(14999, "192.0.2.1"), 60);
}

TEST(Greylist, WhoComesTooLateBeginsAgain) {
  Greylist list(kOptions, 1);
  EXPECT_EQ(list.ask(address("2001:db8::1"), "", "c@d", 100), 60);
  EXPECT_EQ(list.ask(address("2001:db8::2"), "", "c@d", 1160), 60);
  EXPECT_EQ(list.ask(address("2001:db8::3"), "", "c@d", 1220), std::nullopt);
}

TEST(Greylist, AClockThatIsSetBackMakesNobodyWaitLonger) {
  Greylist list(kOptions, 1);
  EXPECT_EQ(list.ask(address("192.0.2.1"), "a", "b", 10'000), 60);
  EXPECT_EQ(list.ask(address("192.0.2.1"), "a", "b", 5'000), 60);
  EXPECT_EQ(list.ask(address("192.0.2.1"), "a", "b", 5'060), std::nullopt);
}

TEST(Greylist, OffItLetsEverybodyPassAndRemembersNothing) {
  Greylist list({}, 1);
  EXPECT_FALSE(list.enabled());
  EXPECT_EQ(list.ask(address("192.0.2.1"), "a", "b", 100), std::nullopt);
  EXPECT_EQ(list.networks().size(), 0u);
}

TEST(Greylist, FullItForgetsAttemptsAndStillTakesNewOnes) {
  Greylist list(kOptions, 1);
  for (int i = 0; i < 1000; i++)
    EXPECT_EQ(list.ask(address("192.0.2.1"), "a", std::to_string(i), 100 + i / 100), 60);
  EXPECT_EQ(list.ask(address("192.0.2.1"), "a", "0", 170), 60);  // forgotten
  EXPECT_EQ(list.ask(address("192.0.2.1"), "a", "999", 170), std::nullopt);
}

}  // namespace
}  // namespace postern::policy
