// SPDX-License-Identifier: BSD-3-Clause
//
// DataReader: the message text behind DATA (RFC 5321 §4.1.1.4, §4.5.2), from bytes cut anywhere.
// Takes the dots off, and ends at CRLF.CRLF and at nothing else: a line end that is a bare CR or a
// bare LF never begins a line, so that no other reading of the same bytes can hide a message in
// this one ("SMTP smuggling"). Such bytes are noted; the text is still read to its real end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace postern::smtp {

class DataReader {
 public:
  // max_line: octets of a line with its CRLF.
  explicit DataReader(size_t max_line) : max_line_(max_line) {}

  // Appends the text to `text`, without the dots that were added. Returns how many bytes were
  // taken: all of them, or up to and including the end of the message.
  size_t consume(std::string_view bytes, std::string& text);

  bool done() const noexcept { return done_; }
  bool bare_line_end() const noexcept { return bare_line_end_; }
  bool line_too_long() const noexcept { return line_too_long_; }

 private:
  enum class State : uint8_t { kLineStart, kText, kCr, kDot, kDotCr };
  void step(char c, std::string& text);

  size_t max_line_;
  size_t line_length_ = 0;
  State state_ = State::kLineStart;
  bool done_ = false;
  bool bare_line_end_ = false;
  bool line_too_long_ = false;
};

// DotStuffer: the way out. Doubles a dot at the beginning of a line, at any cut of the bytes.
class DotStuffer {
 public:
  void update(std::string_view bytes, std::string& wire);
  // The end of the message: a CRLF where the last line lacks one, then ".CRLF".
  void finish(std::string& wire);

 private:
  enum class State : uint8_t { kLineStart, kText, kCr };
  State state_ = State::kLineStart;
};

}  // namespace postern::smtp
