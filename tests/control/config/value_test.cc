// SPDX-License-Identifier: BSD-3-Clause
//
// Times, sizes and addresses as people write them, and what is refused.
#include "control/config/value.h"

#include <gtest/gtest.h>

namespace postern::config {
namespace {

TEST(Value, Times) {
  EXPECT_EQ(parse_time("300ms")->count(), 300);
  EXPECT_EQ(parse_time("5s")->count(), 5000);
  EXPECT_EQ(parse_time("10m")->count(), 600'000);
  EXPECT_EQ(parse_time("2h")->count(), 7'200'000);
  EXPECT_EQ(parse_time("1d")->count(), 86'400'000);
  EXPECT_EQ(parse_time("0")->count(), 0);
  for (const char* bad :
       {"", "5", "s", "-1s", "1.5s", "5 s", "5sec", "1000d", "99999999999999999999s"})
    EXPECT_FALSE(parse_time(bad)) << bad;
}

TEST(Value, Sizes) {
  EXPECT_EQ(parse_size("65536"), 65536u);
  EXPECT_EQ(parse_size("256K"), 262144u);
  EXPECT_EQ(parse_size("50M"), 52428800u);
  EXPECT_EQ(parse_size("1G"), 1073741824u);
  for (const char* bad : {"", "K", "1k", "1KB", "-1", "1 K", "18446744073709551615K"})
    EXPECT_FALSE(parse_size(bad)) << bad;
}

TEST(Value, Rates) {
  EXPECT_EQ(parse_rate("30/1m")->count, 30u);
  EXPECT_EQ(parse_rate("30/1m")->time.count(), 60'000);
  EXPECT_EQ(parse_rate("0")->count, 0u);
  for (const char* bad : {"", "30", "30/", "/1m", "0/1m", "30/0", "30/60", "-1/1m", "1000001/1m"})
    EXPECT_FALSE(parse_rate(bad)) << bad;
}

TEST(Value, Endpoints) {
  EXPECT_EQ(parse_endpoint("192.0.2.1:2525", 25)->port, 2525);
  EXPECT_EQ(parse_endpoint("192.0.2.1", 25)->port, 25);
  EXPECT_EQ(parse_endpoint("[2001:db8::1]:26", 25)->address.to_string(), "2001:db8::1");
  EXPECT_EQ(parse_endpoint("[2001:db8::1]:26", 25)->port, 26);
  EXPECT_EQ(parse_endpoint("[::]", 25)->port, 25);
  EXPECT_EQ(parse_endpoint("2001:db8::1", 25)->address.to_string(), "2001:db8::1");
  for (const char* bad :
       {"", ":25", "192.0.2.1:", "192.0.2.1:x", "192.0.2.1:70000", "mx.example:25", "[2001:db8::1",
        "[2001:db8::1]25", "[::]:", "192.0.2.256:25"})
    EXPECT_FALSE(parse_endpoint(bad, 25)) << bad;
}

TEST(Value, Hosts) {
  EXPECT_EQ(parse_host("farm.example", 25)->host, "farm.example");
  EXPECT_EQ(parse_host("farm.example:2525", 25)->port, "2525");
  EXPECT_EQ(parse_host("[2001:db8::1]:26", 25)->host, "2001:db8::1");
  for (const char* bad : {"", ":25", "farm.example:", "farm.example:0", "far m:25"})
    EXPECT_FALSE(parse_host(bad, 25)) << bad;
}

}  // namespace
}  // namespace postern::config
