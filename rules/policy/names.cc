// SPDX-License-Identifier: BSD-3-Clause
//
// Finding what a policy declares by its name (rules/policy/names.h).
#include "rules/policy/names.h"

#include <algorithm>

namespace postern {
namespace {

template <typename Declared>
std::optional<size_t> index_of(const std::vector<Declared>& all, std::string_view name) {
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const Declared& declared) { return declared.name == name; });
  if (found == all.end()) return std::nullopt;
  return static_cast<size_t>(found - all.begin());
}

}  // namespace

std::optional<size_t> list_named(const Policy& policy, std::string_view name) {
  return index_of(policy.lists, name);
}

std::optional<size_t> service_named(const Policy& policy, std::string_view name) {
  return index_of(policy.services, name);
}

std::vector<size_t> lists_in_category(const Policy& policy, std::string_view category) {
  std::vector<size_t> lists;
  for (size_t i = 0; i < policy.lists.size(); i++)
    if (policy.lists[i].category == category) lists.push_back(i);
  return lists;
}

}  // namespace postern
