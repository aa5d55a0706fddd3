// SPDX-License-Identifier: BSD-3-Clause
//
// Reading a range of addresses in any of the ways people write one, and saying what is wrong with
// it when it is none.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "rules/address/address.h"

namespace postern {

// "192.0.2.1", "192.0.2.0/24", "192.0.2.0/255.255.255.0", "192.0.2.0-192.0.2.9", the last with or
// without blanks around the hyphen; IPv6 likewise, but for the mask. What read_prefix refuses is
// refused, also at the ends of a range. nullopt when it is not a range; then *why is a message that
// begins with the text in quotes.
std::optional<AddressRange> read_range(std::string_view text, std::string* why);

// Whether somebody meant a range, be it a bad one ("192.0.2.9-192.0.2.1", "192.0.2.1/24").
bool looks_like_range(std::string_view text);

// The same as read_range from two texts: "192.0.2.0", "192.0.2.9".
std::optional<AddressRange> read_range(std::string_view first, std::string_view last,
                                       std::string* why);

}  // namespace postern
