// SPDX-License-Identifier: BSD-3-Clause
//
// Reading the ranges of tools that mask away what is behind a prefix length themselves (ipset,
// nft).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "rules/address/range_text.h"

namespace postern {

// As read_range, but "192.0.2.1/24" is 192.0.2.0/24.
inline std::optional<AddressRange> read_masked_range(std::string_view text, std::string* why) {
  if (const auto prefix = Prefix::parse(text, Prefix::HostBits::kMask))
    return read_range(prefix->to_string(), why);
  return read_range(text, why);
}

}  // namespace postern
