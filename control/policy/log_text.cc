// SPDX-License-Identifier: BSD-3-Clause
//
// A quote within the text becomes an apostrophe, so that a line can be split without a parser.
#include "control/policy/log_text.h"

namespace postern::policy {

std::string log_value(std::string_view text, size_t most) {
  std::string value;
  bool quotes = text.empty();
  for (const char c : text.substr(0, most)) {
    if (c == ' ' || c == '=') quotes = true;
    if (c == '"')
      value += '\'';
    else
      value += c >= ' ' && c <= '~' ? c : '?';
  }
  if (text.size() > most) value += "...";
  return quotes ? '"' + value + '"' : value;
}

}  // namespace postern::policy
