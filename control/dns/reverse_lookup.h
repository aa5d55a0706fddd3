// SPDX-License-Identifier: BSD-3-Clause
//
// Looking up what forward-confirmed reverse DNS says of an address (control/dns/reverse_result.h).
// Bounds: kMaxNames are asked about, one after the other; time is the caller's to limit, by
// cancellation.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>

#include "control/dns/resolver.h"
#include "control/dns/reverse_result.h"
#include "rules/address/address.h"

namespace postern::dns {

// "4.3.2.1.in-addr.arpa" (RFC 1035 §3.5) or nibbles below "ip6.arpa" (RFC 3596 §2.5).
std::string reverse_name(const IpAddress& address);

// A fault that has lasted so long that it counts as an answer (Answer::given_up) counts as the
// answer that there is nothing. address: an IPv4-mapped IPv6 address is taken as the IPv4 address
// in it. The resolver outlives the look-up. Throws only when the awaiting coroutine is cancelled.
boost::asio::awaitable<ReverseLookup> look_up_reverse(Resolver& resolver, IpAddress address);

}  // namespace postern::dns
