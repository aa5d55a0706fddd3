// SPDX-License-Identifier: BSD-3-Clause
//
// auto-submitted-field = "no" / "auto-generated" / "auto-replied" / extension, then parameters,
// with comments and blanks anywhere between (RFC 3834 §5.1).
#include "control/learning/trap_hit.h"

#include "rules/text/words.h"

namespace postern::learning {
namespace {

bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// Blanks and comments, which may hold others; a comment that does not end takes all.
std::string_view skip_comments(std::string_view text) noexcept {
  int depth = 0;
  while (!text.empty() && (depth > 0 || is_blank(text.front()) || text.front() == '(')) {
    const char c = text.front();
    text.remove_prefix(c == '\\' && text.size() > 1 ? 2 : 1);
    depth += c == '(';
    depth -= c == ')' && depth > 0;
  }
  return text;
}

}  // namespace

bool says_automatic(std::string_view field) noexcept {
  const size_t colon = field.find(':');
  if (colon == std::string_view::npos) return false;
  auto name = field.substr(0, colon);
  while (name.ends_with(' ') || name.ends_with('\t')) name.remove_suffix(1);
  if (!same_word(name, "auto-submitted")) return false;
  const auto body = skip_comments(field.substr(colon + 1));
  size_t length = 0;
  while (length < body.size() && !is_blank(body[length]) && body[length] != ';' &&
         body[length] != '(')
    length++;
  return !same_word(body.substr(0, length), "no");
}

}  // namespace postern::learning
