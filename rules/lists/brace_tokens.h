// SPDX-License-Identifier: BSD-3-Clause
//
// BraceTokens: the tokens of a configuration with blocks in braces (nftables, Junos): words, texts
// in double quotes, single marks, and the ends of lines. `#` to the end of the line and `/* */` are
// comments. It views the text.
#pragma once

#include <cstdint>
#include <string_view>

#include "rules/text/cursor.h"

namespace postern {

struct BraceToken {
  enum class Kind { kWord, kString, kMark, kLineEnd, kEnd };
  Kind kind = Kind::kEnd;
  std::string_view text = {};  // of a string, what is between its quotes
  uint32_t line = 0;           // 1-based

  bool is(char mark) const noexcept { return kind == Kind::kMark && text[0] == mark; }
  bool is_word(std::string_view word) const noexcept { return kind == Kind::kWord && text == word; }
  // Where a statement may end, without a block.
  bool ends_statement() const noexcept {
    return is(';') || kind == Kind::kLineEnd || kind == Kind::kEnd;
  }
};

class BraceTokens {
 public:
  // marks: the characters that are tokens of their own, such as "{};".
  BraceTokens(std::string_view text, std::string_view marks) noexcept;
  BraceToken next() noexcept;  // kEnd again and again at the end
  BraceToken peek() const noexcept {
    auto ahead = *this;
    return ahead.next();
  }

 private:
  void pass_over() noexcept;

  Cursor cursor_;
  std::string_view marks_;
  uint32_t line_ = 1;
};

}  // namespace postern
