// SPDX-License-Identifier: BSD-3-Clause
//
// Which mail to a spamtrap counts against who sent it: not what a host sends to an address that
// somebody else made it believe in. Reports of failure have the null sender (RFC 5321 §4.5.5), and
// automatic replies say so in Auto-Submitted (RFC 3834 §5); both go to whoever was forged.
#pragma once

#include <string_view>

namespace postern::learning {

// field: a whole header field, "Name: body", folded or not. True where it is an Auto-Submitted that
// does not say "no": also where it says nothing that can be read.
bool says_automatic(std::string_view field) noexcept;

// sender: without brackets. automatic: any field says so.
inline bool trap_hit_counts(std::string_view sender, bool automatic) noexcept {
  return !sender.empty() && !automatic;
}

}  // namespace postern::learning
