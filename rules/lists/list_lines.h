// SPDX-License-Identifier: BSD-3-Clause
//
// ListLines: the lines of a list file that say something, one after the other. A byte order mark at
// the start, carriage returns, blanks around the text and blank lines are passed over, and so are
// comments where the format has them, on a line of their own or behind an entry.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "rules/lists/list_format.h"
#include "rules/text/cursor.h"
#include "rules/text/words.h"

namespace postern {

enum class Comments {
  kNone,
  kHash,       // from '#' to the end of the line
  kSemicolon,  // from ';' to the end of the line
  kHashLines,  // lines that begin with '#'
};

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

class ListLines {
 public:
  ListLines(std::string_view text, Comments comments) noexcept;
  // Steps to the next line that says something; false at the end.
  bool next() noexcept;
  uint32_t number() const noexcept { return number_; }      // 1-based, of all lines
  std::string_view text() const noexcept { return text_; }  // never empty, without blanks around
  // What stands behind the text as a comment, without its mark and blanks around; often empty.
  std::string_view comment() const noexcept { return comment_; }

 private:
  Cursor cursor_;
  Comments comments_;
  uint32_t number_ = 0;
  std::string_view text_, comment_;
};

// The fit of a format that is a row of lines: how many of them are ones that `reads` accepts.
template <typename Reads>
Fit fit_of_lines(std::string_view text, Comments comments, Reads reads) {
  Fit fit;
  for (ListLines lines(text, comments); lines.next(); fit.lines++)
    if (reads(lines.text())) fit.read++;
  return fit;
}

}  // namespace postern
