// SPDX-License-Identifier: BSD-3-Clause
//
// The header of a message (RFC 5322 §2.2), taken from a stream and split into its fields. The
// octets are kept as they came, because signatures cover them; the body is never seen here.
// Bounded: a header over kMaxHeaderLength octets or kMaxHeaderFields fields is cut off there and
// says so, and whoever verifies then refuses to.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace postern::auth {

constexpr size_t kMaxHeaderLength = 256 * 1024;
constexpr size_t kMaxHeaderFields = 2000;

// Views into the Header that made it. A line that has no colon, or no name before it, is a field
// with an empty name: it is there, but nothing can refer to it.
struct HeaderField {
  std::string_view raw;   // name, colon, body with its folding; without the final CRLF
  std::string_view name;  // as written, without blanks behind it (RFC 5322 §4.5.8)
  std::string_view body;  // all behind the colon
};

// Splits a whole header. Fields end at a CRLF that no blank or tab follows; a bare CR or LF is an
// octet like any other.
std::vector<HeaderField> split_header_fields(std::string_view header);

bool has_name(const HeaderField& field, std::string_view name) noexcept;  // any case

class HeaderReader {
 public:
  // Takes octets until the empty line that ends the header, that line included; returns how many.
  // Fewer than given: the rest is body.
  size_t update(std::string_view bytes);
  // At the end of the message at the latest; once. No update() after it.
  void finish();

  bool at_body() const noexcept { return at_body_; }
  bool overflowed() const noexcept { return overflowed_; }
  // After finish(); in the order of the message. Valid as long as this object is not moved.
  const std::vector<HeaderField>& fields() const noexcept { return fields_; }

 private:
  std::string bytes_;
  std::vector<HeaderField> fields_;
  unsigned line_end_ = 2;  // how much of CRLF CRLF was seen last; the start counts as a line end
  bool at_body_ = false;
  bool overflowed_ = false;
};

}  // namespace postern::auth
