// SPDX-License-Identifier: BSD-3-Clause
//
// Walking over the rows of a CSV text (rules/lists/csv_rows.h).
#include "rules/lists/csv_rows.h"

#include <algorithm>

#include "rules/lists/list_lines.h"

namespace postern {
namespace {

char delimiter_of(std::string_view header) {
  bool quoted = false;
  for (const char c : header) {
    if (c == '"') quoted = !quoted;
    if (!quoted && (c == ',' || c == ';' || c == '\t')) return c;
  }
  return ',';
}

}  // namespace

CsvRows::CsvRows(std::string_view text) : cursor_(text) {
  cursor_.accept(kByteOrderMark);
  ListLines lines(text, Comments::kHashLines);
  if (lines.next()) delimiter_ = delimiter_of(lines.text());
}

bool CsvRows::next() {
  for (; !cursor_.at_end(); line_++) {
    auto line = cursor_;
    const auto text = trimmed(line.take_until('\n'));
    if (!text.empty() && text.front() != '#') break;
    cursor_ = line;
  }
  fields_.clear();
  unclosed_ = misquoted_ = false;
  if (cursor_.at_end()) return false;
  number_ = line_;
  do take_field();
  while (fields_.size() <= kMaxFields && cursor_.accept(delimiter_));
  cursor_.take_until('\n');
  line_++;
  return true;
}

// Leaves the cursor at the delimiter or the end of the line.
void CsvRows::take_field() {
  const auto ends = [this](char c) { return c == delimiter_ || c == '\n'; };
  auto start = cursor_;
  start.take_while([this](char c) { return c != delimiter_ && (c == ' ' || c == '\t'); });
  if (start.peek() != '"') {
    fields_.emplace_back(trimmed(cursor_.take_while([&](char c) { return !ends(c); })));
    return;
  }
  cursor_ = start;
  fields_.push_back(take_quoted());
  if (!trimmed(cursor_.take_while([&](char c) { return !ends(c); })).empty()) misquoted_ = true;
}

std::string CsvRows::take_quoted() {
  std::string field;
  cursor_.expect("\"");
  while (!cursor_.at_end()) {
    const auto part = cursor_.take_while([](char c) { return c != '"'; });
    line_ += static_cast<uint32_t>(std::count(part.begin(), part.end(), '\n'));
    field += part;
    if (!cursor_.accept('"')) break;
    if (!cursor_.accept('"')) return field;
    field += '"';
  }
  unclosed_ = true;
  return field;
}

}  // namespace postern
