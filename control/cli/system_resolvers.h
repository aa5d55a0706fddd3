// SPDX-License-Identifier: BSD-3-Clause
//
// The name servers that this machine uses, as resolv.conf(5) names them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace postern::cli {

// "192.0.2.53", "192.0.2.53@5353", "2001:db8::53"
bool is_server(std::string_view text);

// The nameserver lines of the text of a resolv.conf, in their order. Lines without a sound address
// are passed over, as the C library does; so are IPv6 addresses with a scope, which libunbound
// would not take.
std::vector<std::string> resolvers_in(std::string_view text);

// Of /etc/resolv.conf; empty when there is none.
std::vector<std::string> system_resolvers();

}  // namespace postern::cli
