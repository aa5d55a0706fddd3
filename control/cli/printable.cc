// SPDX-License-Identifier: BSD-3-Clause
//
// Text made safe for terminals and for JSON; see printable.h.
#include "control/cli/printable.h"

#include <algorithm>
#include <cstdint>

#include "rules/text/utf8.h"

namespace postern::cli {
std::string printable(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    uint32_t point = 0;
    const size_t taken = std::max<size_t>(1, utf8_sequence(text, &point));
    if (shown_sequence(text) > 0) {
      out.append(text.substr(0, taken));
    } else {
      for (const char c : text.substr(0, taken)) {
        out.append("\\x");
        out.push_back(kDigits[static_cast<uint8_t>(c) >> 4]);
        out.push_back(kDigits[static_cast<uint8_t>(c) & 15]);
      }
    }
    text.remove_prefix(taken);
  }
  return out;
}

}  // namespace postern::cli
