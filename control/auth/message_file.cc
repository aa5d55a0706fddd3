// SPDX-License-Identifier: BSD-3-Clause
//
// What makes a file a message as it was on the wire.
#include "control/auth/message_file.h"

namespace postern::auth {

std::string_view WireLineEnds::convert(std::string_view piece) {
  converted_.clear();
  for (char c : piece) {
    if (c == '\n' && last_ != '\r') converted_ += '\r';
    converted_ += c;
    last_ = c;
  }
  return converted_;
}

bool is_mbox_line(std::string_view text) noexcept {
  constexpr std::string_view kMboxLine = "From ";
  if (!text.starts_with(kMboxLine)) return false;
  const auto word = text.find_first_not_of(" \t", kMboxLine.size());
  return word != std::string_view::npos && text[word] != ':';
}

}  // namespace postern::auth
