// SPDX-License-Identifier: BSD-3-Clause
//
// Name servers as resolv.conf(5) names them.
#include "control/cli/system_resolvers.h"

#include <gtest/gtest.h>

namespace postern::cli {
namespace {

using Servers = std::vector<std::string>;

TEST(SystemResolvers, AreTheNameserverLines) {
  EXPECT_EQ(resolvers_in("# by hand\nsearch example.net\nnameserver 192.0.2.53\n"
                         "nameserver\t2001:db8::53  # the other one\r\noptions ndots:1\n"),
            (Servers{"192.0.2.53", "2001:db8::53"}));
}

TEST(SystemResolvers, PassOverWhatIsNoAddress) {
  EXPECT_EQ(resolvers_in("nameserver\nnameserver fe80::1%eth0\nnameservers 192.0.2.1\n"
                         "#nameserver 192.0.2.2\nnameserver resolver.example.net\n"),
            Servers{});
  EXPECT_EQ(resolvers_in(""), Servers{});
  EXPECT_EQ(resolvers_in("nameserver 192.0.2.53"), Servers{"192.0.2.53"});
}

TEST(SystemResolvers, ServersMayHaveAPort) {
  for (const char* text : {"192.0.2.53", "192.0.2.53@5353", "2001:db8::53", "::1@53"})
    EXPECT_TRUE(is_server(text)) << text;
  for (const char* text : {"", "@", "192.0.2.53@", "192.0.2.53@0", "192.0.2.53@65536",
                           "192.0.2.53@53x", "192.0.2.53:53", "resolver.example.net", "@53"})
    EXPECT_FALSE(is_server(text)) << text;
}

}  // namespace
}  // namespace postern::cli
