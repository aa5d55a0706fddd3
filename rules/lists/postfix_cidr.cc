// SPDX-License-Identifier: BSD-3-Clause
//
// Format postfix-cidr: a Postfix cidr_table(5), "pattern result", of which the first that matches
// counts. `!pattern` matches what the pattern does not, in its own address family; `if`, `if !` and
// `endif` nest; a line that begins with a blank continues the one before. A result that lets the
// client pass (OK, RELAY, PERMIT..., DUNNO, digits only) is an exclusion, any other an entry with
// the result's first word as its value. As in Postfix, bits behind the length and leading zeros are
// bad lines; unlike there, an `if` without `endif` refuses the file. Limits: kMaxDepth.
#include <algorithm>
#include <vector>

#include "rules/address/prefix_text.h"
#include "rules/lists/formats.h"
#include "rules/lists/list_lines.h"
#include "rules/text/quoted.h"

namespace postern {
namespace {

constexpr size_t kMaxDepth = 32;

// A logical line: "pattern result", "if pattern" or "endif".
struct Rule {
  std::string text;
  uint32_t line = 0;  // at which it begins
};

// Joins what is continued. Blank lines and comments do not end a logical line.
class Rules {
 public:
  explicit Rules(std::string_view text) : cursor_(text) { cursor_.accept(kByteOrderMark); }

  // False at the end. A first line that continues nothing comes as it is, with its blank.
  bool next(Rule& rule) {
    rule.text.clear();
    while (!cursor_.at_end()) {
      const auto before = cursor_;
      const auto line = cursor_.take_until('\n');
      const auto words = trimmed(line);
      const bool says_nothing = words.empty() || words.starts_with('#');
      if (!says_nothing && !rule.text.empty() && !is_blank(line.front())) {
        cursor_ = before;
        break;
      }
      number_++;
      if (says_nothing) continue;
      if (rule.text.empty()) rule.line = number_;
      if (!rule.text.empty())
        rule.text += ' ';
      else if (is_blank(line.front()))
        rule.text = ' ';
      rule.text += words;
    }
    return !rule.text.empty();
  }

 private:
  Cursor cursor_;
  uint32_t number_ = 0;
};

enum class Verb { kMatch, kIf, kEndif };

struct Statement {
  Verb verb;
  bool negated;
  std::string_view pattern, result;
};

Statement parse(std::string_view text) {
  Cursor cursor(text);
  const auto before = cursor;
  const auto first = take_word(cursor);
  Statement statement{Verb::kMatch, false, {}, {}};
  if (same_word(first, "if"))
    statement.verb = Verb::kIf;
  else if (same_word(first, "endif"))
    statement.verb = Verb::kEndif;
  else
    cursor = before;
  if (statement.verb != Verb::kEndif) {
    statement.negated = cursor.accept('!');
    cursor.take_while(is_blank);
    statement.pattern = take_word(cursor);
  }
  statement.result = trimmed(cursor.rest());
  return statement;
}

// The brackets that a pattern may have around its address, or around all of it.
std::string without_brackets(std::string_view pattern) {
  std::string plain(pattern);
  if (!plain.starts_with('[')) return plain;
  plain.erase(0, 1);
  const auto close = plain.find(']');
  if (close == std::string::npos) return std::string(pattern);
  plain.erase(close, 1);
  return plain;
}

using Ranges = std::vector<AddressRange>;

// All addresses of a prefix's family that are in it, or with `negated` all that are not.
Ranges matching(const Prefix& prefix, bool negated) {
  if (!negated) return {prefix};
  const auto all = *Prefix::make(prefix.first(), 0, Prefix::HostBits::kMask);
  Ranges ranges;
  if (const auto before = prefix.first().previous())
    ranges.push_back(*AddressRange::make(all.first(), *before));
  if (const auto behind = prefix.last().next())
    ranges.push_back(*AddressRange::make(*behind, all.last()));
  return ranges;
}

Ranges common(const Ranges& a, const Ranges& b) {
  Ranges both;
  for (const auto& x : a)
    for (const auto& y : b)
      if (const auto range =
              AddressRange::make(std::max(x.first(), y.first()), std::min(x.last(), y.last())))
        both.push_back(*range);
  return both;
}

bool lets_pass(std::string_view result, std::string_view word) {
  for (const auto known : {"OK", "RELAY", "DUNNO"})
    if (same_word(word, known)) return true;
  return same_word(word.substr(0, 6), "PERMIT") ||
         std::ranges::all_of(result, [](char c) { return c >= '0' && c <= '9'; });
}

class Reader {
 public:
  Reader(const std::string& file, ListContent& content) : file_(file), content_(content) {
    const auto all_v4 = *Prefix::make(IpAddress::v4(0), 0, Prefix::HostBits::kMask);
    const auto all_v6 = *Prefix::make(IpAddress::v6({}), 0, Prefix::HostBits::kMask);
    scopes_.push_back({{all_v4, all_v6}, 0});
    content_.overlap = Overlap::kFirst;
  }

  void run(std::string_view text) {
    Rules rules(text);
    for (Rule rule; rules.next(rule);) read(rule);
    if (scopes_.size() > 1)
      throw BadInput(Diagnostic{.file = file_,
                                .line = scopes_.back().line,
                                .message = "this if has no endif; is the file truncated?"});
  }

 private:
  struct Scope {
    Ranges ranges;
    uint32_t line;
  };

  void read(const Rule& rule) {
    const auto skip = [&](const std::string& why) { content_.skip(file_, rule.line, why); };
    if (rule.text.starts_with(' ')) return skip("this line continues none");
    const auto statement = parse(rule.text);
    if (statement.verb == Verb::kEndif) return leave(statement, rule.line);
    std::string why;
    const auto prefix = read_prefix(without_brackets(statement.pattern), &why);
    // What an `if` with a mistake was to enclose cannot be told, so nothing of it is taken.
    auto ranges =
        prefix ? common(scopes_.back().ranges, matching(*prefix, statement.negated)) : Ranges();
    const bool wrong_if = statement.verb == Verb::kIf && !statement.result.empty();
    if (wrong_if) ranges.clear();
    if (statement.verb == Verb::kIf) enter(std::move(ranges), rule.line);
    if (!prefix) return skip(why);
    if (wrong_if) return skip(quoted(statement.result) + " follows the pattern of an if");
    if (statement.verb == Verb::kIf) return;
    if (statement.result.empty()) return skip(quoted(rule.text) + " has no result");
    add(ranges, statement.result, rule.line);
  }

  void enter(Ranges ranges, uint32_t line) {
    if (scopes_.size() > kMaxDepth)
      throw BadInput(
          Diagnostic{.file = file_,
                     .line = line,
                     .message = "if is nested more than " + std::to_string(kMaxDepth) + " times"});
    scopes_.push_back({std::move(ranges), line});
  }

  void leave(const Statement& statement, uint32_t line) {
    if (scopes_.size() == 1) return content_.skip(file_, line, "this endif has no if");
    scopes_.pop_back();
    if (!statement.result.empty())
      content_.skip(file_, line, quoted(statement.result) + " follows endif");
  }

  void add(const Ranges& ranges, std::string_view result, uint32_t line) {
    Cursor cursor(result);
    const auto word = take_word(cursor);
    const auto note = content_.notes.number_of({.word = std::string(word),
                                                .text = std::string(cursor.rest()),
                                                .excluded = lets_pass(result, word)});
    for (const auto& range : ranges) content_.add(range, line, note);
  }

  const std::string& file_;
  ListContent& content_;
  std::vector<Scope> scopes_;  // the innermost `if` last; the first is everything
};

// Words that begin a result of access(5); with others, the text may be anything.
bool looks_like_result(std::string_view result) {
  Cursor cursor(result);
  const auto word = take_word(cursor);
  for (const auto known :
       {"OK", "RELAY", "DUNNO", "REJECT", "DISCARD", "DEFER", "HOLD", "FILTER", "PREPEND", "WARN",
        "INFO", "BCC", "REDIRECT", "DEFER_IF_REJECT", "DEFER_IF_PERMIT"})
    if (same_word(word, known)) return true;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return same_word(word.substr(0, 7), "permit_") || same_word(word.substr(0, 7), "reject_") ||
         (word.size() == 3 && std::ranges::all_of(word, is_digit) && !cursor.at_end());
}

class PostfixCidrFormat final : public ListFormat {
 public:
  std::string_view name() const noexcept override { return "postfix-cidr"; }
  std::string_view title() const noexcept override {
    return "Postfix cidr_table, pattern and result, the first match counts";
  }

  Fit fit(std::string_view text) const override {
    Fit fit;
    Rules rules(text);
    for (Rule rule; rules.next(rule); fit.lines++) {
      const auto statement = parse(rule.text);
      if (statement.verb == Verb::kEndif)
        fit.read++;
      else if (Prefix::parse(without_brackets(statement.pattern), Prefix::HostBits::kMask) &&
               (statement.verb == Verb::kIf || looks_like_result(statement.result)))
        fit.read++;
    }
    return fit;
  }

  ListContent read(std::string_view text, const ListSource& source) const override {
    ListContent content;
    content.expect(text.size() / 2);
    Reader(source.file, content).run(text);
    return content;
  }
};

}  // namespace

const ListFormat& postfix_cidr_format() {
  static const PostfixCidrFormat format;
  return format;
}

}  // namespace postern
