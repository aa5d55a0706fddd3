// SPDX-License-Identifier: BSD-3-Clause
//
// Reading durations (rules/lists/duration.h).
#include "rules/lists/duration.h"

#include "rules/text/cursor.h"

namespace postern {
namespace {

// What the unit is in seconds, 0 for milliseconds; -1 for no unit.
int64_t take_unit(Cursor& cursor) noexcept {
  if (cursor.accept("ms")) return 0;
  switch (cursor.take()) {
    case 'w':
      return 7 * 86400;
    case 'd':
      return 86400;
    case 'h':
      return 3600;
    case 'm':
      return 60;
    case 's':
      return 1;
    default:
      return -1;
  }
}

}  // namespace

std::optional<int64_t> parse_duration(std::string_view text) noexcept {
  constexpr size_t kMostDigits = 12;
  const auto is_digit = [](char c) noexcept { return c >= '0' && c <= '9'; };
  Cursor cursor(text);
  int64_t seconds = 0;
  do {
    const bool first = cursor.position() == 0;
    const auto digits = cursor.take_while(is_digit);
    if (digits.empty() || digits.size() > kMostDigits) return std::nullopt;
    int64_t count = 0;
    for (const char c : digits) count = count * 10 + (c - '0');
    const int64_t unit = cursor.at_end() && first ? 1 : take_unit(cursor);
    if (unit < 0) return std::nullopt;
    seconds += count * unit;
    if (seconds > kLongestDuration) return std::nullopt;
  } while (!cursor.at_end());
  return seconds;
}

}  // namespace postern
