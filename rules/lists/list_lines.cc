// SPDX-License-Identifier: BSD-3-Clause
//
// Walking over the lines of a list (rules/lists/list_lines.h).
#include "rules/lists/list_lines.h"

namespace postern {

ListLines::ListLines(std::string_view text, Comments comments) noexcept
    : cursor_(text), comments_(comments) {
  cursor_.accept(kByteOrderMark);
}

bool ListLines::next() noexcept {
  while (!cursor_.at_end()) {
    number_++;
    auto line = cursor_.take_until('\n');
    comment_ = {};
    if (comments_ == Comments::kHash || comments_ == Comments::kSemicolon) {
      const auto mark = line.find(comments_ == Comments::kHash ? '#' : ';');
      if (mark != std::string_view::npos) comment_ = trimmed(line.substr(mark + 1));
      line = line.substr(0, mark);
    }
    text_ = trimmed(line);
    if (comments_ == Comments::kHashLines && text_.starts_with('#')) continue;
    if (!text_.empty()) return true;
  }
  return false;
}

}  // namespace postern
