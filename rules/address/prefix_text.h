// SPDX-License-Identifier: BSD-3-Clause
//
// Reading a prefix that a person or a feed wrote, and saying what is wrong with it when it is none.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "rules/address/address.h"

namespace postern {

// A prefix or a single address, host bits refused. So is IPv4 written as IPv4-mapped IPv6
// ("::ffff:192.0.2.1"), which no packet carries: it would never match. nullopt when it is not one;
// then *why is a message that begins with the text in quotes.
std::optional<Prefix> read_prefix(std::string_view text, std::string* why);

// For readers of more than prefixes, what a message says behind the quoted text; nullopt where it
// is not what is wrong.
std::optional<std::string> why_not_octets(std::string_view text);       // "012.0.0.1"
std::optional<std::string> why_not_carried(const AddressRange& range);  // "::ffff:192.0.2.1"

}  // namespace postern
