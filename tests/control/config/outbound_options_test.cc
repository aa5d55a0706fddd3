// SPDX-License-Identifier: BSD-3-Clause
//
// Settings of the site's own mail on its way out.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "tests/control/config/given_options.h"

namespace postern::config::test {
namespace {

using std::chrono::milliseconds;

TEST(ControlOptions, TheSitesOwnMail) {
  const std::vector<std::string> words = {"--snapshot",      "s",
                                          "--outbound",      "192.0.2.1:2525",
                                          "--outbound-from", "192.0.2.0/24",
                                          "--outbound-from", "2001:db8::/32",
                                          "--smarthost",     "relay.example,tls=verify"};
  const auto alone = options(words);
  EXPECT_FALSE(alone.runs_proxy);
  ASSERT_EQ(alone.outbound.listen.size(), 1u);
  EXPECT_EQ(alone.outbound.listen[0].port, 2525);
  EXPECT_EQ(alone.outbound.clients.size(), 2u);
  EXPECT_EQ(alone.milter.own_networks, alone.outbound.clients);
  ASSERT_EQ(alone.outbound.smarthosts.size(), 1u);
  EXPECT_EQ(alone.outbound.smarthosts[0].place(), "relay.example:25");
  EXPECT_EQ(alone.outbound.backscatter.per_domain.count, 0u);
  EXPECT_TRUE(options(with({"--null-sender-domain-rate", "500/1h"})).runs_proxy);
  EXPECT_EQ(options(with({"--null-sender-domain-rate", "500/1h"}))
                .outbound.backscatter.per_domain.milliseconds,
            3'600'000);
  const auto rates = options(with({"--null-sender-rate", "30/1m"})).sources.limits.rates;
  EXPECT_EQ(rates[static_cast<size_t>(policy::Limited::kNullSenders)].count, 30u);
  // Signing needs somebody to sign for.
  EXPECT_EQ(
      options({"--snapshot", "s", "--milter", "unix:/x", "--dkim-keys", "k"}).outbound.dkim_keys,
      "k");
  EXPECT_EQ(complaint(with({"--dkim-keys", "k"})),
            "dkim-keys is given without outbound and without milter: nothing would be signed");
}

TEST(ControlOptions, AnOutboundDoorNeedsItsNetworksAndSmarthosts) {
  EXPECT_EQ(complaint(with({"--outbound", "127.0.0.1:25", "--smarthost", "x"})),
            "outbound-from is missing: the networks whose mail outbound takes");
  EXPECT_EQ(complaint(with({"--outbound", "127.0.0.1:25", "--outbound-from", "192.0.2.0/24"})),
            "smarthost is missing: where the mail of outbound goes, HOST[:PORT]");
  EXPECT_EQ(complaint(with({"--smarthost", "x"})), "smarthost is given without outbound");
  EXPECT_EQ(complaint(with({"--outbound-from", "192.0.2.0/24"})),
            "outbound-from is given without outbound and without milter");
  EXPECT_EQ(complaint(with({"--outbound", "here"})),
            "--outbound is to be ADDRESS[:PORT], IPv6 in brackets, not \"here\"");
  EXPECT_EQ(complaint(with({"--outbound-from", "192.0.2.1/24"})),
            "--outbound-from is to be a prefix such as 192.0.2.0/28, not \"192.0.2.1/24\"");
  EXPECT_EQ(complaint(with({"--null-sender-domain-rate", "x"})),
            "--null-sender-domain-rate is to be a rate such as 30/1m, or 0, not \"x\"");
}

}  // namespace
}  // namespace postern::config::test
