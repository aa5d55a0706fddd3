// SPDX-License-Identifier: BSD-3-Clause
//
// Which services there are at a destination.
#include "rules/compile/service_sets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "rules/policy/parse.h"
#include "tests/rules/support/compiled.h"

namespace postern {
namespace {

ServiceSets assign(const Policy& policy, const std::vector<uint32_t>& rows) {
  return assign_service_sets(policy, rows, RefusalTexts(policy, {}));
}

using testing::HasSubstr;

TEST(ServiceSets, AreSharedByDestinationsWithTheSameServices) {
  const auto policy = parse_policy(
      "service mx 192.0.2.0/24 2001:db8::/64\n"
      "service submission 192.0.2.0/24 2001:db8::/64 port 587\n"
      "service other 198.51.100.0/24\n",
      "p");
  const auto services = assign(policy, {0, 1, 0});
  ASSERT_EQ(services.sets.size(), 3u);
  EXPECT_EQ(services.sets[0].count, 0u);
  ASSERT_EQ(services.segments_v4.size(), 2u);
  ASSERT_EQ(services.segments_v6.size(), 1u);
  EXPECT_EQ(services.segments_v4[0].value, services.segments_v6[0].value);
  const auto& both = services.sets[services.segments_v4[0].value];
  ASSERT_EQ(both.count, 2u);
  EXPECT_EQ(both.services[0].port, 25);
  EXPECT_EQ(both.services[0].policy, 0);
  EXPECT_EQ(both.services[1].port, 587);
  EXPECT_EQ(both.services[1].policy, 1);
  EXPECT_EQ(both.services[1].service, 1);
}

TEST(ServiceSets, MayNestWhenPortsDiffer) {
  const auto policy =
      parse_policy("service mx 192.0.2.0/24\nservice submission 192.0.2.128/25 port 587\n", "p");
  const auto services = assign(policy, {0, 0});
  ASSERT_EQ(services.segments_v4.size(), 2u);
  EXPECT_EQ(services.sets[services.segments_v4[0].value].count, 1u);
  EXPECT_EQ(services.sets[services.segments_v4[1].value].count, 2u);
}

TEST(ServiceSets, HaveRoomForSeven) {
  std::string text;
  for (int i = 0; i < 7; i++)
    text += "service s" + std::to_string(i) + " 192.0.2.1 port " + std::to_string(i + 1) + "\n";
  EXPECT_EQ(assign(parse_policy(text, "p"), std::vector<uint32_t>(7)).sets[1].count, 7u);
  text += "service s7 192.0.2.0/24 port 9\n";
  EXPECT_EQ(test::complaint_of([&] { assign(parse_policy(text, "p"), std::vector<uint32_t>(8)); }),
            "p:8: service \"s7\" is one more than the 7 services that one address may have");
}

TEST(ServiceSets, AreBounded) {
  std::string text;
  for (int i = 0; i < 4096; i++)
    text += "service s" + std::to_string(i) + " 10.0." + std::to_string(i / 256) + '.' +
            std::to_string(i % 256) + "\n";
  EXPECT_THAT(
      test::complaint_of([&] { assign(parse_policy(text, "p"), std::vector<uint32_t>(4096)); }),
      HasSubstr("there are more than 4095 sets of services"));
}

}  // namespace
}  // namespace postern
