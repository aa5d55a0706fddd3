// SPDX-License-Identifier: BSD-3-Clause
//
// The service sets of bursts of destinations, beside the same look-ups one by one. Classes have
// their tests where the tables are made (tests/rules/compile/).
#include "rules/snapshot/lookup_burst.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "rules/compile/compile.h"
#include "rules/policy/parse.h"
#include "rules/snapshot/snapshot.h"

namespace postern {
namespace {

// One service, or many: their destinations are a host in every other /24 and /64, and all of
// another /48.
std::string services(unsigned count) {
  std::string text;
  for (unsigned i = 0; i < count; i++) {
    const auto number = std::to_string(i);
    text += "service s" + number + " 10." + std::to_string(2 * i / 256) + "." +
            std::to_string(2 * i % 256) + ".25/32 2001:db8:0:" + std::to_string(2 * i) +
            "::25/128 2001:db8:" + std::to_string(1000 + i) + "::/48 port 25\n";
  }
  return text;
}

class ServiceSetBursts : public testing::TestWithParam<unsigned> {};

TEST_P(ServiceSetBursts, SayTheSameAsOneByOne) {
  const auto policy = parse_policy(services(GetParam()), "p");
  const auto snapshot = Snapshot::from_bytes(compile(policy).bytes, "p");
  auto image = snapshot->image();
  std::vector<uint32_t> v4;
  std::vector<ps_address> v6;
  for (uint32_t net = 0; net < 2 * GetParam() + 2; net++)
    for (const uint32_t host : {0u, 24u, 25u, 26u, 255u}) {
      v4.push_back(0x0a000000u + net * 256 + host);
      for (const auto* form : {"2001:db8:0:", "2001:db8:", "2002:"})
        v6.push_back(
            IpAddress::parse(form + std::to_string(net) + "::" + std::to_string(host))->abi());
      v6.push_back(IpAddress::parse("2001:db8:" + std::to_string(1000 + net) + ":" +
                                    std::to_string(host) + "::")
                       ->abi());
    }
  std::vector<uint32_t> sets(v6.size(), 0xdead);
  size_t found = 0;
  const std::vector<uint32_t> untagged(v6.size());
  service_sets_of(image, v4.data(), untagged.data(), static_cast<uint32_t>(v4.size()), sets.data());
  for (size_t i = 0; i < v4.size(); i++) {
    const auto address = IpAddress::v4(v4[i]).abi();
    ASSERT_EQ(sets[i], ps_service_set_of(&image, 0, PS_FAMILY_V4, &address)) << i;
    found += sets[i] != 0;
  }
  EXPECT_EQ(found, GetParam());
  found = 0;
  service_sets_of(image, v6.data(), untagged.data(), static_cast<uint32_t>(v6.size()), sets.data());
  for (size_t i = 0; i < v6.size(); i++) {
    ASSERT_EQ(sets[i], ps_service_set_of(&image, 0, PS_FAMILY_V6, &v6[i])) << i;
    found += sets[i] != 0;
  }
  EXPECT_GT(found, GetParam());
}

INSTANTIATE_TEST_SUITE_P(FewAndMany, ServiceSetBursts, testing::Values(1, 3, 9, 60, 300));

// A customer in each of many VLANs, whose networks are all the same; some have a VLAN of their own
// within it; and one who names none.
TEST(ServiceSetBursts, InVlansSayTheSameAsOneByOne) {
  std::string text = "service all 10.0.0.0/16 2001:db8::/48\n";
  for (unsigned vlan = 1; vlan <= 200; vlan++) {
    const auto name = std::to_string(vlan);
    text +=
        "service s" + name + " 10.0.0.25 10.0." + name + ".0/24 2001:db8::25 vlan " + name + "\n";
    if (vlan % 3 == 0)
      text += "service t" + name + " 10.0.0.25 10.1.0.0/16 2001:db8::/64 vlan " + name + ".7\n";
  }
  const auto snapshot = Snapshot::from_bytes(compile(parse_policy(text, "p")).bytes, "p");
  auto image = snapshot->image();
  std::vector<uint32_t> v4, vlans;
  std::vector<ps_address> v6;
  for (uint32_t outer = 0; outer < 210; outer++)
    for (const uint32_t inner : {0u, 7u, 8u})
      for (const uint32_t host :
           {0x0a000019u, 0x0a000000u | outer << 8, 0x0a010001u, 0x0b000000u}) {
        vlans.push_back(outer << 16 | inner);
        v4.push_back(host);
        v6.push_back(IpAddress::parse(host % 2 != 0 ? "2001:db8::25" : "2001:db8:0:0:1::")->abi());
      }
  const auto count = static_cast<uint32_t>(v4.size());
  std::vector<uint32_t> sets4(count), sets6(count);
  service_sets_of(image, v4.data(), vlans.data(), count, sets4.data());
  service_sets_of(image, v6.data(), vlans.data(), count, sets6.data());
  std::set<uint32_t> found;
  for (uint32_t i = 0; i < count; i++) {
    const auto address = IpAddress::v4(v4[i]).abi();
    ASSERT_EQ(sets4[i], ps_service_set_of(&image, vlans[i], PS_FAMILY_V4, &address)) << i;
    ASSERT_EQ(sets6[i], ps_service_set_of(&image, vlans[i], PS_FAMILY_V6, &v6[i])) << i;
    found.insert({sets4[i], sets6[i]});
  }
  EXPECT_EQ(found.size(), snapshot->header().service_set_count);
}

TEST(ServiceSets, AreNoneWithoutAnImage) {
  const uint32_t v4 = 0x0a000019, untagged = 0;
  const ps_address v6{};
  uint32_t set = 1;
  service_sets_of(ps_image{}, &v4, &untagged, 1, &set);
  EXPECT_EQ(set, 0u);
  set = 1;
  service_sets_of(ps_image{}, &v6, &untagged, 1, &set);
  EXPECT_EQ(set, 0u);
}

}  // namespace
}  // namespace postern
