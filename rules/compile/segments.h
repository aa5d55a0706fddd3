// SPDX-License-Identifier: BSD-3-Clause
//
// From overlapping intervals to disjoint segments. An Interval says "owner has these addresses";
// the sweep walks over all their boundaries in order and names, for each stretch between two, the
// exact set of owners. Used twice: owners are lists and sets are classes of sources, or owners are
// services and sets are service sets of destinations.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "rules/address/key.h"
#include "rules/compile/key_sort.h"

namespace postern {

// Both ends included.
template <typename Key>
struct Interval {
  Key first, last;
  uint32_t owner;
};

template <typename Key>
struct Segment {
  Key first, last;
  uint32_t value;  // never 0
};

// Numbers for sets of owners: equal sets get equal numbers, the empty set 0.
class OwnerSets {
 public:
  explicit OwnerSets(size_t max_sets) : max_sets_(max_sets) { sets_.emplace_back(); }

  // members: ascending. nullopt when there would be more than max_sets.
  std::optional<uint32_t> number_of(const std::vector<uint32_t>& members);
  const std::vector<std::vector<uint32_t>>& sets() const noexcept { return sets_; }

 private:
  size_t max_sets_;
  std::vector<std::vector<uint32_t>> sets_;
  std::unordered_multimap<uint64_t, uint32_t> numbers_;  // by hash of the members
};

// What there was no number left for.
struct TooManySets {
  IpAddress address;
  std::vector<uint32_t> owners;
};

// The owners at one place of a sweep. An owner may be there several times over, when intervals of
// its own overlap.
class ActiveOwners {
 public:
  explicit ActiveOwners(size_t owner_count) : times_(owner_count) {}
  void enter(uint32_t owner) {
    if (times_[owner]++ == 0)
      owners_.insert(std::lower_bound(owners_.begin(), owners_.end(), owner), owner);
  }
  void leave(uint32_t owner) {
    if (--times_[owner] == 0)
      owners_.erase(std::lower_bound(owners_.begin(), owners_.end(), owner));
  }
  const std::vector<uint32_t>& owners() const noexcept { return owners_; }

 private:
  std::vector<uint32_t> times_;
  std::vector<uint32_t> owners_;  // ascending
};

// intervals: sorted by first; owners below owner_count. The segments are sorted, disjoint, and
// neighbours with the same value are one. Throws TooManySets.
template <typename Key>
std::vector<Segment<Key>> sweep(std::span<const Interval<Key>> intervals, size_t owner_count,
                                OwnerSets& sets) {
  using End = std::pair<Key, uint32_t>;  // last address, owner
  std::vector<End> ends;
  ends.reserve(intervals.size());
  for (const auto& interval : intervals) ends.emplace_back(interval.last, interval.owner);
  sort_by_key(ends, [](const End& end) { return end.first; });

  std::vector<Segment<Key>> segments;
  segments.reserve(intervals.size());
  ActiveOwners active(owner_count);
  const auto emit = [&](Key first, Key last) {
    if (active.owners().empty()) return;
    const auto number = sets.number_of(active.owners());
    if (!number) throw TooManySets{address_of(first), active.owners()};
    if (!segments.empty() && segments.back().value == *number && segments.back().last + 1 == first)
      segments.back().last = last;
    else
      segments.push_back({first, last, *number});
  };

  Key from = 0;  // where the stretch that is being walked began
  size_t begin = 0;
  for (size_t end = 0; end < ends.size();) {
    if (begin < intervals.size() && intervals[begin].first <= ends[end].first) {
      const Key at = intervals[begin].first;
      if (at > from) emit(from, static_cast<Key>(at - 1));
      for (; begin < intervals.size() && intervals[begin].first == at; begin++)
        active.enter(intervals[begin].owner);
      from = at;
    } else {
      const Key at = ends[end].first;
      emit(from, at);
      for (; end < ends.size() && ends[end].first == at; end++) active.leave(ends[end].second);
      from = static_cast<Key>(at + 1);  // 0 after the very last address: nothing follows it
    }
  }
  return segments;
}

}  // namespace postern
