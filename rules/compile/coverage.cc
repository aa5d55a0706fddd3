// SPDX-License-Identifier: BSD-3-Clause
//
// Counting by classes (rules/compile/coverage.h): stretches are counted per class, then each class
// adds its count to all that it is a member of. So the time goes with the stretches, however many
// lists they are in.
#include "rules/compile/coverage.h"

#include <algorithm>
#include <map>
#include <utility>

#include "rules/snapshot/class_ranges.h"

namespace postern {
namespace {

template <typename Key>
void count_classes(const Snapshot& snapshot, std::vector<AddressCount>& counts) {
  for (const auto& range : class_ranges<Key>(snapshot))
    counts[range.address_class].add(range.first, range.last);
}

class Counter {
 public:
  Counter(const Snapshot& snapshot, int64_t now) : snapshot_(snapshot), now_(now) {
    result_.lists.resize(snapshot.lists().size());
    result_.sublists.resize(snapshot.sublists().size());
  }

  void add(ClassId address_class, const AddressCount& count) {
    std::vector<const SubList*> counting;
    for (const uint32_t number : snapshot_.sublists_of(address_class)) {
      const auto& sublist = snapshot_.sublists()[number];
      if (!sublist.counts_at(now_)) continue;
      result_.sublists[number] += count;
      counting.push_back(&sublist);
    }
    if (counting.empty()) return;
    result_.any += count;
    const auto lists = snapshot_.lists_of(address_class, now_);
    for (size_t i = 0; i < lists.size(); i++) {
      auto& list = result_.lists[lists[i]];
      list.covered += count;
      if (lists.size() == 1) list.alone += count;
      if (is_alone_in_category(lists[i], counting)) list.alone_in_category += count;
      for (size_t j = i + 1; j < lists.size(); j++) overlaps_[{lists[i], lists[j]}] += count;
    }
  }

  Coverage take() {
    for (const auto& [pair, both] : overlaps_)
      result_.overlaps.push_back({pair.first, pair.second, both});
    std::ranges::stable_sort(result_.overlaps, [](const auto& left, const auto& right) {
      return left.both.sources() > right.both.sources();
    });
    return std::move(result_);
  }

 private:
  // Whether some category that the list puts the class in would be missing without it. What has no
  // category is known by its list alone.
  static bool is_alone_in_category(size_t list, const std::vector<const SubList*>& counting) {
    return std::ranges::any_of(counting, [&](const SubList* sublist) {
      if (sublist->list != list) return false;
      if (sublist->category.empty()) return true;
      return std::ranges::none_of(counting, [&](const SubList* other) {
        return other->list != list && other->category == sublist->category;
      });
    });
  }

  const Snapshot& snapshot_;
  const int64_t now_;
  Coverage result_;
  std::map<std::pair<size_t, size_t>, AddressCount> overlaps_;
};

}  // namespace

Coverage coverage_of(const Snapshot& snapshot, int64_t now) {
  std::vector<AddressCount> counts(snapshot.header().class_count);
  count_classes<KeyV4>(snapshot, counts);
  count_classes<KeyV6>(snapshot, counts);
  Counter counter(snapshot, now);
  for (ClassId i = 1; i < counts.size(); i++)
    if (!counts[i].is_zero()) counter.add(i, counts[i]);
  return counter.take();
}

}  // namespace postern
