// SPDX-License-Identifier: BSD-3-Clause
//
// Names that resolvers answer for by themselves, without asking anybody: those of this host and
// this net (RFC 6761, 6762, 7686, 8375, 9462, "internal") and the reverse names of addresses that
// are nobody's alone (RFC 6303, 7793). Also a forwarder does that, so what it says of them is no
// sign that it reaches anybody.
#pragma once

#include <string_view>

namespace postern::dns {

// name: A-labels, any case, with or without the final dot.
bool is_local_name(std::string_view name);

}  // namespace postern::dns
