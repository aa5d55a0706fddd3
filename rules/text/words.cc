// SPDX-License-Identifier: BSD-3-Clause
//
// Taking a line apart (rules/text/words.h).
#include "rules/text/words.h"

#include <algorithm>

namespace postern {

std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string_view take_word(Cursor& cursor) noexcept {
  cursor.take_while(is_blank);
  const auto word = cursor.take_while([](char c) { return !is_blank(c); });
  cursor.take_while(is_blank);
  return word;
}

bool same_word(std::string_view a, std::string_view b) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

}  // namespace postern
