// SPDX-License-Identifier: BSD-3-Clause
//
// Lists -> classes by one sweep per family (rules/compile/classes.h).
#include "rules/compile/classes.h"

#include <algorithm>
#include <string>

#include "rules/abi/snapshot_format.h"
#include "rules/compile/key_sort.h"
#include "rules/compile/overlap.h"

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
  size_t count = 0;
  for (const auto& list : lists) count += entries_of(list.content, Key{}).size();
  entries.reserve(count);
  for (uint32_t list = 0; list < lists.size(); list++)
    for (const auto& entry : entries_of(lists[list].content, Key{}))
      entries.push_back({entry.first, entry.last, list, entry.line, entry.note});
  sort_by_key(entries, [](const SourceEntry<Key>& entry) { return entry.first; });
  for (auto begin = entries.begin(); begin != entries.end();) {
    const auto end = std::find_if(begin, entries.end(), [&](const SourceEntry<Key>& entry) {
      return entry.first != begin->first;
    });
    if (end - begin > 1) std::sort(begin, end);
    begin = end;
  }
  return entries;
}

template <typename Key>
Interval<Key> interval_of(const Prefix& prefix, uint32_t owner) {
  return {key_of<Key>(prefix.first()), key_of<Key>(prefix.last()), owner};
}

template <typename Key>
FamilyClasses<Key> classify(const Policy& policy, const std::vector<LoadedList>& lists,
                            const Classes& classes, OwnerSets& sets) {
  FamilyClasses<Key> family;
  family.entries = gather<Key>(lists);

  std::vector<char> resolved(lists.size());
  for (size_t i = 0; i < lists.size(); i++) resolved[i] = needs_resolving(lists[i].content);
  std::vector<Interval<Key>> intervals;
  intervals.reserve(family.entries.size());
  for (const auto& entry : family.entries) {
    const auto& fate = classes.fates[entry.list][entry.note];
    if (!resolved[entry.list] && fate.kind == NoteFate::Kind::kListed)
      intervals.push_back({entry.first, entry.last, fate.sublist});
  }
  const auto sorted = static_cast<ptrdiff_t>(intervals.size());
  for (size_t i = 0; i < lists.size(); i++) {
    if (!resolved[i]) continue;
    const auto more = resolve_overlaps<Key>(entries_of(lists[i].content, Key{}), lists[i].content,
                                            classes.fates[i]);
    intervals.insert(intervals.end(), more.begin(), more.end());
  }
  for (const auto& protect : policy.protects)
    if (const auto* prefix = std::get_if<Prefix>(&protect.what);
        prefix && prefix->family() == kKeyFamily<Key>)
      intervals.push_back(interval_of<Key>(*prefix, classes.protect_owner));
  const auto by_first = [](const auto& a, const auto& b) { return a.first < b.first; };
  std::sort(intervals.begin() + sorted, intervals.end(), by_first);
  std::inplace_merge(intervals.begin(), intervals.begin() + sorted, intervals.end(), by_first);

  family.segments = sweep<Key>(intervals, classes.sublists.size() + 1, sets);
  return family;
}

void check_entries(const Policy& policy, const std::vector<LoadedList>& lists) {
  size_t entries = 0;
  for (size_t i = 0; i < lists.size(); i++) {
    entries += lists[i].content.size();
    if (entries > kMaxEntries)
      throw BadInput(Diagnostic{.file = policy.file_of(policy.lists[i].place),
                                .line = policy.lists[i].place.line,
                                .message = "with this list there are more than " +
                                           std::to_string(kMaxEntries) + " entries in all"});
  }
}

[[noreturn]] void refuse(const Policy& policy, const Classes& classes, const TooManySets& beyond) {
  std::string names, last;
  for (const uint32_t owner : beyond.owners) {
    const auto name = owner < classes.sublists.size()
                          ? policy.lists[classes.sublists[owner].list].name
                          : std::string("protect");
    if (name != last) names += (names.empty() ? "" : ", ") + name;
    last = name;
  }
  throw BadInput(Diagnostic{.file = policy.file(),
                            .message = "the lists overlap in more than " +
                                       std::to_string(PS_MAX_CLASSES) +
                                       " different ways; one too many is that of " +
                                       beyond.address.to_string() + ", in " + names});
}

}  // namespace

Classes assign_classes(const Policy& policy, const std::vector<LoadedList>& lists) {
  check_entries(policy, lists);
  Classes classes;
  SubLists sublists(policy);
  for (const auto& list : lists)
    classes.fates.push_back(sublists.add(list.content, list.expires_at.value_or(kNeverExpires)));
  classes.sublists = sublists.all();
  classes.protect_owner = static_cast<uint32_t>(classes.sublists.size());
  OwnerSets sets(PS_MAX_CLASSES);
  try {
    classes.v4 = classify<KeyV4>(policy, lists, classes, sets);
    classes.v6 = classify<KeyV6>(policy, lists, classes, sets);
  } catch (const TooManySets& beyond) {
    refuse(policy, classes, beyond);
  }
  classes.members = sets.sets();
  return classes;
}

}  // namespace postern
