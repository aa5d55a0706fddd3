// SPDX-License-Identifier: BSD-3-Clause
//
// Offences of sources: how many within which time make a finding, what it says, and which sources
// are forgotten when there are too many.
#include "control/policy/evidence.h"

#include <gtest/gtest.h>

namespace postern::policy {
namespace {

IpAddress address(const char* text) {
  return *IpAddress::parse(text);
}

TEST(Evidence, ThreeOffencesWithinTheWindow) {
  EvidenceTable table({.threshold = 3, .window = 600, .capacity = 10});
  EXPECT_FALSE(table.note(address("192.0.2.1"), "spoke early", 1000));
  EXPECT_FALSE(table.note(address("192.0.2.1"), "said HELO ylmf-pc", 1010));
  EXPECT_FALSE(table.note(address("192.0.2.2"), "spoke early", 1020)) << "another source";
  const auto finding = table.note(address("192.0.2.1"), "spoke early", 1041);
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->source.to_string(), "192.0.2.1/32");
  EXPECT_EQ(finding->evidence, "3 offences in 41 s: spoke early (2), said HELO ylmf-pc (1)");
  EXPECT_EQ(table.size(), 1u) << "told, and forgotten";
  EXPECT_FALSE(table.note(address("192.0.2.1"), "spoke early", 1042));
}

TEST(Evidence, OldOffencesDoNotCount) {
  EvidenceTable table({.threshold = 2, .window = 600, .capacity = 10});
  EXPECT_FALSE(table.note(address("192.0.2.1"), "a", 1000));
  EXPECT_FALSE(table.note(address("192.0.2.1"), "a", 1600));
  EXPECT_TRUE(table.note(address("192.0.2.1"), "a", 2199));
}

TEST(Evidence, OneIsEnoughWhereTheOperatorSaysSo) {
  EvidenceTable table({.threshold = 1, .window = 600, .capacity = 10});
  EXPECT_TRUE(table.note(address("192.0.2.1"), "a", 1000));
}

TEST(Evidence, Ipv6SourcesAreNetworks) {
  EvidenceTable table({.threshold = 2, .window = 600, .capacity = 10});
  EXPECT_FALSE(table.note(address("2001:db8:1:2::1"), "a", 1));
  EXPECT_FALSE(table.note(address("2001:db8:1:3::1"), "a", 1));
  const auto finding = table.note(address("2001:db8:1:2:ffff::9"), "a", 2);
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->source.to_string(), "2001:db8:1:2::/64");
}

TEST(Evidence, TheTableForgetsWhoseLastOffenceIsTheOldest) {
  EvidenceTable table({.threshold = 2, .window = 600, .capacity = 2});
  EXPECT_FALSE(table.note(address("192.0.2.1"), "a", 1));
  EXPECT_FALSE(table.note(address("192.0.2.2"), "a", 2));
  EXPECT_FALSE(table.note(address("192.0.2.3"), "a", 3));  // pushes .1 out
  EXPECT_EQ(table.size(), 2u);
  EXPECT_EQ(table.forgotten(), 1u);
  EXPECT_TRUE(table.note(address("192.0.2.2"), "a", 4));
  EXPECT_FALSE(table.note(address("192.0.2.1"), "a", 5)) << "its first offence is forgotten";
}

TEST(Evidence, TheTextIsBoundedAndPrintable) {
  EvidenceTable table({.threshold = 5, .window = 600, .capacity = 2});
  std::optional<Finding> finding;
  for (char c = 'a'; c < 'f'; c++)
    finding = table.note(address("192.0.2.1"), std::string(500, c) + "\n\"", 1);
  ASSERT_TRUE(finding);
  EXPECT_LE(finding->evidence.size(), 200u);
  EXPECT_TRUE(finding->evidence.ends_with("..."));
  EXPECT_EQ(finding->evidence.find('\n'), std::string::npos);
}

TEST(Evidence, AClockThatJumpsBackDoesNoHarm) {
  EvidenceTable table({.threshold = 2, .window = 600, .capacity = 2});
  EXPECT_FALSE(table.note(address("192.0.2.1"), "a", 5000));
  const auto finding = table.note(address("192.0.2.1"), "a", 10);
  ASSERT_TRUE(finding);
  EXPECT_TRUE(finding->evidence.starts_with("2 offences in 0 s"));
}

}  // namespace
}  // namespace postern::policy
