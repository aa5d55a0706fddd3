// SPDX-License-Identifier: BSD-3-Clause
//
// Guards against list files that cannot be meant: what a failed download, a redirect to a login
// page or a typing error leaves behind. Each says why a file is refused, or nothing. A refused file
// is refused whole; rules/compile/load_lists.h decides what takes its place. Exclusions are looked
// past: a list is judged by what it would list without them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "rules/lists/list_content.h"
#include "rules/policy/policy.h"

namespace postern {

// Empty, HTML or binary.
std::optional<std::string> why_not_a_list(std::string_view text);
// Nothing usable in it, or everyone is.
std::optional<std::string> why_not_meant(const ListContent& content);
// An entry larger than the declaration's max-range.
std::optional<std::string> why_not_so_large(const ListContent& content,
                                            const ListDeclaration& declaration);
// More of the space of IPv4, or of the unicast space of IPv6 (2000::/3), than max_share (0.01: one
// per cent).
std::optional<std::string> why_not_so_much(const ListContent& content, double max_share);
// More than max_change (0.5: by half) away from what there was.
std::optional<std::string> why_not_this_size(uint64_t entries, uint64_t entries_before,
                                             double max_change);

}  // namespace postern
