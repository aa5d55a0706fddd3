// SPDX-License-Identifier: BSD-3-Clause
//
// Who is exempt, and whether anybody of a network is: against a naive twin that asks of each
// address by what the policy says, and of each of the network.
#include "control/policy/exemption.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "tests/rules/support/compiled.h"

namespace postern::policy {
namespace {

constexpr int64_t kNow = 1'800'000'000;

class Exemption : public testing::Test {
 protected:
  std::shared_ptr<const Snapshot> snapshot(const std::string& friends, const std::string& bad,
                                           const std::string& protects = "") {
    workshop_.list("friends", friends);
    workshop_.list("bad", bad);
    return workshop_.snapshot(
        "list friends \"friends\" format cidr category accredited\n"
        "list bad \"bad\" format cidr category spam\n"
        "service mx 198.51.100.25\n" +
        protects + "connection to mx\n allow list allowed\n drop category spam\n inspect any\n" +
        "list allowed \"allowed\" format cidr category local\n");
  }
  test::Workshop workshop_;
};

TEST_F(Exemption, OneOfANetworkIsEnough) {
  workshop_.list("allowed", "203.0.113.9\n2001:db8:9:9::9\n");
  const auto rules = snapshot("192.0.2.200\n2001:db8:1:2:3::25\n", "192.0.2.0/24\n2001:db8::/32\n",
                              "protect 192.0.3.77 2001:db8:5:5:5::/80\n");
  const auto any = [&](const char* network) {
    return is_any_exempt(*rules, test::prefix(network), std::nullopt, kNow);
  };
  for (const char* network :
       {"192.0.2.0/24", "192.0.2.200/32", "192.0.3.0/24", "203.0.113.0/24", "2001:db8:1:2::/64",
        "2001:db8:1::/48", "2001:db8:5:5::/64", "2001:db8:9:9::/64"})
    EXPECT_TRUE(any(network)) << network;
  for (const char* network : {"192.0.2.199/32", "192.0.4.0/24", "2001:db8:1:3::/64",
                              "2001:db8:1:200::/56", "2001:db8:2::/48", "2001:db9::/48"})
    EXPECT_FALSE(any(network)) << network;
}

// Networks of 256 addresses of either family, so that the twin can ask of each.
TEST_F(Exemption, AgreesWithAskingEachAddress) {
  std::mt19937 random(5);
  const auto prefixes = [&](size_t count) {
    std::string text;
    for (size_t i = 0; i < count; i++) {
      const auto low = random() % 0x1000;
      const bool v4 = random() % 2 == 0;
      const int host_bits = static_cast<int>(random() % 5);
      const auto address = v4 ? IpAddress::v4(0xc0000000u | static_cast<uint32_t>(low))
                              : *IpAddress::parse("2001:db8::" + std::to_string(low / 1000) +
                                                  std::to_string(low % 1000));
      text +=
          Prefix::make(address, (v4 ? 32 : 128) - host_bits, Prefix::HostBits::kMask)->to_string() +
          '\n';
    }
    return text;
  };
  size_t exempt = 0, not_exempt = 0;
  for (int round = 0; round < 40; round++) {
    workshop_.list("allowed", prefixes(3));
    const auto rules = snapshot(prefixes(6), prefixes(20) + "2001:db8::/96\n",
                                "protect 192.0.5.16/28 2001:db8::300/120\n");
    for (int ask = 0; ask < 40; ask++) {
      const auto block = static_cast<uint32_t>(random() % 16) << 8;
      const bool v4 = random() % 2 == 0;
      ps_address bytes{};
      bytes.bytes[0] = 0x20, bytes.bytes[1] = 1, bytes.bytes[2] = 0xd, bytes.bytes[3] = 0xb8;
      bytes.bytes[14] = static_cast<uint8_t>(block >> 8);
      const auto network = *Prefix::make(
          v4 ? IpAddress::v4(0xc0000000u | block) : IpAddress::from_abi(PS_FAMILY_V6, bytes),
          v4 ? 24 : 120, Prefix::HostBits::kRefuse);
      bool any = false;
      std::optional<IpAddress> address = network.first();
      for (int i = 0; i < 256; i++, address = address->next())
        any |= is_exempt(*rules, *address, std::nullopt, kNow);
      ASSERT_EQ(is_any_exempt(*rules, network, std::nullopt, kNow), any) << network.to_string();
      (any ? exempt : not_exempt)++;
    }
  }
  EXPECT_GT(exempt, 100u);
  EXPECT_GT(not_exempt, 100u);
}

}  // namespace
}  // namespace postern::policy
