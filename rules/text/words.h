// SPDX-License-Identifier: BSD-3-Clause
//
// Words of a line: what is between blanks (space, tab, CR, form feed, vertical tab).
#pragma once

#include <string_view>

#include "rules/text/cursor.h"

namespace postern {

constexpr bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

// Without blanks at either end.
std::string_view trimmed(std::string_view text) noexcept;
// The next word, and past the blanks behind it; empty at the end.
std::string_view take_word(Cursor& cursor) noexcept;
// The same but for the case of ASCII letters.
bool same_word(std::string_view a, std::string_view b) noexcept;

}  // namespace postern
