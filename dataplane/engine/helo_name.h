// SPDX-License-Identifier: BSD-3-Clause
//
// The name that a client says of itself: what follows HELO or EHLO (RFC 5321 section 4.1.1.1), up
// to the end of the line, or of the segment where the line goes on in another.
#pragma once

#include <string_view>

namespace postern {

// payload: begins with one of the two words, in any case. Empty when there is no name.
constexpr std::string_view helo_name(std::string_view payload) noexcept {
  constexpr std::string_view kBlanks = " \t";
  auto name = payload.substr(0, payload.find_first_of("\r\n"));
  name.remove_prefix(name.size() < 4 ? name.size() : 4);
  const auto first = name.find_first_not_of(kBlanks);
  if (first == 0 || first == std::string_view::npos) return {};  // another word, or nothing
  return name.substr(first, name.find_last_not_of(kBlanks) + 1 - first);
}

}  // namespace postern
