// SPDX-License-Identifier: BSD-3-Clause
//
// Reading numbers (rules/text/number.h).
#include "rules/text/number.h"

#include <charconv>

#include "rules/text/cursor.h"

namespace postern {

std::optional<double> read_number(std::string_view text) noexcept {
  const auto is_digit = [](char c) noexcept { return c >= '0' && c <= '9'; };
  Cursor cursor(text);
  bool good = !cursor.take_while(is_digit).empty();
  if (cursor.accept('.')) good = good && !cursor.take_while(is_digit).empty();
  constexpr size_t kLongest = 16;
  if (!good || !cursor.at_end() || text.size() > kLongest) return std::nullopt;
  double number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  return number;
}

}  // namespace postern
