// SPDX-License-Identifier: BSD-3-Clause
//
// DataReader: the message text behind DATA (RFC 5321 §4.1.1.4, §4.5.2) or in chunks of BDAT (RFC
// 3030), from bytes cut anywhere. Behind DATA it takes the dots off, and ends at CRLF.CRLF and at
// nothing else: a line end that is a bare CR or a bare LF never begins a line, so that no other
// reading of the same bytes can hide a message in this one ("SMTP smuggling"). Such bytes are
// noted, and with kNormalise made CRLF; the text is still read to its real end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace postern::smtp {

enum class Framing : uint8_t { kDots, kChunks };  // DATA, BDAT

// What a message's text is like, for who hands it on.
struct TextShape {
  Framing framing = Framing::kDots;
  bool ends_in_line = true;  // with CRLF; else only BDAT carries it unaltered
};

// What becomes of a CR or an LF that stands alone.
enum class BareLineEnds : uint8_t {
  kRefuse,    // the message is refused at its end
  kNormalise  // it is taken as a line end and goes to the farm as CRLF
};

class DataReader {
 public:
  // max_line: octets of a line with its CRLF.
  DataReader(Framing framing, BareLineEnds bare, size_t max_line)
      : framing_(framing), bare_(bare), max_line_(max_line) {
    if (framing == Framing::kChunks) state_ = State::kText;
  }

  // Appends the text to `text`, without the dots that were added. Returns how many bytes were
  // taken: all of them, or up to and including the end of the message.
  size_t consume(std::string_view bytes, std::string& text);
  // kChunks: the last chunk has been consumed.
  void finish(std::string& text);

  bool done() const noexcept { return done_; }
  bool bare_line_end() const noexcept { return bare_line_end_; }
  bool line_too_long() const noexcept { return line_too_long_; }
  // What came so far ends with CRLF, or is nothing: it can be sent with DATA without altering it.
  bool ends_in_line() const noexcept { return line_length_ == 0; }

 private:
  enum class State : uint8_t { kLineStart, kText, kCr, kDot, kDotCr };
  void step(char c, std::string& text);
  void end_line(std::string& text);
  void bare(char c, std::string& text);

  Framing framing_;
  BareLineEnds bare_;
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
