// SPDX-License-Identifier: BSD-3-Clause
//
// What the formats that have one prefix per line share: they differ only in how a comment begins.
// What stands in the comment behind a prefix is its text.
#pragma once

#include "rules/lists/list_lines.h"

namespace postern {

Fit fit_of_prefix_lines(std::string_view text, Comments comments);
ListContent read_prefix_lines(std::string_view text, Comments comments, const ListSource& source);

}  // namespace postern
