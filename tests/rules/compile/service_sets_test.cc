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
  ASSERT_EQ(services.zones[0].segments_v4.size(), 2u);
  ASSERT_EQ(services.zones[0].segments_v6.size(), 1u);
  EXPECT_EQ(services.zones[0].segments_v4[0].value, services.zones[0].segments_v6[0].value);
  const auto& both = services.sets[services.zones[0].segments_v4[0].value];
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
  ASSERT_EQ(services.zones[0].segments_v4.size(), 2u);
  EXPECT_EQ(services.sets[services.zones[0].segments_v4[0].value].count, 1u);
  EXPECT_EQ(services.sets[services.zones[0].segments_v4[1].value].count, 2u);
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

// What each VLAN sees at an address: names of services, by port.
class VlanZones : public testing::Test {
 protected:
  void parse(const std::string& text) {
    policy_ = parse_policy(text, "p");
    services_ = assign(policy_, std::vector<uint32_t>(policy_.services.size()));
  }
  std::string seen(uint32_t outer, uint32_t inner, const char* address) const {
    const auto at = [](const auto& segments, auto key) -> uint32_t {
      for (const auto& segment : segments)
        if (segment.first <= key && key <= segment.last) return segment.value;
      return 0;
    };
    const auto& zone = services_.zones.at(at(services_.vlans, KeyV4{outer << 16 | inner}));
    const auto where = *IpAddress::parse(address);
    const auto set = where.is_v4() ? at(zone.segments_v4, key_of<KeyV4>(where))
                                   : at(zone.segments_v6, key_of<KeyV6>(where));
    std::string names;
    for (uint32_t i = 0; i < services_.sets[set].count; i++) {
      const auto& service = services_.sets[set].services[i];
      names += policy_.services[service.service].name + ':' + std::to_string(service.port) + ' ';
    }
    return names;
  }

 private:
  Policy policy_;
  ServiceSets services_;
};

TEST_F(VlanZones, KeepCustomersWithTheSameAddressesApart) {
  parse(
      "service one 10.0.0.25 2001:db8::25 vlan 100\n"
      "service two 10.0.0.25 2001:db8::25 vlan 200\n");
  for (const char* address : {"10.0.0.25", "2001:db8::25"}) {
    EXPECT_EQ(seen(100, 0, address), "one:25 ");
    EXPECT_EQ(seen(100, 9, address), "one:25 ");
    EXPECT_EQ(seen(200, 0, address), "two:25 ");
    EXPECT_EQ(seen(300, 0, address), "");
    EXPECT_EQ(seen(0, 100, address), "");
    EXPECT_EQ(seen(0, 0, address), "");
  }
}

TEST_F(VlanZones, TheNarrowestServiceOfAPortCounts) {
  parse(
      "service all 10.0.0.0/24\n"
      "service other 10.0.0.0/24 port 587\n"
      "service outer 10.0.0.0/28 vlan 100\n"
      "service both 10.0.0.0/24 vlan 100.7\n"
      "service plain 10.0.0.1 vlan none\n");
  EXPECT_EQ(seen(0, 0, "10.0.0.1"), "other:587 plain:25 ");
  EXPECT_EQ(seen(0, 0, "10.0.0.2"), "all:25 other:587 ");
  EXPECT_EQ(seen(99, 0, "10.0.0.1"), "all:25 other:587 ");
  EXPECT_EQ(seen(100, 0, "10.0.0.1"), "other:587 outer:25 ");
  EXPECT_EQ(seen(100, 0, "10.0.0.99"), "all:25 other:587 ");
  EXPECT_EQ(seen(100, 6, "10.0.0.1"), "other:587 outer:25 ");
  EXPECT_EQ(seen(100, 7, "10.0.0.1"), "other:587 both:25 ");
  EXPECT_EQ(seen(100, 8, "10.0.0.1"), "other:587 outer:25 ");
}

TEST(ServiceSets, SevenAreThoseOfOneVlan) {
  std::string text;
  for (int i = 0; i < 100; i++)
    text += "service s" + std::to_string(i) + " 192.0.2.1 vlan " + std::to_string(i + 1) + "\n";
  const auto services = assign(parse_policy(text, "p"), std::vector<uint32_t>(100));
  EXPECT_EQ(services.zones.size(), 101u);
  EXPECT_EQ(services.sets.size(), 101u);
}

// Every second address of a service lies within another one: two sets for each.
TEST(ServiceSets, AreBounded) {
  constexpr int kMany = 32'769;
  std::string text = "service wide 10.128.0.0/9 port 587\n";
  for (int i = 0; i < kMany; i++) {
    const auto rest = '.' + std::to_string(i >> 8 & 255) + '.' + std::to_string(i & 255);
    text += "service s" + std::to_string(i) + " 10." + std::to_string(i >> 16) + rest + " 10." +
            std::to_string(128 + (i >> 16)) + rest + "\n";
  }
  EXPECT_THAT(test::complaint_of(
                  [&] { assign(parse_policy(text, "p"), std::vector<uint32_t>(kMany + 1)); }),
              HasSubstr("there are more than 65535 sets of services"));
}

}  // namespace
}  // namespace postern
