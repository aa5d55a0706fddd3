// SPDX-License-Identifier: BSD-3-Clause
//
// Finding what a policy declares by its name. Linear: a policy has at most PS_MAX_LISTS lists.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/policy/policy.h"

namespace postern {

// Indices into Policy::lists and Policy::services.
std::optional<size_t> list_named(const Policy& policy, std::string_view name);
std::optional<size_t> service_named(const Policy& policy, std::string_view name);
// Those whose every entry is in the category.
std::vector<size_t> lists_in_category(const Policy& policy, std::string_view category);
// And those of which a map may put entries into it.
std::vector<size_t> lists_with_category(const Policy& policy, std::string_view category);

// A file that is named at a place of the policy: a relative one is beside the file it stands in.
std::string path_at(const Policy& policy, const PolicyPlace& place, const std::string& file);
std::string path_of(const Policy& policy, const ListDeclaration& list);

// How a message at `here` names another place: "line 3", or "other.policy:3".
std::string place_beside(const Policy& policy, const PolicyPlace& other, const PolicyPlace& here);

// What is known of a list before its file is read: only `format domains` says that it has domains.
inline bool has_only_domains(const ListDeclaration& list) {
  return list.format == "domains";
}
// An undeclared format may turn out to be domains.
inline bool may_have_domains(const ListDeclaration& list) {
  return list.format.empty() || has_only_domains(list);
}

}  // namespace postern
