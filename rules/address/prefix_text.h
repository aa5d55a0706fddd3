// SPDX-License-Identifier: BSD-3-Clause
//
// Reading a prefix that a person or a feed wrote, and saying what is wrong with it when it is none.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "rules/address/address.h"

namespace postern {

// A prefix or a single address, host bits refused. nullopt when it is neither; then *why is a
// message that begins with the text in quotes.
std::optional<Prefix> read_prefix(std::string_view text, std::string* why);

}  // namespace postern
