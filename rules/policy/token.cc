// SPDX-License-Identifier: BSD-3-Clause
//
// The tokenizer of the policy language (rules/policy/token.h).
#include "rules/policy/token.h"

#include "rules/text/cursor.h"

namespace postern {
namespace {

constexpr bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t' || c == '\r';
}
constexpr bool is_control(char c) noexcept {
  return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
}
constexpr bool is_operator(char c) noexcept {
  return c == '=' || c == '!' || c == '<' || c == '>' || c == ',';
}
constexpr bool is_word(char c) noexcept {
  return !is_blank(c) && !is_control(c) && !is_operator(c) && c != '"' && c != '#';
}

Token take_token(Cursor& cursor) {
  const auto column = static_cast<uint32_t>(cursor.position() + 1);
  const auto finish = [&](Token::Kind kind, std::string_view text) {
    return Token{kind, text, column, static_cast<uint32_t>(cursor.position() + 1 - column)};
  };
  if (cursor.accept('"')) {
    const auto text = cursor.take_while([](char c) { return c != '"' && !is_control(c); });
    if (!cursor.accept('"')) return finish(Token::Kind::kFault, "this string has no closing quote");
    return finish(Token::Kind::kString, text);
  }
  const auto rest = cursor.rest();
  if (is_operator(rest.front())) {
    for (const std::string_view op : {"!=", "<=", ">=", "=", "<", ">", ","})
      if (cursor.accept(op)) return finish(Token::Kind::kOperator, rest.substr(0, op.size()));
    cursor.take();
    return finish(Token::Kind::kFault, "a \"!\" alone means nothing; did you mean \"!=\"?");
  }
  const auto word = cursor.take_while(is_word);
  if (word.empty()) return finish(Token::Kind::kFault, "there is a control character here");
  return finish(Token::Kind::kWord, word);
}

// `/` in it is written `\/`, which means the same to the regular expression.
Token take_pattern(Cursor& cursor) {
  const auto column = static_cast<uint32_t>(cursor.position() + 1);
  cursor.take();
  const auto text = cursor.rest();
  for (bool escaped = false; !cursor.at_end(); cursor.take()) {
    const char c = cursor.peek();
    if (c == '/' && !escaped) {
      const auto bytes = cursor.position() - column;
      cursor.take();
      return {Token::Kind::kPattern, text.substr(0, bytes), column,
              static_cast<uint32_t>(bytes + 2)};
    }
    if (is_control(c)) break;
    escaped = c == '\\' && !escaped;
  }
  return {Token::Kind::kFault, "this pattern has no closing slash", column,
          static_cast<uint32_t>(cursor.position() + 1 - column)};
}

// Where a pattern may stand; elsewhere a slash begins a prefix length.
bool awaits_pattern(const std::vector<Token>& tokens) {
  return tokens.size() == 2 && tokens.front().is_word("signature");
}

}  // namespace

std::vector<Token> tokenize(std::string_view line) {
  std::vector<Token> tokens;
  Cursor cursor(line);
  for (;;) {
    const auto last = cursor.position();
    cursor.take_while(is_blank);
    const bool faulty = !tokens.empty() && tokens.back().kind == Token::Kind::kFault;
    if (faulty || cursor.at_end() || cursor.peek() == '#') {
      tokens.push_back({Token::Kind::kEnd, {}, static_cast<uint32_t>(last + 1), 0});
      return tokens;
    }
    tokens.push_back(awaits_pattern(tokens) && cursor.peek() == '/' ? take_pattern(cursor)
                                                                    : take_token(cursor));
  }
}

}  // namespace postern
