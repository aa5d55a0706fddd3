// SPDX-License-Identifier: BSD-3-Clause
//
// Reading what stands under a list, on lines of its own: `map`, which makes sub-lists of entries
// with certain values, and `fetch`, which says where the file comes from. What a URL of fetch may
// be is narrow: https, one host, nothing that hides.
#pragma once

#include "rules/policy/policy.h"
#include "rules/policy/statement.h"

namespace postern {

inline constexpr size_t kMaxMapsPerList = 256;

// Behind `map`. Adds to the list; a map behind `map any` can never hold and is refused.
void read_map(Statement& statement, ListDeclaration& list);
// Behind `fetch`.
void read_fetch(Statement& statement, ListDeclaration& list);

// The host of an https: URL, in lower case; empty where the URL is none that fetch may name.
std::string host_of_url(std::string_view url);

}  // namespace postern
