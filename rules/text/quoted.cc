// SPDX-License-Identifier: BSD-3-Clause
//
// Foreign text inside a message of ours (rules/text/quoted.h).
#include "rules/text/quoted.h"

namespace postern {

std::string quoted(std::string_view text) {
  constexpr size_t kShown = 40;
  std::string result = "\"";
  for (const char c : text.substr(0, kShown)) {
    const auto byte = static_cast<unsigned char>(c);
    result += byte < 0x20 || byte >= 0x7f ? '?' : c;
  }
  if (text.size() > kShown) result += "...";
  return result + '"';
}

}  // namespace postern
