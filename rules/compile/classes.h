// SPDX-License-Identifier: BSD-3-Clause
//
// Classes: which stretches of addresses are in which exact set of lists. Being protected counts as
// one list more, with the number protect_owner; expired lists count for nothing.
#pragma once

#include <cstdint>
#include <vector>

#include "rules/compile/load_lists.h"
#include "rules/compile/segments.h"
#include "rules/policy/policy.h"

namespace postern {

// One line of one list, as numbers.
template <typename Key>
struct SourceEntry {
  Key first, last;  // both included
  uint32_t list, line;

  auto operator<=>(const SourceEntry&) const = default;
};

template <typename Key>
struct FamilyClasses {
  std::vector<SourceEntry<Key>> entries;  // of all lists, expired ones too, sorted
  std::vector<Segment<Key>> segments;     // value: the class
};

struct Classes {
  FamilyClasses<KeyV4> v4;
  FamilyClasses<KeyV6> v6;
  // Per class, ascending: lists, and protect_owner last. Class 0 has none.
  std::vector<std::vector<uint32_t>> members;
  uint32_t protect_owner = 0;  // the number of lists
};

// Throws BadInput beyond PS_MAX_CLASSES or kMaxEntries.
Classes assign_classes(const Policy& policy, const std::vector<LoadedList>& lists);

inline constexpr size_t kMaxEntries = size_t{1} << 26;

}  // namespace postern
