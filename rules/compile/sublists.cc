// SPDX-License-Identifier: BSD-3-Clause
//
// Notes -> sub-lists (rules/compile/sublists.h).
#include "rules/compile/sublists.h"

#include <algorithm>

#include "rules/abi/snapshot_format.h"
#include "rules/text/diagnostic.h"

namespace postern {
namespace {

constexpr int64_t kHour = 3600;

int64_t hour_after(int64_t time) noexcept {
  if (time > kNeverExpires - kHour) return kNeverExpires;
  return (time + kHour - 1) / kHour * kHour;
}

bool holds(const ValueMap& map, const EntryNote& note) {
  if (const auto* word = std::get_if<ValueMap::WordIs>(&map.match)) return note.word == word->word;
  const auto* number = std::get_if<ValueMap::NumberIs>(&map.match);
  if (!number) return true;
  return note.number && compares(*note.number, number->comparison, number->number);
}

bool is_protected(const Policy& policy, const SubList& sublist) {
  return std::ranges::any_of(policy.protects, [&](const Protect& protect) {
    if (const auto* list = std::get_if<ProtectedList>(&protect.what))
      return list->list == sublist.list;
    const auto* category = std::get_if<ProtectedCategory>(&protect.what);
    return category && category->category == sublist.category;
  });
}

}  // namespace

uint32_t SubLists::number_of(const SubList& sublist, size_t first) {
  for (size_t i = first; i < sublists_.size(); i++)
    if (sublists_[i].map == sublist.map && sublists_[i].expires_at == sublist.expires_at)
      return static_cast<uint32_t>(i);
  if (sublists_.size() == PS_MAX_SUBLISTS)
    throw BadInput(Diagnostic{.file = policy_.file_of(policy_.lists[list_].place),
                              .line = policy_.lists[list_].place.line,
                              .message = "list \"" + policy_.lists[list_].name +
                                         "\" is one too many: maps and hours of "
                                         "expiry make more than " +
                                         std::to_string(PS_MAX_SUBLISTS) + " sub-lists"});
  sublists_.push_back(sublist);
  sublists_.back().is_protected = is_protected(policy_, sublist);
  return static_cast<uint32_t>(sublists_.size() - 1);
}

std::vector<NoteFate> SubLists::add(const ListContent& content, int64_t expires_at) {
  const auto& declaration = policy_.lists[list_];
  const auto first = sublists_.size();
  std::vector<NoteFate> fates;
  fates.reserve(content.notes.all().size());
  for (const auto& note : content.notes.all()) {
    auto& fate = fates.emplace_back();
    if (note.excluded) {
      fate.kind = NoteFate::Kind::kExcluded;
      continue;
    }
    SubList sublist{.list = list_,
                    .category = declaration.category,
                    .weight = declaration.weight,
                    .expires_at = std::min(hour_after(note.expires_at), expires_at)};
    const auto map = std::ranges::find_if(declaration.maps,
                                          [&](const ValueMap& one) { return holds(one, note); });
    if (map != declaration.maps.end()) {
      if (map->ignored) continue;
      sublist.map = static_cast<uint32_t>(map - declaration.maps.begin());
      if (!map->category.empty()) sublist.category = map->category;
      sublist.weight = map->weight.value_or(declaration.weight);
    }
    fate = {NoteFate::Kind::kListed, number_of(sublist, first)};
  }
  list_++;
  return fates;
}

}  // namespace postern
