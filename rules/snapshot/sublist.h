// SPDX-License-Identifier: BSD-3-Clause
//
// SubList: what classes are sets of. A list falls into sub-lists: entries that a `map` of the
// policy takes have a category and a weight of their own, and entries with an expiry leave hour by
// hour. So whatever can come and go, or be judged by itself, is one number that the matrix knows,
// and nothing expires by compiling again. An hour is rounded up: an entry may stay up to an hour
// longer than it says, and never leaves before.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "rules/lists/list_content.h"
#include "rules/policy/policy.h"

namespace postern {

struct SubList {
  uint32_t list = 0;                 // index into Policy::lists
  std::optional<uint32_t> map = {};  // index into ListDeclaration::maps; unset: the list itself
  std::string category = {};         // empty: none
  int weight = kDefaultWeight;
  int64_t expires_at = kNeverExpires;  // Unix seconds; from then on it counts for nothing
  bool is_protected = false;           // by `protect list` or `protect category`

  bool counts_at(int64_t now) const noexcept { return now < expires_at; }
};

}  // namespace postern
