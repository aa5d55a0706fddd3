// SPDX-License-Identifier: BSD-3-Clause
//
// An address and a port as people read them: 192.0.2.1:25, [2001:db8::1]:25.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "rules/address/address.h"

namespace postern::cli {

// "-" without an address; the address alone without a port.
std::string endpoint_text(const std::optional<IpAddress>& address,
                          const std::optional<uint16_t>& port);

}  // namespace postern::cli
