// SPDX-License-Identifier: BSD-3-Clause
//
// One walk over the address space with both snapshots side by side (rules/compile/difference.h).
// What a pair of classes means for lists, categories and whatever judges is worked out once per
// pair, as numbers of tallies; a tally joins neighbouring stretches before it counts their
// prefixes. An address is taken as a source, but under outbound rules' verdicts, where it is the
// destination.
#include "rules/compile/difference.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <variant>

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

// First line of a block of outbound rules, sources in order.
std::string name_of(const Policy& policy, const OutboundPolicy& block) {
  std::set<std::string> sources;
  for (const auto& source : block.sources)
    if (const auto* in_list = std::get_if<InList>(&source))
      sources.insert("list " + policy.lists[in_list->list].name);
    else if (const auto* in_category = std::get_if<InCategory>(&source))
      sources.insert("category " + in_category->category);
  std::string name = "from ";
  for (const auto& source : sources) name += (name.size() > 5 ? ", " : "") + source;
  return name + " port " + std::to_string(block.port);
}

std::vector<std::string> names_of_services(const Policy& policy) {
  std::vector<std::string> names;
  for (const auto& service : policy.services) names.push_back(service.name);
  return names;
}

// Which attempts a service is about.
auto place_of(const Service& service) {
  auto destinations = service.destinations;
  std::ranges::sort(destinations);
  return std::tuple(std::move(destinations), service.port, service.vlan);
}

std::vector<std::string> names_of_blocks(const Policy& policy) {
  std::vector<std::string> names;
  for (const auto& block : policy.outbound) names.push_back(name_of(policy, block));
  return names;
}

// What both have: where each stands in either.
struct Common {
  Common(const std::vector<std::string>& old_names, const std::vector<std::string>& new_names) {
    for (size_t i = 0; i < new_names.size(); i++) {
      const auto old = std::ranges::find(old_names, new_names[i]);
      if (old == old_names.end()) {
        gained.push_back(new_names[i]);
        continue;
      }
      names.push_back(new_names[i]);
      in_old.push_back(static_cast<size_t>(old - old_names.begin()));
      in_new.push_back(i);
    }
    std::ranges::copy_if(old_names, std::back_inserter(lost), [&](const std::string& name) {
      return std::ranges::find(new_names, name) == new_names.end();
    });
  }
  std::vector<std::string> names, gained, lost;
  std::vector<size_t> in_old, in_new;  // per name
};

// What its class means for an address, in terms of both snapshots.
struct Meaning {
  std::set<size_t> lists, categories, blocks;  // at most one block
  std::vector<Treatment> treatments;           // per service that both have, then per block
};

struct AllNames {
  Names lists, categories, blocks;
};

class Meanings {
 public:
  // services, blocks: indices into those of the policy.
  Meanings(const Snapshot& snapshot, const std::vector<size_t>& services,
           const std::vector<size_t>& blocks, AllNames& names, int64_t now)
      : snapshot_(snapshot), matrix_(build_matrix_at(snapshot, now)), now_(now) {
    for (const auto& list : snapshot.lists()) {
      lists_.push_back(names.lists.number_of(list.name));
      if (list.domains == 0) of_addresses_.insert(lists_.back());
    }
    for (const auto& sublist : snapshot.sublists())
      categories_.push_back(sublist.category.empty()
                                ? std::nullopt
                                : std::optional(names.categories.number_of(sublist.category)));
    for (const auto& name : names_of_blocks(snapshot.policy()))
      blocks_.push_back(names.blocks.number_of(name));
    for (const size_t service : services) rows_.push_back(matrix_.row_of_service[service]);
    for (const size_t block : blocks) rows_.push_back(matrix_.row_of_outbound[block]);
  }

  Meaning of(ClassId address_class) const {
    Meaning meaning;
    for (const uint32_t number : snapshot_.sublists_of(address_class)) {
      const auto& sublist = snapshot_.sublists()[number];
      if (!sublist.counts_at(now_)) continue;
      meaning.lists.insert(lists_[sublist.list]);
      if (const auto category = categories_[number]) meaning.categories.insert(*category);
    }
    if (!matrix_.outbound_block.empty())
      if (const auto block = matrix_.outbound_block[address_class]; block != Matrix::kNoBlock)
        meaning.blocks.insert(blocks_[block]);
    for (const uint32_t row : rows_) {
      const auto& verdict = matrix_.rows[row][address_class];
      meaning.treatments.push_back({.action = static_cast<Action>(verdict.action),
                                    .is_final = (verdict.flags & PS_VERDICT_FINAL) != 0,
                                    .is_hard = (verdict.flags & PS_VERDICT_HARD) != 0,
                                    .is_limited = verdict.limit != 0});
    }
    return meaning;
  }

  bool has_list(size_t number) const { return of_addresses_.contains(number); }
  bool has_block(size_t number) const {
    return std::ranges::find(blocks_, number) != blocks_.end();
  }
  bool has_category(size_t number) const {
    return std::ranges::find(categories_, std::optional(number)) != categories_.end();
  }

 private:
  const Snapshot& snapshot_;
  const Matrix matrix_;
  const int64_t now_;
  std::vector<size_t> lists_, blocks_;             // the number of each one's name
  std::set<size_t> of_addresses_;                  // of lists_
  std::vector<std::optional<size_t>> categories_;  // likewise, per sub-list
  std::vector<uint32_t> rows_;                     // of what is compared
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
enum class What {
  kListGained,
  kListLost,
  kCategoryGained,
  kCategoryLost,
  kBlockGained,
  kBlockLost,
  kVerdict
};
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
    only_in(left.blocks, right.blocks, What::kBlockLost);
    only_in(right.blocks, left.blocks, What::kBlockGained);
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

std::vector<TreatmentChange> largest_first(std::vector<TreatmentChange> changes) {
  std::ranges::stable_sort(changes, [](const auto& left, const auto& right) {
    return left.extent.addresses.sources() > right.extent.addresses.sources();
  });
  return changes;
}

// Lists of domains, by name; a list that is expired by then has none.
std::map<std::string, std::vector<std::string>> domains_at(const Snapshot& snapshot, int64_t now) {
  std::map<std::string, std::vector<std::string>> found;
  for (size_t i = 0; i < snapshot.lists().size(); i++) {
    const auto& list = snapshot.lists()[i];
    if (list.domains == 0) continue;
    auto& domains = found[list.name];
    if (!list.expires_at || *list.expires_at > now) domains = snapshot.domains_of(i);
    domains.erase(std::unique(domains.begin(), domains.end()), domains.end());
  }
  return found;
}

std::vector<DomainsChange> changes_of_domains(const Snapshot& before, const Snapshot& after,
                                              int64_t now) {
  const auto old_lists = domains_at(before, now), new_lists = domains_at(after, now);
  std::set<std::string> names;
  for (const auto& [name, domains] : old_lists) names.insert(name);
  for (const auto& [name, domains] : new_lists) names.insert(name);
  std::vector<DomainsChange> changes;
  for (const auto& name : names) {
    const auto old_list = old_lists.find(name), new_list = new_lists.find(name);
    DomainsChange change{
        .name = name, .before = old_list != old_lists.end(), .after = new_list != new_lists.end()};
    const std::vector<std::string> none;
    const auto& from = change.before ? old_list->second : none;
    const auto& to = change.after ? new_list->second : none;
    std::vector<std::string> stay;
    std::ranges::set_intersection(from, to, std::back_inserter(stay));
    change.lost = from.size() - stay.size();
    change.gained = to.size() - stay.size();
    if (change.before != change.after || change.lost + change.gained > 0)
      changes.push_back(std::move(change));
  }
  std::ranges::stable_sort(changes, [](const auto& left, const auto& right) {
    return left.lost + left.gained > right.lost + right.gained;
  });
  return changes;
}

}  // namespace

Difference difference_of(const Snapshot& before, const Snapshot& after, int64_t now) {
  const Common services(names_of_services(before.policy()), names_of_services(after.policy()));
  const Common blocks(names_of_blocks(before.policy()), names_of_blocks(after.policy()));
  AllNames names;
  const Meanings new_meanings(after, services.in_new, blocks.in_new, names, now);
  const Meanings old_meanings(before, services.in_old, blocks.in_old, names, now);
  SideBySide comparison(old_meanings, new_meanings);
  comparison.walk<KeyV4>(before, after);
  comparison.walk<KeyV6>(before, after);

  Difference difference;
  for (size_t i = 0; i < names.lists.all().size(); i++)
    difference.lists.push_back({.name = names.lists.all()[i],
                                .before = old_meanings.has_list(i),
                                .after = new_meanings.has_list(i)});
  for (size_t i = 0; i < names.categories.all().size(); i++)
    difference.categories.push_back({.name = names.categories.all()[i],
                                     .before = old_meanings.has_category(i),
                                     .after = new_meanings.has_category(i)});
  for (size_t i = 0; i < names.blocks.all().size(); i++)
    difference.outbound.push_back({.name = names.blocks.all()[i],
                                   .before = old_meanings.has_block(i),
                                   .after = new_meanings.has_block(i)});
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
      case What::kBlockGained:
        difference.outbound[number].gained = extent;
        break;
      case What::kBlockLost:
        difference.outbound[number].lost = extent;
        break;
      case What::kVerdict:
        if (number < services.names.size())
          difference.verdicts.push_back({services.names[number], from, to, extent});
        else
          difference.outbound_verdicts.push_back(
              {blocks.names[number - services.names.size()], from, to, extent});
        break;
    }
  }
  difference.lists = largest_first(std::move(difference.lists));
  difference.categories = largest_first(std::move(difference.categories));
  difference.outbound = largest_first(std::move(difference.outbound));
  difference.verdicts = largest_first(std::move(difference.verdicts));
  difference.outbound_verdicts = largest_first(std::move(difference.outbound_verdicts));
  difference.services_gained = services.gained;
  difference.services_lost = services.lost;
  for (size_t i = 0; i < services.names.size(); i++)
    if (place_of(before.policy().services[services.in_old[i]]) !=
        place_of(after.policy().services[services.in_new[i]]))
      difference.services_moved.push_back(services.names[i]);
  difference.domains = changes_of_domains(before, after, now);
  return difference;
}

}  // namespace postern
