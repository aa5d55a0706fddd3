// SPDX-License-Identifier: BSD-3-Clause
//
// Exemption: the sources that are never refused for their manners, and never told to the packet
// engines: those that the policy protects, those that its connection rules allow, and those in a
// list of the category `accredited`.
#pragma once

#include <cstdint>
#include <optional>

#include "rules/address/address.h"
#include "rules/snapshot/snapshot.h"

namespace postern::policy {

// Where a client connected to, as a socket sees it.
struct LocalPlace {
  IpAddress address;
  uint16_t port = 0;
};

// local: nullopt where it is not known; then a rule for any service exempts. now: Unix seconds.
bool is_exempt(const Snapshot& snapshot, const IpAddress& client,
               const std::optional<LocalPlace>& local, int64_t now);

// Whether any address of a network is: of at most 256 IPv4 addresses, or of an IPv6 network, in
// which it is asked where entries of lists and protects begin and end. (Not where one ends that
// begins before the network: a range that is no prefix. That could only hide who is allowed for not
// being in a list, and what is allowed goes before entries in the engines anyway.)
bool is_any_exempt(const Snapshot& snapshot, const Prefix& network,
                   const std::optional<LocalPlace>& local, int64_t now);

}  // namespace postern::policy
