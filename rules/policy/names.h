// SPDX-License-Identifier: BSD-3-Clause
//
// Finding what a policy declares by its name. Linear: a policy has at most PS_MAX_LISTS lists.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "rules/policy/policy.h"

namespace postern {

// Indices into Policy::lists and Policy::services.
std::optional<size_t> list_named(const Policy& policy, std::string_view name);
std::optional<size_t> service_named(const Policy& policy, std::string_view name);
std::vector<size_t> lists_in_category(const Policy& policy, std::string_view category);

// What is known of a list before its file is read: only `format domains` says that it has domains.
inline bool has_only_domains(const ListDeclaration& list) {
  return list.format == "domains";
}
// An undeclared format may turn out to be domains.
inline bool may_have_domains(const ListDeclaration& list) {
  return list.format.empty() || has_only_domains(list);
}

}  // namespace postern
