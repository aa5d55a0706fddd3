// SPDX-License-Identifier: BSD-3-Clause
//
// Classes: which stretches of addresses are in which exact set of sub-lists. Being protected by a
// prefix counts as one sub-list more, with the number protect_owner. Sub-lists that have expired
// are there too: whether they count is for the matrix to say.
#pragma once

#include <compare>
#include <cstdint>
#include <vector>

#include "rules/compile/load_lists.h"
#include "rules/compile/segments.h"
#include "rules/compile/sublists.h"
#include "rules/policy/policy.h"

namespace postern {

// One line of one list, as numbers.
template <typename Key>
struct SourceEntry {
  Key first, last;  // both included
  uint32_t list, line;
  uint32_t note;  // index into the content's notes

  auto operator<=>(const SourceEntry&) const = default;
};

template <typename Key>
struct FamilyClasses {
  std::vector<SourceEntry<Key>> entries;  // of all lists, sorted
  std::vector<Segment<Key>> segments;     // value: the class
};

struct Classes {
  FamilyClasses<KeyV4> v4;
  FamilyClasses<KeyV6> v6;
  std::vector<SubList> sublists;
  std::vector<std::vector<NoteFate>> fates;  // [list][note]
  // Per class, ascending: sub-lists, and protect_owner last. Class 0 has none.
  std::vector<std::vector<uint32_t>> members;
  uint32_t protect_owner = 0;  // the number of sub-lists
};

// Throws BadInput beyond PS_MAX_CLASSES, PS_MAX_SUBLISTS or kMaxEntries.
Classes assign_classes(const Policy& policy, const std::vector<LoadedList>& lists);

inline constexpr size_t kMaxEntries = size_t{1} << 26;

}  // namespace postern
