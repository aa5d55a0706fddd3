// SPDX-License-Identifier: BSD-3-Clause
//
// NaiveSite: the slow, obvious twin of a compiled policy. Lists are kept as their lines, rules as
// they are written; every question about one address is answered by walking over all of them.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "rules/abi/vocabulary.h"
#include "rules/address/address.h"
#include "rules/address/key.h"
#include "rules/lists/list_content.h"

namespace postern::test {

struct NaiveLine {
  AddressRange range;
  EntryNote note = {};
};

// `map WORD ...` or `map value >= NUMBER ...`
struct NaiveMap {
  std::string word;  // empty: by number
  int at_least = 0;
  bool ignored = false;
  std::string category;  // empty: the list's
  std::optional<int> weight = {};

  bool holds(const EntryNote& note) const {
    if (!word.empty()) return note.word == word;
    return note.number && *note.number >= at_least;
  }
  std::string text() const {
    auto text = "map " + (word.empty() ? "value >= " + std::to_string(at_least) : word);
    if (ignored) return text + " ignore";
    if (!category.empty()) text += " category " + category;
    if (weight) text += " weight " + std::to_string(*weight);
    return text;
  }
};

// One way for an address to be in a list.
struct NaiveListing {
  std::string category;
  int weight = 0;
  auto operator<=>(const NaiveListing&) const = default;
};

struct NaiveList {
  std::string name, category;
  int weight = 1;
  Overlap overlap = Overlap::kAll;
  std::optional<int64_t> expires_at = {};
  std::vector<NaiveMap> maps = {};
  std::vector<NaiveLine> lines = {};  // line n is lines[n - 1]

  // The longest prefix of the family that has as many addresses as the range or more.
  static int specificity(const AddressRange& range) {
    const auto size = number_of(range.last()) - number_of(range.first());  // less one
    int length = bits_of(range.family());
    while (length > 0 && (size >> (bits_of(range.family()) - length)) != 0) length--;
    return length;
  }
  static KeyV6 number_of(const IpAddress& address) {
    KeyV6 number = 0;
    for (int i = 0; i < bits_of(address.family()) / 8; i++)
      number = number << 8 | address.bytes()[static_cast<size_t>(i)];
    return number;
  }

  long strength(size_t line) const {
    const auto& note = lines[line].note;
    if (overlap == Overlap::kFirst) return -static_cast<long>(line + 1);
    return note.specificity ? *note.specificity : specificity(lines[line].range);
  }

  // The lines that hold at an address, by number from 0.
  std::vector<size_t> holding(const IpAddress& address) const {
    std::vector<size_t> there;
    std::optional<long> strongest, strongest_exclusion;
    for (size_t i = 0; i < lines.size(); i++) {
      if (!lines[i].range.contains(address)) continue;
      const auto* map = map_of(lines[i].note);
      const bool ignored = map && map->ignored && !lines[i].note.excluded;
      if (ignored && overlap == Overlap::kAll) continue;
      there.push_back(i);
      strongest = std::max(strongest.value_or(strength(i)), strength(i));
      if (lines[i].note.excluded || ignored)
        strongest_exclusion = std::max(strongest_exclusion.value_or(strength(i)), strength(i));
    }
    std::erase_if(there, [&](size_t i) {
      if (overlap != Overlap::kAll && strength(i) != *strongest) return true;
      return strongest_exclusion && strength(i) <= *strongest_exclusion;
    });
    return there;
  }

  const NaiveMap* map_of(const EntryNote& note) const {
    for (const auto& map : maps)
      if (map.holds(note)) return &map;
    return nullptr;
  }

  // Whole hours, rounded up.
  static int64_t leaves_at(int64_t expires_at) {
    return expires_at == kNeverExpires ? kNeverExpires : (expires_at + 3599) / 3600 * 3600;
  }

  // The ways in which an address is in the list at that time; empty: it is not.
  std::set<NaiveListing> listings(const IpAddress& address, int64_t now) const {
    std::set<NaiveListing> found;
    if (expires_at && *expires_at <= now) return found;
    for (const size_t i : holding(address)) {
      if (leaves_at(lines[i].note.expires_at) <= now) continue;
      const auto* map = map_of(lines[i].note);
      NaiveListing listing{category, weight};
      if (map && !map->category.empty()) listing.category = map->category;
      if (map && map->weight) listing.weight = *map->weight;
      found.insert(listing);
    }
    return found;
  }

  std::string declaration() const {
    auto text = "list " + name + " \"" + name + "\"";
    if (!category.empty()) text += " category " + category;
    text += " weight " + std::to_string(weight) + '\n';
    for (const auto& map : maps) text += "  " + map.text() + '\n';
    return text;
  }
};

struct NaiveRule {
  Action action = Action::ALLOW;
  std::string list = {}, category = {};  // all three empty: any
  std::optional<int> weight_at_least = {};
  bool observe = false;
  int limit = 0;  // per minute; 0: not a limit

  std::string text() const {
    std::string match = "any";
    if (!list.empty()) match = "list " + list;
    if (!category.empty()) match = "category " + category;
    if (weight_at_least) match = "weight >= " + std::to_string(*weight_at_least);
    auto text = std::string(observe ? "observe " : "");
    if (limit) return text + "limit " + match + ' ' + std::to_string(limit) + "/minute else drop";
    return text + std::string(word(action)) + ' ' + match;
  }
};

struct NaiveService {
  std::string name;
  std::vector<Prefix> destinations;
  uint16_t port;
  std::vector<NaiveRule> rules;
  // The tags of its frames, the outer one first; without it, any. An inner 0: whatever is inside.
  struct Vlan {
    uint32_t outer, inner;
    bool operator==(const Vlan&) const = default;
  };
  std::optional<Vlan> vlan = {};

  // How closely it names such frames: not (0), or the closer the more.
  int closeness(const Vlan& tags) const {
    if (!vlan) return 1;
    if (*vlan == Vlan{0, 0}) return tags == Vlan{0, 0} ? 2 : 0;
    if (vlan->outer != tags.outer) return 0;
    if (vlan->inner == 0) return 2;
    return vlan->inner == tags.inner ? 3 : 0;
  }
  // Tags of a frame that no other service names more closely.
  Vlan own_tags() const { return vlan.value_or(Vlan{4000, 0}); }

  std::string text() const {
    std::string words = "service " + name;
    for (const auto& prefix : destinations) words += ' ' + prefix.to_string();
    words += " port " + std::to_string(port);
    if (vlan == Vlan{0, 0}) return words + " vlan none";
    if (vlan) words += " vlan " + std::to_string(vlan->outer);
    if (vlan && vlan->inner != 0) words += '.' + std::to_string(vlan->inner);
    return words;
  }
};

// `connection from`: what judges attempts from the inside, by where they go.
struct NaiveOutbound {
  std::vector<std::string> lists, categories;  // of the source
  uint16_t port;
  std::vector<NaiveRule> rules;

  std::string text() const {
    std::vector<std::string> sources;
    for (const auto& category : categories) sources.push_back("category " + category);
    for (const auto& list : lists) sources.push_back("list " + list);
    std::ranges::sort(sources);
    std::string text = "from ";
    for (size_t i = 0; i < sources.size(); i++) text += (i ? ", " : "") + sources[i];
    return text + " port " + std::to_string(port);
  }
};

struct NaiveVerdict {
  Action action = Action::ALLOW;
  Reason reason = Reason::NO_RULE;
  bool is_final = false;
  std::string rule = {};      // as written; empty: none
  std::string observed = {};  // likewise
  int limit = 0;              // per minute

  bool operator==(const NaiveVerdict&) const = default;
};

struct NaiveSite {
  std::vector<NaiveList> lists = {};
  std::vector<Prefix> protects = {};
  std::vector<std::string> protected_lists = {}, protected_categories = {};
  std::vector<NaiveService> services = {};
  std::vector<NaiveOutbound> outbound = {};

  std::string policy() const {
    std::string text;
    for (const auto& list : lists) text += list.declaration();
    for (const auto& prefix : protects) text += "protect " + prefix.to_string() + '\n';
    for (const auto& list : protected_lists) text += "protect list " + list + '\n';
    for (const auto& category : protected_categories) text += "protect category " + category + '\n';
    for (const auto& service : services) {
      text += service.text() + '\n';
      text += "connection to " + service.name + '\n';
      for (const auto& rule : service.rules) text += "  " + rule.text() + '\n';
    }
    for (const auto& block : outbound) {
      text += "connection " + block.text() + '\n';
      for (const auto& rule : block.rules) text += "  " + rule.text() + '\n';
    }
    return text;
  }

  // Index into services.
  std::optional<size_t> service_of(const IpAddress& destination, uint16_t port,
                                   const NaiveService::Vlan& tags) const {
    std::optional<size_t> closest;
    for (size_t i = 0; i < services.size(); i++)
      for (const auto& prefix : services[i].destinations)
        if (services[i].port == port && prefix.contains(destination) &&
            services[i].closeness(tags) > (closest ? services[*closest].closeness(tags) : 0))
          closest = i;
    return closest;
  }

  // The ways in which an address is in each list at that time.
  using Listed = std::map<std::string, std::set<NaiveListing>>;
  Listed listed(const IpAddress& source, int64_t now) const {
    Listed found;
    for (const auto& list : lists)
      if (auto listings = list.listings(source, now); !listings.empty())
        found[list.name] = std::move(listings);
    return found;
  }

  // Index into outbound: the first block that has the source in one of its lists or categories.
  std::optional<size_t> outbound_of(const IpAddress& source, const Listed& listed) const {
    if (is_protected(source, listed)) return std::nullopt;
    for (size_t i = 0; i < outbound.size(); i++)
      if (std::ranges::any_of(outbound[i].lists,
                              [&](const auto& name) { return listed.contains(name); }) ||
          std::ranges::any_of(outbound[i].categories,
                              [&](const auto& c) { return has_category(listed, c); }))
        return i;
    return std::nullopt;
  }

  bool is_protected(const IpAddress& source, const Listed& listed) const {
    for (const auto& prefix : protects)
      if (prefix.contains(source)) return true;
    for (const auto& name : protected_lists)
      if (listed.contains(name)) return true;
    return std::ranges::any_of(protected_categories,
                               [&](const auto& c) { return has_category(listed, c); });
  }

  // By the rules of a service, a source; by those of an outbound block, a destination.
  NaiveVerdict judge(const std::vector<NaiveRule>& rules, const IpAddress& address,
                     const Listed& listed) const {
    if (is_protected(address, listed)) return {Action::ALLOW, Reason::PROTECTED, true};
    NaiveVerdict verdict;
    bool limited = false;
    for (const auto& rule : rules) {
      if (!matches(rule, listed)) continue;
      if (rule.limit > 0) {
        // One that is in force goes before one that is only observed.
        if (verdict.limit == 0 || (!limited && !rule.observe)) verdict.limit = rule.limit;
        limited = limited || !rule.observe;
      } else if (rule.observe) {
        if (verdict.observed.empty()) verdict.observed = rule.text();
      } else {
        constexpr std::pair<Action, Reason> kReasons[] = {{Action::ALLOW, Reason::RULE_ALLOW},
                                                          {Action::INSPECT, Reason::RULE_INSPECT},
                                                          {Action::DROP, Reason::RULE_DROP},
                                                          {Action::RESET, Reason::RULE_RESET},
                                                          {Action::REFUSE, Reason::RULE_REFUSE}};
        for (const auto& [action, reason] : kReasons)
          if (action == rule.action) verdict.reason = reason;
        verdict.action = rule.action;
        verdict.is_final = rule.action == Action::ALLOW;
        verdict.rule = rule.text();
        break;
      }
    }
    return verdict;
  }

 private:
  static bool has_category(const Listed& listed, const std::string& category) {
    for (const auto& [name, listings] : listed)
      for (const auto& listing : listings)
        if (listing.category == category) return true;
    return false;
  }

  static bool matches(const NaiveRule& rule, const Listed& listed) {
    if (!rule.list.empty()) return listed.contains(rule.list);
    if (!rule.category.empty()) return has_category(listed, rule.category);
    if (!rule.weight_at_least) return true;
    int sum = 0;
    for (const auto& [name, listings] : listed) {
      int heaviest = listings.begin()->weight;
      for (const auto& listing : listings) heaviest = std::max(heaviest, listing.weight);
      sum += heaviest;
    }
    return sum >= *rule.weight_at_least;
  }
};

}  // namespace postern::test
