// SPDX-License-Identifier: BSD-3-Clause
//
// What a resolver may answer for by itself, and its neighbours that belong to the world.
#include "control/dns/local_name.h"

#include <gtest/gtest.h>

#include <string>

namespace postern::dns {
namespace {

TEST(LocalName, WhatIsOfThisHostOrThisNet) {
  for (const char* name :
       {"localhost", "LOCALHOST.", "a.localhost", "printer.local", "host.home.arpa", "x.onion",
        "1.0.0.10.in-addr.arpa", "10.in-addr.arpa", "1.0.16.172.in-addr.arpa",
        "31.172.in-addr.arpa", "9.9.168.192.in-addr.arpa", "1.0.0.127.in-addr.arpa.",
        "1.1.64.100.in-addr.arpa", "127.100.in-addr.arpa", "7.2.0.192.IN-ADDR.ARPA",
        "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa",
        "1.0.d.f.ip6.arpa", "0.8.e.f.ip6.arpa", "1.0.8.b.d.0.1.0.0.2.ip6.arpa"})
    EXPECT_TRUE(is_local_name(name)) << name;
}

TEST(LocalName, WhatIsTheWorlds) {
  for (const char* name : {"",
                           ".",
                           "example.org",
                           "localhost.example.org",
                           "mylocalhost",
                           "arpa",
                           "in-addr.arpa",
                           "172.in-addr.arpa",
                           "15.172.in-addr.arpa",
                           "1.32.172.in-addr.arpa",
                           "016x.172.in-addr.arpa",
                           "100.in-addr.arpa",
                           "63.100.in-addr.arpa",
                           "128.100.in-addr.arpa",
                           "1.1.1.1.in-addr.arpa",
                           "110.in-addr.arpa",
                           "3.0.192.in-addr.arpa",
                           "e.f.ip6.arpa",
                           "c.f.ip6.arpa",
                           "f.ip6.arpa",
                           "0.2.ip6.arpa"})
    EXPECT_FALSE(is_local_name(name)) << name;
}

}  // namespace
}  // namespace postern::dns
