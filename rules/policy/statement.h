// SPDX-License-Identifier: BSD-3-Clause
//
// Statement: one line of a policy, walked token by token. What the grammar asks for is taken with
// expect_*, which throw a Complaint with its place when something else stands there. Words are
// checked as they are taken, so that a name, a prefix or a duration is one from then on.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "rules/address/address.h"
#include "rules/policy/policy.h"
#include "rules/policy/token.h"

namespace postern {

// What is wrong at one place of a line. Caught where the lines are walked, and made a Diagnostic.
struct Complaint {
  uint32_t column;  // 1-based, in bytes
  std::string message;
};

// "a, b or c"
std::string listed(std::initializer_list<std::string_view> words);

class Statement {
 public:
  // line: without its newline; it must outlive the statement.
  Statement(std::string_view line, const PolicyPlace& place);

  const PolicyPlace& place() const noexcept { return place_; }
  bool empty() const noexcept { return tokens_.size() == 1; }
  bool started() const noexcept { return next_ > 0; }
  const Token& peek() const noexcept { return tokens_[next_]; }
  const Token& take() noexcept;
  bool at_end() const noexcept { return peek().kind == Token::Kind::kEnd; }
  bool accept(std::string_view word) noexcept;
  bool accept_operator(std::string_view op) noexcept;

  // what: the thing wanted, as a message says it ("the name of a list").
  std::string expect_name(std::string_view what);
  std::string expect_string(std::string_view what);
  std::string expect_pattern();
  void expect(std::string_view word);
  void expect_end();
  Prefix expect_prefix();
  uint16_t expect_port();
  VlanRange expect_vlan();
  std::chrono::seconds expect_duration();
  double expect_percent();  // "50%" -> 0.5
  double expect_share();    // the same, at most 100%
  int expect_integer(int least, int most);
  double expect_number();  // decimal, without sign
  // "/24" -> 24
  int expect_prefix_length(Family family);
  uint64_t expect_bytes();  // "50M"; units K, M, G
  double expect_score();    // 0..1
  Comparison expect_comparison();
  Comparison expect_equality();  // = or !=

  // What stands at the next token is not what was wanted.
  [[noreturn]] void fail_here(std::string_view wanted) const;
  [[noreturn]] void fail_at(const Token& token, std::string message) const;

  // The line as written, from the first token to the last, runs of blanks folded into one.
  std::string text() const;

 private:
  std::string_view source_;
  PolicyPlace place_;
  std::vector<Token> tokens_;
  size_t next_ = 0;
};

}  // namespace postern
