// SPDX-License-Identifier: BSD-3-Clause
//
// Writing endpoints (control/cli/endpoint_text.h).
#include "control/cli/endpoint_text.h"

namespace postern::cli {

std::string endpoint_text(const std::optional<IpAddress>& address,
                          const std::optional<uint16_t>& port) {
  if (!address) return "-";
  if (!port) return address->to_string();
  if (address->is_v4()) return address->to_string() + ":" + std::to_string(*port);
  return "[" + address->to_string() + "]:" + std::to_string(*port);
}

}  // namespace postern::cli
