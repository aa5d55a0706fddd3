// SPDX-License-Identifier: BSD-3-Clause
//
// Finding what a policy declares by its name (rules/policy/names.h).
#include "rules/policy/names.h"

#include <algorithm>
#include <filesystem>

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
  for (size_t i = 0; i < policy.lists.size(); i++) {
    const auto& list = policy.lists[i];
    const bool moves = std::ranges::any_of(list.maps, [&](const ValueMap& map) {
      return map.ignored || (!map.category.empty() && map.category != category);
    });
    if (list.category == category && !moves) lists.push_back(i);
  }
  return lists;
}

std::vector<size_t> lists_with_category(const Policy& policy, std::string_view category) {
  std::vector<size_t> lists;
  for (size_t i = 0; i < policy.lists.size(); i++) {
    const auto& list = policy.lists[i];
    if (list.category == category || std::ranges::any_of(list.maps, [&](const ValueMap& map) {
          return map.category == category;
        }))
      lists.push_back(i);
  }
  return lists;
}

std::string path_at(const Policy& policy, const PolicyPlace& place, const std::string& file) {
  const std::filesystem::path path(file);
  if (path.is_absolute()) return file;
  return (std::filesystem::path(policy.file_of(place)).parent_path() / path).string();
}

std::string path_of(const Policy& policy, const ListDeclaration& list) {
  return path_at(policy, list.place, list.file);
}

std::string place_beside(const Policy& policy, const PolicyPlace& other, const PolicyPlace& here) {
  if (other.source == here.source) return "line " + std::to_string(other.line);
  return place_text(policy, other);
}

}  // namespace postern
