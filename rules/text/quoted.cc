// SPDX-License-Identifier: BSD-3-Clause
//
// Foreign text inside a message of ours (rules/text/quoted.h).
#include "rules/text/quoted.h"

#include "rules/text/utf8.h"

namespace postern {

std::string quoted(std::string_view text) {
  constexpr size_t kShown = 40;
  std::string result = "\"";
  size_t at = 0;
  while (at < text.size() && at < kShown) {
    const size_t length = shown_sequence(text.substr(at));
    if (length == 0)
      result += '?';
    else
      result += text.substr(at, length);
    at += length == 0 ? 1 : length;
  }
  if (at < text.size()) result += "...";
  return result + '"';
}

}  // namespace postern
