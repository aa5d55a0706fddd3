// SPDX-License-Identifier: BSD-3-Clause
//
// Where the workers of postern-control say how they are, for them and for the command line, which
// asks (control/config/status_service.h).
#pragma once

#include <cstddef>
#include <string>

namespace postern::config {

// Worker `number`, from 0, of those that the setting status names a path for: PATH, PATH.1, ...
inline std::string status_socket(const std::string& path, size_t number) {
  return number == 0 ? path : path + "." + std::to_string(number);
}

}  // namespace postern::config
