// SPDX-License-Identifier: BSD-3-Clause
//
// The reader, after Postfix's readllines(3) and dict_pcre(3): a line that begins with a blank
// continues the one before, as it stands; blank lines and comments between them do not end it; a
// delimiter is the first character of a pattern, whatever it is.
#include "control/names/pcre_table.h"

#include <algorithm>
#include <utility>

#include "rules/lists/list_lines.h"
#include "rules/text/compressed.h"
#include "rules/text/cursor.h"
#include "rules/text/file_text.h"
#include "rules/text/quoted.h"
#include "rules/text/words.h"

namespace postern::names {
namespace {

bool is_alphanumeric(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// Where its bytes stand in the file.
class LogicalLine {
 public:
  const std::string& text() const noexcept { return text_; }
  bool empty() const noexcept { return text_.empty(); }
  uint32_t number() const noexcept { return pieces_.front().number; }

  void clear() {
    text_.clear();
    pieces_.clear();
  }
  void append(std::string_view line, uint32_t number) {
    pieces_.push_back({text_.size(), number, line});
    text_ += line;
  }
  void end() { text_.erase(trimmed_length()); }

  // offset: in text(), at most its length.
  Diagnostic complaint(const std::string& file, size_t offset, std::string message) const {
    auto piece = pieces_.begin();
    while (piece + 1 != pieces_.end() && (piece + 1)->offset <= offset) ++piece;
    const auto column = std::min(offset - piece->offset, piece->line.size());
    return {.file = file,
            .line = piece->number,
            .column = static_cast<uint32_t>(column) + 1,
            .message = std::move(message),
            .source = std::string(piece->line)};
  }

 private:
  struct Piece {
    size_t offset;
    uint32_t number;
    std::string_view line;
  };
  size_t trimmed_length() const noexcept {
    size_t length = text_.size();
    while (length > 0 && is_blank(text_[length - 1])) length--;
    return length;
  }

  std::string text_;
  std::vector<Piece> pieces_;  // at least one, unless empty
};

class LogicalLines {
 public:
  explicit LogicalLines(std::string_view text) : cursor_(text) { cursor_.accept(kByteOrderMark); }

  // False at the end. A line that continues none comes by itself, with its blank.
  bool next(LogicalLine& logical) {
    logical.clear();
    while (!cursor_.at_end()) {
      const auto before = cursor_;
      const auto line = cursor_.take_until('\n');
      const auto words = trimmed(line);
      const bool says_nothing = words.empty() || words.starts_with('#');
      if (!says_nothing && !logical.empty() && !is_blank(line.front())) {
        cursor_ = before;
        break;
      }
      number_++;
      if (!says_nothing) logical.append(line, number_);
    }
    if (!logical.empty()) logical.end();
    return !logical.empty();
  }

 private:
  Cursor cursor_;
  uint32_t number_ = 0;
};

// What is wrong, and where in the logical line.
struct Mistake {
  size_t offset;
  std::string message;
};

struct ReadPattern {
  PcrePattern pattern;
  bool negated = false;
  bool obsolete_flag = false;
  size_t place = 0;  // of the expression
};

// `!`, the pattern between delimiters, and its flags; past the blanks behind them.
ReadPattern take_pattern(Cursor& cursor) {
  ReadPattern read;
  while (cursor.peek() == '!' || is_blank(cursor.peek()))
    if (cursor.take() == '!') read.negated = !read.negated;
  const size_t start = cursor.position();
  if (cursor.at_end()) throw Mistake{start, "there is no pattern"};
  const char delimiter = cursor.take();
  read.place = cursor.position();
  bool closed = false;
  while (!cursor.at_end() && !closed) {
    const char c = cursor.take();
    closed = c == delimiter && c != '\\';
    if (closed) break;
    read.pattern.expression += c;
    if (c == '\\' && !cursor.at_end()) read.pattern.expression += cursor.take();
  }
  if (!closed) throw Mistake{start, "the pattern has no closing " + quoted({&delimiter, 1})};
  while (!cursor.at_end() && !is_blank(cursor.peek())) {
    const size_t place = cursor.position();
    const char letter = cursor.take();
    if (!read.pattern.flags.toggle(letter))
      throw Mistake{place, quoted({&letter, 1}) + " is no flag: i, m, s, x, A, E, U"};
    read.obsolete_flag |= letter == 'X';
  }
  cursor.take_while(is_blank);
  return read;
}

CompiledPattern compiled(const ReadPattern& read) {
  try {
    return CompiledPattern(read.pattern);
  } catch (const NotAPattern& error) {
    throw Mistake{read.place + error.offset(), error.what()};
  }
}

ResultText result_of(std::string_view text, size_t place) {
  try {
    return ResultText(text);
  } catch (const BadResultText& error) {
    throw Mistake{place + error.offset(), error.what()};
  }
}

class Reader {
 public:
  explicit Reader(std::string file) { table_.file = std::move(file); }

  PcreTable run(std::string_view text) {
    LogicalLines lines(text);
    while (errors_.size() < PcreTable::kMaxErrors && lines.next(line_)) {
      try {
        read();
      } catch (const Mistake& mistake) {
        errors_.push_back(line_.complaint(table_.file, mistake.offset, mistake.message));
      }
    }
    if (errors_.empty())
      for (const auto& open : open_)
        errors_.push_back({.file = table_.file,
                           .line = open.line,
                           .column = 1,
                           .message = "this if has no endif; is the file truncated?",
                           .source = open.source});
    if (!errors_.empty()) throw BadInput(std::move(errors_));
    return std::move(table_);
  }

 private:
  struct Open {
    std::optional<uint32_t> condition;  // nullopt: it was a mistake
    uint32_t line;
    std::string source;
  };

  void read() {
    const std::string_view text = line_.text();
    if (const auto nul = text.find('\0'); nul != std::string_view::npos)
      throw Mistake{nul, "a NUL byte"};
    if (text.size() > PcreTable::kMaxLine)
      throw Mistake{0, "longer than " + std::to_string(PcreTable::kMaxLine) + " bytes"};
    if (is_blank(text.front())) throw Mistake{0, "begins with a blank, but continues no line"};
    Cursor cursor(text);
    if (!is_alphanumeric(text.front())) return read_rule(cursor);
    const auto word = cursor.take_while(is_alphanumeric);
    if (same_word(word, "if")) return read_if(cursor);
    if (same_word(word, "endif")) return read_endif(cursor);
    throw Mistake{0, quoted(word) + " is neither a pattern nor if or endif"};
  }

  void read_rule(Cursor& cursor) {
    auto read = take_pattern(cursor);
    if (cursor.at_end()) throw Mistake{cursor.position(), "the pattern has no result"};
    const size_t place = cursor.position();
    auto result = result_of(cursor.rest(), place);
    const size_t largest = place + result.place_of_largest();
    if (result.groups() > 0 && read.negated)
      throw Mistake{largest, "a pattern with ! matches nothing that $ could stand for"};
    if (const auto groups = compiled(read).groups(); result.groups() > groups)
      throw Mistake{largest, "$" + std::to_string(result.groups()) +
                                 " is out of range: the pattern has " + std::to_string(groups) +
                                 " groups"};
    warn_of(read);
    count();
    table_.rules.push_back(
        {std::move(read.pattern), read.negated, std::move(result), line_.number(), within()});
  }

  void read_if(Cursor& cursor) {
    // Open whatever is wrong with it, so that one mistake is one error.
    open_.push_back({std::nullopt, line_.number(), line_.text()});
    if (open_.size() > PcreTable::kMaxDepth)
      throw Mistake{0, "if is nested more than " + std::to_string(PcreTable::kMaxDepth) + " times"};
    auto read = take_pattern(cursor);
    if (!cursor.at_end())
      throw Mistake{cursor.position(),
                    quoted(cursor.rest()) +
                        " follows the pattern of an if; lines inside it begin without a blank"};
    compiled(read);
    warn_of(read);
    count();
    const auto outer = open_.size() < 2 ? std::nullopt : open_[open_.size() - 2].condition;
    open_.back().condition = static_cast<uint32_t>(table_.conditions.size());
    table_.conditions.push_back({std::move(read.pattern), read.negated, line_.number(), outer});
  }

  void read_endif(Cursor& cursor) {
    if (open_.empty()) throw Mistake{0, "this endif has no if"};
    open_.pop_back();
    cursor.take_while(is_blank);
    if (!cursor.at_end())
      throw Mistake{cursor.position(), quoted(cursor.rest()) + " follows endif"};
  }

  std::optional<uint32_t> within() const {
    return open_.empty() ? std::nullopt : open_.back().condition;
  }

  void warn_of(const ReadPattern& read) {
    if (read.obsolete_flag)
      table_.warnings.push_back(
          line_.complaint(table_.file, 0, "the flag X does nothing: PCRE2 is always so strict"));
  }

  void count() const {
    if (table_.rules.size() + table_.conditions.size() >= PcreTable::kMaxRules)
      throw Mistake{0, "more than " + std::to_string(PcreTable::kMaxRules) + " patterns"};
  }

  PcreTable table_;
  LogicalLine line_;
  std::vector<Open> open_;  // the innermost `if` last
  std::vector<Diagnostic> errors_;
};

}  // namespace

PcreTable PcreTable::parse(std::string_view text, std::string file) {
  return Reader(std::move(file)).run(text);
}

PcreTable PcreTable::load(const std::string& path) {
  return parse(uncompressed(read_file_text(path, kMaxBytes).text, path, kMaxBytes), path);
}

}  // namespace postern::names
