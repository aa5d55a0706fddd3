// SPDX-License-Identifier: BSD-3-Clause
//
// Reply: one SMTP reply (RFC 5321 §4.2), ours or the farm's, and ReplyReader, which reads replies
// from bytes cut anywhere. The texts of a reply that was read are safe to hand on: one line each,
// printable ASCII. A peer whose replies are longer than kMaxLine or kMaxLines is taken as broken.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::smtp {

struct Reply {
  int code = 0;                    // 200..599
  std::vector<std::string> lines;  // the texts without code and separator; at least one

  bool positive() const noexcept { return code >= 200 && code < 300; }
  bool intermediate() const noexcept { return code >= 300 && code < 400; }
  bool transient() const noexcept { return code >= 400 && code < 500; }
  bool permanent() const noexcept { return code >= 500 && code < 600; }
  // As it goes over the wire, every line with its CRLF.
  std::string wire() const;
  // "550 5.1.1 no such user"; the lines of a longer one joined by " / ".
  std::string one_line() const;
};

// text may hold newlines; each begins a line of its own, with the same enhanced code (RFC 2034 §3).
// enhanced may be empty (greetings, HELO, 354). Bytes that a reply cannot carry become '?'.
Reply make_reply(int code, std::string_view enhanced, std::string_view text);

class ReplyReader {
 public:
  static constexpr size_t kMaxLine = 2048;
  static constexpr size_t kMaxLines = 128;

  void receive(std::string_view bytes);
  // The oldest complete reply, taken out. nullopt: more bytes are needed, or the peer is broken.
  std::optional<Reply> next();
  // What came cannot be a reply. Final.
  bool broken() const noexcept { return broken_; }
  // Bytes are there that no reply has been made of yet.
  bool holds_bytes() const noexcept { return !input_.empty() || !partial_.lines.empty(); }
  // So do they.
  bool begins_with(std::string_view text) const noexcept { return input_.starts_with(text); }

 private:
  bool take_line(std::string_view line);  // true: the reply is complete

  std::string input_;
  Reply partial_;
  bool broken_ = false;
};

}  // namespace postern::smtp
