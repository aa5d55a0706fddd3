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
  for (uint32_t i = 0; i < 1000; i++)
    EXPECT_EQ(list.ask(IpAddress::v4(i << 8), "a", "b", 100 + i / 100), 60);
  EXPECT_EQ(list.ask(IpAddress::v4(0), "a", "b", 170), 60);  // forgotten
  EXPECT_EQ(list.ask(IpAddress::v4(999u << 8), "a", "b", 170), std::nullopt);
}

TEST(Greylist, OneNetworkForgetsItsOwnAttemptsAndNobodyElses) {
  auto options = kOptions;
  options.capacity = 3000;
  Greylist list(options, 1);
  EXPECT_EQ(list.ask(address("198.51.100.1"), "a", "b", 100), 60);
  for (int i = 0; i < 20'000; i++)
    EXPECT_EQ(list.ask(address("192.0.2.1"), "a", std::to_string(i), 101), 60);
  EXPECT_EQ(list.ask(address("198.51.100.1"), "a", "b", 160), std::nullopt);
  // Of the others the last ones are remembered.
  EXPECT_EQ(list.ask(address("192.0.2.1"), "a", "19999", 161), std::nullopt);
}

}  // namespace
}  // namespace postern::policy
