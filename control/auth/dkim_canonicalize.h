// SPDX-License-Identifier: BSD-3-Clause
//
// The canonical forms that DKIM signs (RFC 6376 §3.4): of a header field, which is there whole, and
// of the body, which streams through in pieces of any size and is never stored. Only CRLF ends a
// line, and only space and tab are blanks; a bare CR or LF is an octet like any other.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "control/auth/dkim_signature.h"

namespace postern::auth {

// field: a whole header field without its final CRLF, which the result does not have either.
// Appended to `output`, which saves the caller a copy.
void canonicalize_field(std::string_view field, Canonicalization how, std::string& output);

// The body in canonical form, passed on piece by piece.
class BodyCanonicalizer {
 public:
  using Sink = std::function<void(std::string_view)>;
  BodyCanonicalizer(Canonicalization how, Sink sink);

  void update(std::string_view bytes);
  void finish();  // once, after the last update()

  uint64_t length() const noexcept { return length_; }  // of the canonical form so far

 private:
  void update_simple(std::string_view bytes);
  void update_relaxed(std::string_view bytes);
  void begin_text();  // emits what was held back: this line is not the last empty one
  void put(char c);
  void put(std::string_view bytes);
  void flush();

  Canonicalization how_;
  Sink sink_;
  uint64_t held_line_ends_ = 0;  // they count only when text follows (§3.4.3, §3.4.4)
  bool held_cr_ = false;
  bool held_blank_ = false;  // relaxed: a run of blanks, dropped before a line end
  uint64_t length_ = 0;
  size_t filled_ = 0;
  std::array<char, 4096> buffer_;
};

}  // namespace postern::auth
