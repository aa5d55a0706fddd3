// SPDX-License-Identifier: BSD-3-Clause
//
// A Diagnostic is one complaint about one place in one input: `file:line:col: message`, and where
// the text of the line is known, the line and a caret beneath it. Every reader of what people wrote
// reports through this, and nothing else, so that every error looks the same.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace postern {

struct Diagnostic {
  std::string file = {};
  uint32_t line = 0;    // 1-based; 0: the file as a whole
  uint32_t column = 0;  // 1-based, in bytes; 0: the line as a whole
  std::string message = {};
  std::string source = {};  // the text of the line, when a caret is wanted

  // "file:line:col: message", then the line and the caret when source is set. No final newline.
  std::string to_string() const;
};

// An input that is refused whole.
class BadInput : public std::runtime_error {
 public:
  explicit BadInput(Diagnostic diagnostic);
  explicit BadInput(std::vector<Diagnostic> diagnostics);  // at least one
  const std::vector<Diagnostic>& diagnostics() const noexcept { return diagnostics_; }

 private:
  std::vector<Diagnostic> diagnostics_;
};

}  // namespace postern
