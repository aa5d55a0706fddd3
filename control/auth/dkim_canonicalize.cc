// SPDX-License-Identifier: BSD-3-Clause
//
// Canonicalization. Both body forms hold back line ends until text follows them, so that the empty
// lines at the end of the body vanish without anybody having to know where the end is.
#include "control/auth/dkim_canonicalize.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "control/dns/domain_name.h"

namespace postern::auth {
namespace {

constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

}  // namespace

// RFC 6376 §3.4.1, §3.4.2.
void canonicalize_field(std::string_view field, Canonicalization how, std::string& output) {
  if (how == Canonicalization::kSimple) {
    output += field;
    return;
  }
  const auto colon = std::min(field.find(':'), field.size());
  auto name = field.substr(0, colon);
  while (!name.empty() && is_blank(name.back())) name.remove_suffix(1);
  for (char c : name) output += dns::ascii_lower(c);
  if (colon == field.size()) return;
  output += ':';
  const size_t value_start = output.size();
  bool blank = false;
  for (size_t i = colon + 1; i < field.size(); i++) {
    const char c = field[i];
    if (is_blank(c)) {
      blank = true;
      continue;
    }
    // Unfolding takes the line end away; the blank that follows it stays.
    if (c == '\r' && i + 1 < field.size() && field[i + 1] == '\n') {
      i++;
      continue;
    }
    if (blank && output.size() > value_start) output += ' ';
    blank = false;
    output += c;
  }
}

BodyCanonicalizer::BodyCanonicalizer(Canonicalization how, Sink sink)
    : how_(how), sink_(std::move(sink)) {}

void BodyCanonicalizer::flush() {
  if (filled_ == 0) return;
  length_ += filled_;
  sink_(std::string_view(buffer_.data(), filled_));
  filled_ = 0;
}

void BodyCanonicalizer::put(char c) {
  if (filled_ == buffer_.size()) flush();
  buffer_[filled_++] = c;
}

void BodyCanonicalizer::put(std::string_view bytes) {
  if (bytes.size() >= buffer_.size()) {
    flush();
    length_ += bytes.size();
    sink_(bytes);
    return;
  }
  if (bytes.size() > buffer_.size() - filled_) flush();
  std::memcpy(buffer_.data() + filled_, bytes.data(), bytes.size());
  filled_ += bytes.size();
}

void BodyCanonicalizer::begin_text() {
  for (; held_line_ends_ > 0; held_line_ends_--) put("\r\n");
  if (held_blank_) put(' ');
  held_blank_ = false;
  if (held_cr_) put('\r');
  held_cr_ = false;
}

void BodyCanonicalizer::update(std::string_view bytes) {
  if (how_ == Canonicalization::kSimple) {
    update_simple(bytes);
  } else {
    update_relaxed(bytes);
  }
  flush();
}

void BodyCanonicalizer::update_simple(std::string_view bytes) {
  while (!bytes.empty()) {
    if (bytes.front() == '\n' && held_cr_) {
      held_cr_ = false;
      held_line_ends_++;
      bytes.remove_prefix(1);
    } else if (bytes.front() == '\r') {
      if (held_cr_) begin_text();
      held_cr_ = true;
      bytes.remove_prefix(1);
    } else {
      begin_text();
      const auto text = bytes.substr(0, bytes.find('\r'));
      put(text);
      bytes.remove_prefix(text.size());
    }
  }
}

void BodyCanonicalizer::update_relaxed(std::string_view bytes) {
  for (char c : bytes) {
    if (c == '\n' && held_cr_) {
      held_cr_ = false;
      held_blank_ = false;
      held_line_ends_++;
    } else if (c == '\r') {
      if (held_cr_) begin_text();
      held_cr_ = true;
    } else if (is_blank(c)) {
      if (held_cr_) begin_text();
      held_blank_ = true;
    } else {
      if (held_cr_ || held_blank_ || held_line_ends_ != 0) begin_text();
      put(c);
    }
  }
}

void BodyCanonicalizer::finish() {
  if (held_cr_) begin_text();
  // One line end closes whatever there was; an empty body is CRLF when simple, nothing when
  // relaxed.
  if (length_ + filled_ != 0 || how_ == Canonicalization::kSimple) put("\r\n");
  held_line_ends_ = 0;
  held_blank_ = false;
  flush();
}

}  // namespace postern::auth
