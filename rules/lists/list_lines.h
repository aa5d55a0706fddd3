// SPDX-License-Identifier: BSD-3-Clause
//
// ListLines: the lines of a list file that say something, one after the other. A byte order mark at
// the start, carriage returns, blanks around the text and blank lines are passed over, and so are
// `#` comments where the format has them, on a line of their own or behind an entry.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "rules/text/cursor.h"

namespace postern {

enum class Comments { kNone, kHash };

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

class ListLines {
 public:
  ListLines(std::string_view text, Comments comments) noexcept;
  // Steps to the next line that says something; false at the end.
  bool next() noexcept;
  uint32_t number() const noexcept { return number_; }      // 1-based, of all lines
  std::string_view text() const noexcept { return text_; }  // never empty, without blanks around

 private:
  Cursor cursor_;
  Comments comments_;
  uint32_t number_ = 0;
  std::string_view text_;
};

// Without blanks (space, tab, CR, form feed, vertical tab) at either end.
std::string_view trimmed(std::string_view text) noexcept;

}  // namespace postern
