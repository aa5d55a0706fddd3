// SPDX-License-Identifier: BSD-3-Clause
//
// How a Diagnostic looks (rules/text/diagnostic.h). What is shown of the input is made safe for a
// terminal: what is not to be seen becomes '?', long lines are cut around the place of the error.
#include "rules/text/diagnostic.h"

#include <algorithm>

#include "rules/text/utf8.h"

namespace postern {
namespace {

constexpr size_t kShownWidth = 160;

std::string joined(const std::vector<Diagnostic>& diagnostics) {
  std::string text;
  for (const auto& diagnostic : diagnostics) {
    if (!text.empty()) text += '\n';
    text += diagnostic.to_string();
  }
  return text;
}

// Two lines in step: the one at fault, and blanks beneath it up to the caret. Tabs are kept, so
// that the caret lines up however wide the terminal shows them.
void append_with_caret(std::string& text, std::string_view line, size_t column) {
  size_t start = 0;
  if (column > kShownWidth) start = column - kShownWidth / 2;
  const auto visible = line.substr(std::min(start, line.size()), kShownWidth);
  const size_t before = column == 0 ? 0 : column - 1 - start;

  std::string shown, blanks;
  for (size_t at = 0; at < visible.size();) {
    const size_t length = shown_sequence(visible.substr(at));
    const bool tab = visible[at] == '\t';
    if (length > 0)
      shown += visible.substr(at, length);
    else
      shown += tab ? '\t' : '?';
    at += std::max<size_t>(1, length);
    if (at <= before) blanks += tab ? '\t' : ' ';
  }
  if (before > visible.size()) blanks.append(before - visible.size(), ' ');
  text += "\n  " + shown;
  if (column > 0) text += "\n  " + blanks + '^';
}

}  // namespace

std::string Diagnostic::to_string() const {
  std::string text = file;
  if (line > 0) text += ':' + std::to_string(line);
  if (line > 0 && column > 0) text += ':' + std::to_string(column);
  text += ": ";
  text += message;
  if (!source.empty()) append_with_caret(text, source, column);
  return text;
}

BadInput::BadInput(Diagnostic diagnostic)
    : BadInput(std::vector<Diagnostic>{std::move(diagnostic)}) {}

BadInput::BadInput(std::vector<Diagnostic> diagnostics)
    : std::runtime_error(joined(diagnostics)), diagnostics_(std::move(diagnostics)) {}

}  // namespace postern
