// SPDX-License-Identifier: BSD-3-Clause
//
// Resolving overlaps within a list (rules/compile/overlap.h).
#include "rules/compile/overlap.h"

#include <algorithm>
#include <bit>
#include <map>

#include "rules/compile/key_sort.h"

namespace postern {
namespace {

// The length of the longest prefix that is no smaller than the range.
template <typename Key>
int specificity_of(Key first, Key last) noexcept {
  const Key size = static_cast<Key>(last - first);  // less one
  int bits = 0;
  for (; bits < kKeyBits<Key> && (size >> bits) != 0; bits += 8) {
  }
  while (bits > 0 && (size >> (bits - 1)) == 0) bits--;
  return kKeyBits<Key> - bits;
}

// What the entries of one strength at one place say.
class Level {
 public:
  bool empty() const noexcept { return exclusions_ == 0 && owners_.empty(); }
  bool excludes() const noexcept { return exclusions_ > 0; }
  void change(const NoteFate& fate, int by) {
    if (fate.kind == NoteFate::Kind::kExcluded) {
      exclusions_ += by;
      return;
    }
    const auto place = std::ranges::lower_bound(owners_, fate.sublist, {}, &Owner::sublist);
    if (place == owners_.end() || place->sublist != fate.sublist) {
      owners_.insert(place, {fate.sublist, by});
    } else {
      place->times += by;
      if (place->times == 0) owners_.erase(place);
    }
  }
  void append_owners(std::vector<uint32_t>& to) const {
    for (const auto& owner : owners_) to.push_back(owner.sublist);
  }

 private:
  struct Owner {
    uint32_t sublist;
    int times;
  };
  int exclusions_ = 0;
  std::vector<Owner> owners_;  // ascending; few, as sub-lists of one list are
};

// The entries at one place of the sweep, the strongest first. At most one level for each prefix
// length; with Overlap::kFirst one for each line there.
class ActiveLevels {
 public:
  explicit ActiveLevels(Overlap overlap) : overlap_(overlap) {}

  void change(int64_t strength, const NoteFate& fate, int by) {
    const auto place = levels_.try_emplace(-strength).first;
    place->second.change(fate, by);
    if (place->second.empty()) levels_.erase(place);
  }

  // The sub-lists that the place is in, ascending and each once.
  const std::vector<uint32_t>& owners() {
    owners_.clear();
    for (const auto& [strength, level] : levels_) {
      if (level.excludes()) break;
      level.append_owners(owners_);
      if (overlap_ != Overlap::kAll) break;
    }
    std::ranges::sort(owners_);
    owners_.erase(std::unique(owners_.begin(), owners_.end()), owners_.end());
    return owners_;
  }

 private:
  Overlap overlap_;
  std::map<int64_t, Level> levels_;  // by negated strength
  std::vector<uint32_t> owners_;
};

// Joins the stretches of a sweep into as few intervals as there can be.
template <typename Key>
class Joiner {
 public:
  void add(Key first, Key last, const std::vector<uint32_t>& owners) {
    if (!joined_.empty() && owners == owners_ && static_cast<Key>(last_ + 1) == first) {
      for (size_t i = 0; i < owners.size(); i++) joined_[joined_.size() - 1 - i].last = last;
    } else {
      for (const uint32_t owner : owners) joined_.push_back({first, last, owner});
      owners_ = owners;
    }
    last_ = last;
  }
  std::vector<Interval<Key>> take() { return std::move(joined_); }

 private:
  std::vector<Interval<Key>> joined_;
  std::vector<uint32_t> owners_;
  Key last_ = 0;
};

}  // namespace

bool needs_resolving(const ListContent& content) noexcept {
  return content.overlap != Overlap::kAll ||
         std::ranges::any_of(content.notes.all(), &EntryNote::excluded);
}

template <typename Key>
std::vector<Interval<Key>> resolve_overlaps(const std::vector<ListEntry<Key>>& entries,
                                            const ListContent& content,
                                            const std::vector<NoteFate>& fates) {
  const auto strength_of = [&](const ListEntry<Key>& entry) -> int64_t {
    const auto& note = content.notes[entry.note];
    if (content.overlap == Overlap::kFirst) return -static_cast<int64_t>(entry.line);
    return note.specificity ? *note.specificity : specificity_of(entry.first, entry.last);
  };
  // An ignored entry of a list where one entry decides hides those beneath it, and is no listing.
  const auto fate_of = [&](const ListEntry<Key>& entry) {
    auto fate = fates[entry.note];
    if (fate.kind == NoteFate::Kind::kIgnored && content.overlap != Overlap::kAll)
      fate.kind = NoteFate::Kind::kExcluded;
    return fate;
  };

  struct Edge {
    Key at;  // of a last edge: the last address
    uint32_t place;
  };
  std::vector<Edge> firsts, lasts;
  for (size_t i = 0; i < entries.size(); i++) {
    if (fate_of(entries[i]).kind == NoteFate::Kind::kIgnored) continue;
    firsts.push_back({entries[i].first, static_cast<uint32_t>(i)});
    lasts.push_back({entries[i].last, static_cast<uint32_t>(i)});
  }
  sort_by_key(firsts, [](const Edge& edge) { return edge.at; });
  sort_by_key(lasts, [](const Edge& edge) { return edge.at; });

  Joiner<Key> joiner;
  ActiveLevels active(content.overlap);
  const auto change = [&](const Edge& edge, int by) {
    const auto& entry = entries[edge.place];
    active.change(strength_of(entry), fate_of(entry), by);
  };
  Key from = 0;
  size_t begin = 0;
  for (size_t end = 0; end < lasts.size();) {
    if (begin < firsts.size() && firsts[begin].at <= lasts[end].at) {
      const Key at = firsts[begin].at;
      if (at > from) joiner.add(from, static_cast<Key>(at - 1), active.owners());
      for (; begin < firsts.size() && firsts[begin].at == at; begin++) change(firsts[begin], 1);
      from = at;
    } else {
      const Key at = lasts[end].at;
      joiner.add(from, at, active.owners());
      for (; end < lasts.size() && lasts[end].at == at; end++) change(lasts[end], -1);
      from = static_cast<Key>(at + 1);
    }
  }
  return joiner.take();
}

template std::vector<Interval<KeyV4>> resolve_overlaps(const std::vector<ListEntry<KeyV4>>&,
                                                       const ListContent&,
                                                       const std::vector<NoteFate>&);
template std::vector<Interval<KeyV6>> resolve_overlaps(const std::vector<ListEntry<KeyV6>>&,
                                                       const ListContent&,
                                                       const std::vector<NoteFate>&);

}  // namespace postern
