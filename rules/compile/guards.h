// SPDX-License-Identifier: BSD-3-Clause
//
// Guards against list files that cannot be meant: what a failed download, a redirect to a login
// page or a typing error leaves behind. Each says why a file is refused, or nothing. A refused file
// is refused whole; rules/compile/load_lists.h decides what takes its place.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "rules/lists/list_format.h"

namespace postern {

// Empty, HTML or binary.
std::optional<std::string> why_not_a_list(std::string_view text);
// Nothing usable in it, or a prefix of length 0.
std::optional<std::string> why_not_meant(const ListContent& content);
// More than max_change (0.5: by half) away from what there was.
std::optional<std::string> why_not_this_size(uint64_t entries, uint64_t entries_before,
                                             double max_change);

}  // namespace postern
