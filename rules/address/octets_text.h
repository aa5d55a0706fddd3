// SPDX-License-Identifier: BSD-3-Clause
//
// Reading IPv4 prefixes that are written as their leading octets, as mail and DNS software does:
// "192.0.2" is 192.0.2.0/24.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "rules/address/address.h"

namespace postern {

// "10" (of length 8), "10.1" (16), "10.1.2" (24) or "10.1.2.3" (32). nullopt when it is none; then
// *why is a message that begins with the text in quotes.
std::optional<Prefix> read_octets(std::string_view text, std::string* why);

}  // namespace postern
