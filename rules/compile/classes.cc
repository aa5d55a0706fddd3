// SPDX-License-Identifier: BSD-3-Clause
//
// Lists -> classes by one sweep per family (rules/compile/classes.h).
#include "rules/compile/classes.h"

#include <algorithm>
#include <string>

#include "rules/abi/snapshot_format.h"

namespace postern {
namespace {

const auto& entries_of(const ListContent& content, KeyV4) noexcept {
  return content.v4;
}
const auto& entries_of(const ListContent& content, KeyV6) noexcept {
  return content.v6;
}

template <typename Key>
std::vector<SourceEntry<Key>> gather(const std::vector<LoadedList>& lists) {
  std::vector<SourceEntry<Key>> entries;
  for (uint32_t list = 0; list < lists.size(); list++)
    for (const auto& entry : entries_of(lists[list].content, Key{}))
      entries.push_back({entry.first, entry.last, list, entry.line});
  if (!std::is_sorted(entries.begin(), entries.end())) std::sort(entries.begin(), entries.end());
  return entries;
}

template <typename Key>
FamilyClasses<Key> classify(const Policy& policy, const std::vector<LoadedList>& lists,
                            OwnerSets& sets) {
  FamilyClasses<Key> family;
  family.entries = gather<Key>(lists);

  std::vector<Interval<Key>> intervals;
  intervals.reserve(family.entries.size());
  for (const auto& entry : family.entries)
    if (!lists[entry.list].report.expired)
      intervals.push_back({entry.first, entry.last, entry.list});
  const auto protect_owner = static_cast<uint32_t>(lists.size());
  const auto listed = static_cast<ptrdiff_t>(intervals.size());
  for (const auto& prefix : policy.protects)
    if (prefix.family() == kKeyFamily<Key>)
      intervals.push_back({key_of<Key>(prefix.first()), key_of<Key>(prefix.last()), protect_owner});
  const auto by_first = [](const auto& a, const auto& b) { return a.first < b.first; };
  std::sort(intervals.begin() + listed, intervals.end(), by_first);
  std::inplace_merge(intervals.begin(), intervals.begin() + listed, intervals.end(), by_first);

  family.segments = sweep<Key>(intervals, lists.size() + 1, sets);
  return family;
}

void check_entries(const Policy& policy, const std::vector<LoadedList>& lists) {
  size_t entries = 0;
  for (size_t i = 0; i < lists.size(); i++) {
    entries += lists[i].content.size();
    if (entries > kMaxEntries)
      throw BadInput(Diagnostic{.file = policy.file,
                                .line = policy.lists[i].line,
                                .message = "with this list there are more than " +
                                           std::to_string(kMaxEntries) + " entries in all"});
  }
}

[[noreturn]] void refuse(const Policy& policy, const TooManySets& beyond) {
  std::string names;
  for (const uint32_t owner : beyond.owners) {
    if (!names.empty()) names += ", ";
    names += owner < policy.lists.size() ? policy.lists[owner].name : "protect";
  }
  throw BadInput(Diagnostic{.file = policy.file,
                            .message = "the lists overlap in more than " +
                                       std::to_string(PS_MAX_CLASSES) +
                                       " different ways; one too many is that of " +
                                       beyond.address.to_string() + ", in " + names});
}

}  // namespace

Classes assign_classes(const Policy& policy, const std::vector<LoadedList>& lists) {
  check_entries(policy, lists);
  Classes classes;
  classes.protect_owner = static_cast<uint32_t>(lists.size());
  OwnerSets sets(PS_MAX_CLASSES);
  try {
    classes.v4 = classify<KeyV4>(policy, lists, sets);
    classes.v6 = classify<KeyV6>(policy, lists, sets);
  } catch (const TooManySets& beyond) {
    refuse(policy, beyond);
  }
  classes.members = sets.sets();
  return classes;
}

}  // namespace postern
