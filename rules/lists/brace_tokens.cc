// SPDX-License-Identifier: BSD-3-Clause
//
// Splitting a text into tokens (rules/lists/brace_tokens.h).
#include "rules/lists/brace_tokens.h"

#include <algorithm>

#include "rules/lists/list_lines.h"

namespace postern {

BraceTokens::BraceTokens(std::string_view text, std::string_view marks) noexcept
    : cursor_(text), marks_(marks) {
  cursor_.accept(kByteOrderMark);
}

// Blanks and comments. A comment without an end goes to the end of the text.
void BraceTokens::pass_over() noexcept {
  for (;;) {
    cursor_.take_while(is_blank);
    if (cursor_.peek() == '#') {
      cursor_.take_while([](char c) { return c != '\n'; });
    } else if (cursor_.accept("/*")) {
      const auto end = cursor_.rest().find("*/");
      const auto comment = cursor_.take(std::min(end, cursor_.rest().size()));
      line_ += static_cast<uint32_t>(std::ranges::count(comment, '\n'));
      cursor_.accept("*/");
    } else {
      return;
    }
  }
}

BraceToken BraceTokens::next() noexcept {
  using Kind = BraceToken::Kind;
  pass_over();
  const auto line = line_;
  if (cursor_.at_end()) return {Kind::kEnd, {}, line};
  if (cursor_.accept('\n')) {
    line_++;
    return {Kind::kLineEnd, {}, line};
  }
  if (cursor_.accept('"')) {  // one that is not closed ends with its line
    const auto text = cursor_.take_while([](char c) { return c != '"' && c != '\n'; });
    cursor_.accept('"');
    return {Kind::kString, text, line};
  }
  const auto is_mark = [&](char c) { return marks_.find(c) != std::string_view::npos; };
  if (is_mark(cursor_.peek())) return {Kind::kMark, cursor_.take(1), line};
  const auto word = cursor_.take_while(
      [&](char c) { return !is_blank(c) && c != '\n' && c != '"' && c != '#' && !is_mark(c); });
  return {Kind::kWord, word, line};
}

}  // namespace postern
