// SPDX-License-Identifier: BSD-3-Clause
//
// Tokens of the policy language. A line falls into words, strings in double quotes, and operators;
// a `#` outside a string begins a comment. There are no escapes, and no token spans lines.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postern {

struct Token {
  enum class Kind {
    kWord,      // a run of anything that is neither blank nor one of the below
    kString,    // text is what is between the quotes
    kPattern,   // after `signature NAME`: text is what is between the slashes, as written
    kOperator,  // = != < <= > >= ,
    kFault,     // something that is no token; text says what is wrong. Nothing is read after it
    kEnd,       // after the last token of a line; column is where one more would have stood
  };
  Kind kind;
  std::string_view text;
  uint32_t column;  // of its first byte, the quote included
  uint32_t bytes;   // as written, quotes and slashes included

  bool is_word(std::string_view word) const noexcept { return kind == Kind::kWord && text == word; }
  bool is_operator(std::string_view op) const noexcept {
    return kind == Kind::kOperator && text == op;
  }
};

// The tokens of one line, a kEnd last. They view `line`.
std::vector<Token> tokenize(std::string_view line);

}  // namespace postern
