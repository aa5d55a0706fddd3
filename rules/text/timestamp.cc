// SPDX-License-Identifier: BSD-3-Clause
//
// Reading times (rules/text/timestamp.h). The calendar is std::chrono's, leap seconds are read as
// the second after them.
#include "rules/text/timestamp.h"

#include <algorithm>
#include <chrono>

#include "rules/text/cursor.h"

namespace postern {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Exactly `digits` of them. Fails the cursor otherwise.
int take_number(Cursor& cursor, size_t digits) {
  int number = 0;
  for (const char c : cursor.take(digits)) {
    if (!is_digit(c)) cursor.fail();
    number = number * 10 + (c - '0');
  }
  return number;
}

// "Z", "+01:00", "-08:30" -> seconds east of UTC.
int64_t take_offset(Cursor& cursor) {
  if (cursor.accept('Z') || cursor.accept('z')) return 0;
  const char sign = cursor.take();
  if (sign != '+' && sign != '-') cursor.fail();
  const int hours = take_number(cursor, 2);
  cursor.expect(":");
  const int minutes = take_number(cursor, 2);
  if (hours > 23 || minutes > 59) cursor.fail();
  const int64_t seconds = hours * 3600 + minutes * 60;
  return sign == '-' ? -seconds : seconds;
}

std::optional<int64_t> parse_rfc3339(std::string_view text) {
  Cursor cursor(text);
  const int year = take_number(cursor, 4);
  cursor.expect("-");
  const int month = take_number(cursor, 2);
  cursor.expect("-");
  const int day = take_number(cursor, 2);
  if (!cursor.accept('T') && !cursor.accept('t')) cursor.expect(" ");
  const int hour = take_number(cursor, 2);
  cursor.expect(":");
  const int minute = take_number(cursor, 2);
  cursor.expect(":");
  const int second = take_number(cursor, 2);
  if (cursor.accept('.') && cursor.take_while(is_digit).empty()) cursor.fail();
  const int64_t offset = take_offset(cursor);
  if (cursor.failed() || !cursor.at_end()) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const int64_t time = days * 86400 + hour * 3600 + minute * 60 + second - offset;
  return time >= 0 ? std::optional(time) : std::nullopt;
}

// At most 18 digits, at least one.
std::optional<int64_t> parse_unix_seconds(std::string_view digits) {
  if (digits.size() > 18) return std::nullopt;
  int64_t seconds = 0;
  for (const char c : digits) seconds = seconds * 10 + (c - '0');
  return seconds;
}

}  // namespace

std::optional<int64_t> parse_time(std::string_view text) {
  const bool number = !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
  return number ? parse_unix_seconds(text) : parse_rfc3339(text);
}

}  // namespace postern
