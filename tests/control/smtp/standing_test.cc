// SPDX-License-Identifier: BSD-3-Clause
//
// What is thought of a client before it has said anything: by a policy with a list that it acts
// against, one that is there for its information, and somebody whom it allows.
#include "control/smtp/standing.h"

#include <gtest/gtest.h>

#include "tests/rules/support/compiled.h"

namespace postern::smtp {
namespace {

TEST(StandingOf, OnlyListsThatThePolicyActsAgainstSpeakAgainstAClient) {
  test::Workshop workshop;
  workshop.list("country", "192.0.2.0/24\n");
  workshop.list("pool", "192.0.2.128/25\n");
  workshop.list("partners", "192.0.2.200\n");
  const auto rules = workshop.snapshot(
      "list country \"country\" format cidr category country\n"
      "list pool \"pool\" format cidr category dynamic\n"
      "list partners \"partners\" format cidr category partner\n"
      "service mx 198.51.100.25\n"
      "connection to mx\n allow list partners\n drop category dynamic\n inspect any\n");
  const auto standing = [&](const char* client) {
    return standing_of(*rules,
                       {.client = test::address(client), .local = test::address("198.51.100.25")},
                       1'800'000'000);
  };
  EXPECT_EQ(standing("192.0.2.1"), Standing::kStranger);
  EXPECT_EQ(standing("192.0.2.129"), Standing::kListed);
  EXPECT_EQ(standing("192.0.2.200"), Standing::kKnown);
  EXPECT_EQ(standing("203.0.113.1"), Standing::kStranger);
}

}  // namespace
}  // namespace postern::smtp
