// SPDX-License-Identifier: BSD-3-Clause
//
// The address space of a snapshot as stretches of one class each: what counting, comparing and
// listing work on. Taken from the entries and protects, between whose boundaries a class cannot
// change, and the look-up itself; so it knows nothing of how the tables are laid out.
#pragma once

#include <vector>

#include "rules/address/key.h"
#include "rules/snapshot/snapshot.h"

namespace postern {

template <typename Key>
struct ClassRange {
  Key first, last;  // both included
  ClassId address_class;

  bool operator==(const ClassRange&) const = default;
};

// Sorted, disjoint, without class 0; neighbours of one class are one stretch.
template <typename Key>
std::vector<ClassRange<Key>> class_ranges(const Snapshot& snapshot);

extern template std::vector<ClassRange<KeyV4>> class_ranges(const Snapshot&);
extern template std::vector<ClassRange<KeyV6>> class_ranges(const Snapshot&);

}  // namespace postern
