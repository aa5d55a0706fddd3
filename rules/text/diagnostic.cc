// SPDX-License-Identifier: BSD-3-Clause
//
// How a Diagnostic looks (rules/text/diagnostic.h). What is shown of the input is made safe for a
// terminal: control bytes become '?', long lines are cut around the place of the error.
#include "rules/text/diagnostic.h"

#include <algorithm>

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

// Tabs are kept, so that the caret beneath lines up however wide the terminal shows them.
char shown(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t') || byte == 0x7f ? '?' : c;
}

void append_with_caret(std::string& text, std::string_view line, size_t column) {
  size_t start = 0;
  if (column > kShownWidth) start = column - kShownWidth / 2;
  const auto visible = line.substr(std::min(start, line.size()), kShownWidth);

  text += "\n  ";
  std::transform(visible.begin(), visible.end(), std::back_inserter(text), shown);
  if (column == 0) return;
  text += "\n  ";
  const size_t before = column - 1 - start;
  for (size_t i = 0; i < before; i++) {
    const char above = i < visible.size() ? visible[i] : ' ';
    if ((static_cast<unsigned char>(above) & 0xc0) == 0x80) continue;  // inside a UTF-8 character
    text += above == '\t' ? '\t' : ' ';
  }
  text += '^';
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
