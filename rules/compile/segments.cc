// SPDX-License-Identifier: BSD-3-Clause
//
// Numbers for sets of owners (rules/compile/segments.h).
#include "rules/compile/segments.h"

#include <xxhash.h>

namespace postern {

std::optional<uint32_t> OwnerSets::number_of(const std::vector<uint32_t>& members) {
  if (members.empty()) return 0;
  const uint64_t hash = XXH3_64bits(members.data(), members.size() * sizeof members[0]);
  const auto [begin, end] = numbers_.equal_range(hash);
  for (auto it = begin; it != end; ++it)
    if (sets_[it->second] == members) return it->second;
  if (sets_.size() == max_sets_) return std::nullopt;
  const auto number = static_cast<uint32_t>(sets_.size());
  sets_.push_back(members);
  numbers_.emplace(hash, number);
  return number;
}

}  // namespace postern
