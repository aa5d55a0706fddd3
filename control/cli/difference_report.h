// SPDX-License-Identifier: BSD-3-Clause
//
// What diff and `apply --dry-run` say of a Difference, as text and as JSON.
#pragma once

#include <boost/json/object.hpp>
#include <ostream>

#include "rules/compile/difference.h"

namespace postern::cli {

// {"lists", "categories", "verdicts", "services_gained", "services_lost"}
boost::json::object difference_json(const Difference& difference);

// A table each for lists, categories and verdicts, of which only the largest changes are shown
// unless all are asked for; "nothing changes for any address or domain" where that is so.
void print_difference(std::ostream& out, const Difference& difference, bool all);

}  // namespace postern::cli
