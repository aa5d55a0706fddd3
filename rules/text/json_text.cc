// SPDX-License-Identifier: BSD-3-Clause
//
// Text for JSON (rules/text/json_text.h).
#include "rules/text/json_text.h"

#include <cstdint>

#include "rules/text/utf8.h"

namespace postern {

std::string json_text(std::string_view text) {
  constexpr std::string_view kReplacement = "\xef\xbf\xbd";
  std::string out;
  while (!text.empty()) {
    uint32_t point = 0;
    const size_t length = utf8_sequence(text, &point);
    if (length == 0)
      out += kReplacement;
    else
      out += text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

}  // namespace postern
