// SPDX-License-Identifier: BSD-3-Clause
//
// Reading and writing times and durations; see time_text.h.
#include "control/cli/time_text.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "rules/text/cursor.h"

namespace postern::cli {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// All digits that follow, at least one, at most 18 of them.
std::optional<int64_t> take_count(Cursor& cursor) {
  const auto digits = cursor.take_while(is_digit);
  if (digits.empty() || digits.size() > 18) return std::nullopt;
  int64_t number = 0;
  for (const char c : digits) number = number * 10 + (c - '0');
  return number;
}

}  // namespace

int64_t unix_now() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string utc_text(int64_t unix_seconds) {
  // The years that four digits hold; what lies outside is shown as the nearest end.
  constexpr int64_t kLast = 253402300799;  // 9999-12-31T23:59:59Z
  const auto time =
      std::chrono::sys_seconds(std::chrono::seconds(std::clamp<int64_t>(unix_seconds, 0, kLast)));
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  std::array<char, 40> text;
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
                static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text.data();
}

std::string utc_text_micro(int64_t unix_nanoseconds) {
  constexpr int64_t kSecond = 1'000'000'000;
  const int64_t nanoseconds = std::max<int64_t>(0, unix_nanoseconds);
  auto text = utc_text(nanoseconds / kSecond);
  std::array<char, 16> fraction;
  std::snprintf(fraction.data(), fraction.size(), ".%06dZ",
                static_cast<int>(nanoseconds % kSecond / 1000));
  text.pop_back();
  return text + fraction.data();
}

std::optional<std::chrono::seconds> parse_duration(std::string_view text) {
  constexpr int64_t kMost = 10 * 366 * 86400ll;
  Cursor cursor(text);
  int64_t total = 0;
  int64_t previous_unit = kMost;
  while (!cursor.at_end()) {
    const auto number = take_count(cursor);
    if (!number || *number > kMost) return std::nullopt;
    int64_t unit = 0;
    if (cursor.at_end() && total == 0) {
      unit = 1;
    } else {
      switch (cursor.take()) {
        case 'd':
          unit = 86400;
          break;
        case 'h':
          unit = 3600;
          break;
        case 'm':
          unit = 60;
          break;
        case 's':
          unit = 1;
          break;
        default:
          return std::nullopt;
      }
    }
    if (unit >= previous_unit) return std::nullopt;  // "30m1h" is a slip, not a duration
    previous_unit = unit;
    total += *number * unit;
    if (total > kMost) return std::nullopt;
  }
  if (total == 0) return std::nullopt;
  return std::chrono::seconds(total);
}

std::string duration_text(int64_t seconds) {
  struct Unit {
    int64_t seconds;
    const char* name;
  };
  constexpr std::array<Unit, 4> kUnits = {{{86400, " d"}, {3600, " h"}, {60, " min"}, {1, " s"}}};
  if (seconds < 0) return "-" + duration_text(-seconds);
  size_t first = 0;
  while (first < kUnits.size() - 1 && seconds < kUnits[first].seconds) first++;
  auto text = std::to_string(seconds / kUnits[first].seconds) + kUnits[first].name;
  if (first + 1 < kUnits.size()) {
    const int64_t rest = seconds % kUnits[first].seconds / kUnits[first + 1].seconds;
    if (rest > 0) text += " " + std::to_string(rest) + kUnits[first + 1].name;
  }
  return text;
}

std::string until_text(int64_t unix_seconds, int64_t now) {
  if (unix_seconds > now) return "in " + duration_text(unix_seconds - now);
  return duration_text(now - unix_seconds) + " ago";
}

}  // namespace postern::cli
