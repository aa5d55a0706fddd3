// SPDX-License-Identifier: BSD-3-Clause
//
// Walking over the lines of a list (rules/lists/list_lines.h).
#include "rules/lists/list_lines.h"

namespace postern {

std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::string_view kBlanks = " \t\r\f\v";
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

ListLines::ListLines(std::string_view text, Comments comments) noexcept
    : cursor_(text), comments_(comments) {
  cursor_.accept(kByteOrderMark);
}

bool ListLines::next() noexcept {
  while (!cursor_.at_end()) {
    number_++;
    auto line = cursor_.take_until('\n');
    comment_ = {};
    if (comments_ == Comments::kHash) {
      const auto mark = line.find('#');
      if (mark != std::string_view::npos) comment_ = trimmed(line.substr(mark + 1));
      line = line.substr(0, mark);
    }
    text_ = trimmed(line);
    if (!text_.empty()) return true;
  }
  return false;
}

}  // namespace postern
