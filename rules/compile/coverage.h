// SPDX-License-Identifier: BSD-3-Clause
//
// Coverage: how much of the address space each list of a snapshot covers at a certain time, what it
// covers together with every other list, and what would be missing without it. Lists and sub-lists
// that have expired by then cover nothing. Protects are no lists: a protected address counts too.
#pragma once

#include <cstdint>
#include <vector>

#include "rules/address/address_count.h"
#include "rules/snapshot/snapshot.h"

namespace postern {

struct ListCoverage {
  AddressCount covered;
  AddressCount alone;  // in no other list
  // In a category (or in none) that no other list puts them in.
  AddressCount alone_in_category;

  // It covers something, and nothing that would be missing. What adds nothing to its category adds
  // nothing at all.
  bool adds_nothing() const noexcept { return !covered.is_zero() && alone.is_zero(); }
  bool adds_nothing_to_category() const noexcept {
    return !covered.is_zero() && alone_in_category.is_zero();
  }
};

struct ListOverlap {
  size_t one, other;  // indices into Snapshot::lists(); one < other
  AddressCount both;
};

struct Coverage {
  std::vector<ListCoverage> lists;     // per Snapshot::lists()
  std::vector<AddressCount> sublists;  // per Snapshot::sublists()
  std::vector<ListOverlap> overlaps;   // pairs with addresses in common, most first
  AddressCount any;                    // in any list
};

// now: Unix seconds.
Coverage coverage_of(const Snapshot& snapshot, int64_t now);

}  // namespace postern
