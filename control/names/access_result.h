// SPDX-License-Identifier: BSD-3-Clause
//
// AccessResult: what a result of a Postfix access table (access(5), "Actions") says about the name
// that it was found by. Postfix acts on it; here it is only evidence.
#pragma once

#include <cstdint>
#include <string_view>

namespace postern::names {

enum class AccessResult : uint8_t {
  // DUNNO: the search in this table ends, and nothing is known. So it is with what only says where
  // mail goes (FILTER, REDIRECT) and with words that are none of access(5), as classes of
  // restrictions are that a site names as it likes.
  kNothing,
  kPass,     // OK, RELAY, digits only, permit…: the site vouches for the name
  kMark,     // PREPEND, WARN, INFO, BCC: noted, and mail goes on
  kAgainst,  // REJECT…, 4NN, 5NN, DEFER…, DISCARD, HOLD
};

// result: as the table has it, after substitution. Words in any case, as in Postfix.
AccessResult access_result(std::string_view result) noexcept;

}  // namespace postern::names
