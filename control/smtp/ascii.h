// SPDX-License-Identifier: BSD-3-Clause
//
// Octets as the grammars of SMTP and of mail name them (RFC 5234 appendix B.1).
#pragma once

namespace postern::smtp {

// WSP: a space or a tab.
constexpr bool is_wsp(char c) noexcept {
  return c == ' ' || c == '\t';
}
// VCHAR: printable ASCII that is no space.
constexpr bool is_vchar(char c) noexcept {
  return c > ' ' && c <= '~';
}
constexpr char upper(char c) noexcept {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
}

}  // namespace postern::smtp
