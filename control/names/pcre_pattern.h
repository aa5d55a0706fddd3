// SPDX-License-Identifier: BSD-3-Clause
//
// PcrePattern, a regular expression as a table of Postfix has it, and CompiledPattern, the same
// ready for PCRE2: what is one pattern, what its groups hold, and what Hyperscan cannot take. Its
// matching is bounded: a pattern that takes more than kMatchLimit steps of backtracking is a fault,
// not a match.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

struct pcre2_real_code_8;
struct pcre2_real_match_data_8;
struct pcre2_real_match_context_8;

namespace postern::names {

// pcre_table(5): the defaults, each of which its letter toggles.
struct PcreFlags {
  bool caseless = true;          // i
  bool multi_line = false;       // m
  bool dot_all = true;           // s
  bool extended = false;         // x
  bool anchored = false;         // A
  bool dollar_end_only = false;  // E
  bool ungreedy = false;         // U

  // Toggles the flag of a letter; false: there is none. X, which PCRE2 has not, changes nothing.
  bool toggle(char letter) noexcept;
  // The letters that make these of the defaults.
  std::string letters() const;
  bool operator==(const PcreFlags&) const = default;
};

struct PcrePattern {
  std::string expression;  // no NUL byte
  PcreFlags flags = {};

  // "/expression/flags".
  std::string text() const;
  bool operator==(const PcrePattern&) const = default;
};

// An expression that is none, in PCRE2's words.
class NotAPattern : public std::runtime_error {
 public:
  NotAPattern(size_t offset, const std::string& why) : std::runtime_error(why), offset_(offset) {}
  size_t offset() const noexcept { return offset_; }  // in the expression, at most its length

 private:
  size_t offset_;
};

// Immutable, for any number of threads; each matches with groups of its own.
class CompiledPattern {
 public:
  static constexpr uint32_t kMatchLimit = 200000;

  // Throws NotAPattern, std::bad_alloc.
  explicit CompiledPattern(const PcrePattern& pattern);

  // (…) in the expression.
  uint32_t groups() const noexcept { return groups_; }

  // What a match found, for one pattern and one thread at a time.
  class Groups {
   public:
    // Throws std::bad_alloc.
    explicit Groups(const CompiledPattern& pattern);
    // Group number n of the last match in text; empty where it matched nothing.
    std::string_view at(uint32_t n, std::string_view text) const noexcept;

   private:
    friend class CompiledPattern;
    struct Free {
      void operator()(pcre2_real_match_data_8* data) const noexcept;
    };
    std::unique_ptr<pcre2_real_match_data_8, Free> data_;
    uint32_t count_;
  };

  // kFault: too much backtracking, no memory, or text that is no UTF-8 for a pattern that wants it.
  enum class Outcome : uint8_t { kNo, kYes, kFault };
  Outcome match(std::string_view text, Groups& groups) const noexcept;

  // For patterns that are tried often: machine code, where the system allows it.
  void make_fast() noexcept;

 private:
  struct Free {
    void operator()(pcre2_real_code_8* code) const noexcept;
    void operator()(pcre2_real_match_context_8* context) const noexcept;
  };
  std::unique_ptr<pcre2_real_code_8, Free> code_;
  std::unique_ptr<pcre2_real_match_context_8, Free> limits_;
  uint32_t groups_ = 0;
};

}  // namespace postern::names
