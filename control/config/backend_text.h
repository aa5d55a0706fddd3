// SPDX-License-Identifier: BSD-3-Clause
//
// A backend of the farm as people write it in settings:
//   HOST[:PORT][,weight=N][,max=N][,backup][,tls=none|may|require|verify][,tls-name=NAME]
//   [,hand-on=none|xclient|xforward|proxy]
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "control/smtp/backend.h"

namespace postern::config {

// What is wrong with it, as "is to be ..." has it, and the part of the text that is.
struct BadBackend {
  std::string expected;
  std::string part;
};

// Port 25 where none is given.
std::variant<smtp::Backend, BadBackend> parse_backend(std::string_view text);

}  // namespace postern::config
