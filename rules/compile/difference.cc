// SPDX-License-Identifier: BSD-3-Clause
//
// One walk over the address space with both snapshots side by side (rules/compile/difference.h).
// What a pair of classes means for lists, categories and services is worked out once per pair, as
// numbers of tallies; a tally joins neighbouring stretches before it counts their prefixes.
#include "rules/compile/difference.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "rules/compile/expiry.h"
#include "rules/snapshot/class_ranges.h"

namespace postern {
namespace {

// Names of both snapshots, numbered.
class Names {
 public:
  size_t number_of(const std::string& name) {
    const auto [place, is_new] = numbers_.try_emplace(name, names_.size());
    if (is_new) names_.push_back(name);
    return place->second;
  }
  const std::vector<std::string>& all() const noexcept { return names_; }

 private:
  std::map<std::string, size_t> numbers_;
  std::vector<std::string> names_;
};

// What its class means for an address, in terms of both snapshots.
struct Meaning {
  std::set<size_t> lists, categories;
  std::vector<Treatment> treatments;  // per service that both have
};

class Meanings {
 public:
  // services: indices into the policy's services.
  Meanings(const Snapshot& snapshot, std::vector<size_t> services, Names& lists, Names& categories,
           int64_t now)
      : snapshot_(snapshot), services_(std::move(services)), now_(now) {
    for (const auto& list : snapshot.lists()) lists_.push_back(lists.number_of(list.name));
    for (const auto& sublist : snapshot.sublists())
      categories_.push_back(sublist.category.empty()
                                ? std::nullopt
                                : std::optional<size_t>(categories.number_of(sublist.category)));
    cells_ = matrix_at(snapshot, now).cells;
  }

  Meaning of(ClassId address_class) const {
    Meaning meaning;
    for (const uint32_t number : snapshot_.sublists_of(address_class)) {
      const auto& sublist = snapshot_.sublists()[number];
      if (!sublist.counts_at(now_)) continue;
      meaning.lists.insert(lists_[sublist.list]);
      if (const auto category = categories_[number]) meaning.categories.insert(*category);
    }
    for (const size_t service : services_) {
      const auto row = size_t{snapshot_.row_of(service)} * snapshot_.header().class_count;
      const auto& verdict = cells_[row + address_class];
      meaning.treatments.push_back({.action = static_cast<Action>(verdict.action),
                                    .is_final = (verdict.flags & PS_VERDICT_FINAL) != 0,
                                    .is_hard = (verdict.flags & PS_VERDICT_HARD) != 0,
                                    .is_limited = verdict.limit != 0});
    }
    return meaning;
  }

  bool has_list(size_t number) const { return std::ranges::find(lists_, number) != lists_.end(); }
  bool has_category(size_t number) const {
    return std::ranges::find(categories_, std::optional(number)) != categories_.end();
  }

 private:
  const Snapshot& snapshot_;
  const std::vector<size_t> services_;
  const int64_t now_;
  std::vector<size_t> lists_;                      // the number of each list's name
  std::vector<std::optional<size_t>> categories_;  // likewise, per sub-list
  std::vector<ps_verdict> cells_;
};

// An extent in the making.
class Tally {
 public:
  template <typename Key>
  void add(Key first, Key last) {
    if (open_ && static_cast<KeyV6>(first) == last_ + 1) {
      last_ = last;
      return;
    }
    close<Key>();
    open_ = true;
    first_ = first;
    last_ = last;
  }
  template <typename Key>
  void close() {
    if (!open_) return;
    open_ = false;
    const auto first = static_cast<Key>(first_), last = static_cast<Key>(last_);
    extent_.addresses.add(first, last);
    (sizeof(Key) == 4 ? extent_.prefixes_v4 : extent_.prefixes_v6) += count_prefixes(first, last);
  }
  const Extent& extent() const noexcept { return extent_; }

 private:
  Extent extent_;
  bool open_ = false;
  KeyV6 first_ = 0, last_ = 0;  // of the stretch that may go on
};

// Whatever an address may go through: {what, number of its name, from, to}.
enum class What { kListGained, kListLost, kCategoryGained, kCategoryLost, kVerdict };
using Change = std::tuple<What, size_t, Treatment, Treatment>;

template <typename Key>
class Walk {
 public:
  explicit Walk(const Snapshot& snapshot) : ranges_(class_ranges<Key>(snapshot)) {}
  // The class at `at`, which never goes back, and the last address up to which it is the same.
  std::pair<ClassId, Key> at(Key at) {
    while (next_ < ranges_.size() && ranges_[next_].last < at) next_++;
    if (next_ == ranges_.size()) return {0, kLastKey<Key>};
    const auto& range = ranges_[next_];
    if (at < range.first) return {0, static_cast<Key>(range.first - 1)};
    return {range.address_class, range.last};
  }

 private:
  std::vector<ClassRange<Key>> ranges_;
  size_t next_ = 0;
};

class SideBySide {
 public:
  SideBySide(const Meanings& before, const Meanings& after) : before_(before), after_(after) {}

  template <typename Key>
  void walk(const Snapshot& before, const Snapshot& after) {
    Walk<Key> one(before), other(after);
    for (Key first = 0;;) {
      const auto [from, until] = one.at(first);
      const auto [to, other_until] = other.at(first);
      const Key last = std::min(until, other_until);
      for (const size_t tally : tallies_of(from, to)) tallies_[tally].add(first, last);
      if (last == kLastKey<Key>) break;
      first = static_cast<Key>(last + 1);
    }
    for (auto& tally : tallies_) tally.close<Key>();
  }

  const std::map<Change, size_t>& changes() const noexcept { return changes_; }
  const Extent& extent(size_t tally) const noexcept { return tallies_[tally].extent(); }

 private:
  const std::vector<size_t>& tallies_of(ClassId from, ClassId to) {
    const auto [place, is_new] = by_pair_.try_emplace(uint64_t{from} << 32 | to);
    if (!is_new) return place->second;
    const auto left = before_.of(from), right = after_.of(to);
    auto& tallies = place->second;
    const auto only_in = [&](const std::set<size_t>& here, const std::set<size_t>& there,
                             What what) {
      for (const size_t number : here)
        if (!there.contains(number)) tallies.push_back(tally_of({what, number, {}, {}}));
    };
    only_in(left.lists, right.lists, What::kListLost);
    only_in(right.lists, left.lists, What::kListGained);
    only_in(left.categories, right.categories, What::kCategoryLost);
    only_in(right.categories, left.categories, What::kCategoryGained);
    for (size_t i = 0; i < left.treatments.size(); i++)
      if (left.treatments[i] != right.treatments[i])
        tallies.push_back(tally_of({What::kVerdict, i, left.treatments[i], right.treatments[i]}));
    return tallies;
  }

  size_t tally_of(const Change& change) {
    const auto [place, is_new] = changes_.try_emplace(change, tallies_.size());
    if (is_new) tallies_.emplace_back();
    return place->second;
  }

  const Meanings& before_;
  const Meanings& after_;
  std::unordered_map<uint64_t, std::vector<size_t>> by_pair_;
  std::map<Change, size_t> changes_;
  std::vector<Tally> tallies_;
};

// Those that change: addresses come or go, or the name itself does.
std::vector<NamedChange> largest_first(std::vector<NamedChange> changes) {
  std::erase_if(changes, [](const NamedChange& change) {
    return change.before == change.after && change.gained.addresses.is_zero() &&
           change.lost.addresses.is_zero();
  });
  std::ranges::stable_sort(changes, [](const NamedChange& left, const NamedChange& right) {
    return left.size() > right.size();
  });
  return changes;
}

size_t index_of(const std::vector<Service>& services, const std::string& name) {
  const auto found = std::ranges::find(services, name, &Service::name);
  return static_cast<size_t>(found - services.begin());
}

}  // namespace

Difference difference_of(const Snapshot& before, const Snapshot& after, int64_t now) {
  Difference difference;
  const auto& old_services = before.policy().services;
  const auto& new_services = after.policy().services;
  std::vector<size_t> in_old, in_new;
  for (size_t i = 0; i < new_services.size(); i++) {
    const auto old = index_of(old_services, new_services[i].name);
    if (old == old_services.size()) {
      difference.services_gained.push_back(new_services[i].name);
      continue;
    }
    in_old.push_back(old);
    in_new.push_back(i);
  }
  for (const auto& service : old_services)
    if (index_of(new_services, service.name) == new_services.size())
      difference.services_lost.push_back(service.name);

  Names lists, categories;
  const Meanings new_meanings(after, in_new, lists, categories, now);
  const Meanings old_meanings(before, in_old, lists, categories, now);
  SideBySide comparison(old_meanings, new_meanings);
  comparison.walk<KeyV4>(before, after);
  comparison.walk<KeyV6>(before, after);

  for (size_t i = 0; i < lists.all().size(); i++)
    difference.lists.push_back({.name = lists.all()[i],
                                .before = old_meanings.has_list(i),
                                .after = new_meanings.has_list(i)});
  for (size_t i = 0; i < categories.all().size(); i++)
    difference.categories.push_back({.name = categories.all()[i],
                                     .before = old_meanings.has_category(i),
                                     .after = new_meanings.has_category(i)});
  for (const auto& [change, tally] : comparison.changes()) {
    const auto& [what, number, from, to] = change;
    const auto& extent = comparison.extent(tally);
    switch (what) {
      case What::kListGained:
        difference.lists[number].gained = extent;
        break;
      case What::kListLost:
        difference.lists[number].lost = extent;
        break;
      case What::kCategoryGained:
        difference.categories[number].gained = extent;
        break;
      case What::kCategoryLost:
        difference.categories[number].lost = extent;
        break;
      case What::kVerdict:
        difference.verdicts.push_back({new_services[in_new[number]].name, from, to, extent});
        break;
    }
  }
  difference.lists = largest_first(std::move(difference.lists));
  difference.categories = largest_first(std::move(difference.categories));
  std::ranges::stable_sort(difference.verdicts, [](const auto& left, const auto& right) {
    return left.extent.addresses.sources() > right.extent.addresses.sources();
  });
  return difference;
}

}  // namespace postern
