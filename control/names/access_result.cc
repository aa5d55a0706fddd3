// SPDX-License-Identifier: BSD-3-Clause
//
// By the first word of the result (control/names/access_result.h).
#include "control/names/access_result.h"

#include <algorithm>

#include "rules/text/words.h"

namespace postern::names {

AccessResult access_result(std::string_view result) noexcept {
  result = trimmed(result);
  Cursor cursor(result);
  const auto word = take_word(cursor);
  const auto is = [&](auto... known) { return (same_word(word, known) || ...); };
  if (is("DUNNO")) return AccessResult::kNothing;
  // "550 text" is a refusal, but "550" by itself is digits only.
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (is("OK", "RELAY") || std::ranges::all_of(result, is_digit)) return AccessResult::kPass;
  if (same_word(word.substr(0, 6), "permit")) return AccessResult::kPass;
  if (is("PREPEND", "WARN", "INFO", "BCC")) return AccessResult::kMark;
  const bool is_code = word.size() == 3 && (word[0] == '4' || word[0] == '5') &&
                       is_digit(word[1]) && is_digit(word[2]);
  const auto begins = [&](std::string_view known) {
    return same_word(word.substr(0, known.size()), known);
  };
  // reject_unverified_sender, DEFER_IF_PERMIT: what Postfix would do is clear, whatever it asks.
  if (is_code || begins("REJECT") || begins("DEFER") || is("DISCARD", "HOLD"))
    return AccessResult::kAgainst;
  return AccessResult::kNothing;
}

}  // namespace postern::names
