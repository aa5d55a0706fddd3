// SPDX-License-Identifier: BSD-3-Clause
//
// Messages as they lie in files: with bare LF line ends where they had CRLF on the wire, and
// perhaps with the first line of an mbox ("From joe@example.org Mon ...") before them.
#pragma once

#include <string>
#include <string_view>

namespace postern::auth {

// Makes each LF that no CR precedes a CRLF, across the borders of pieces.
class WireLineEnds {
 public:
  // Valid until the next call.
  std::string_view convert(std::string_view piece);

 private:
  std::string converted_;
  char last_ = '\0';
};

// Does the text begin with one? "From : joe@example.org" is a field.
bool is_mbox_line(std::string_view text) noexcept;

}  // namespace postern::auth
