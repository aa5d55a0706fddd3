// SPDX-License-Identifier: BSD-3-Clause
//
// How sites are drawn (tests/rules/support/any_site.h), once for all the tests that draw them:
// rapidcheck's generators are dear to compile.
#include "tests/rules/support/any_site.h"

#include <rapidcheck.h>

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <vector>

#include "rules/policy/parse.h"
#include "rules/text/diagnostic.h"

namespace postern::test {
namespace {

// Bytes from few values, so that prefixes nest and meet often.
uint8_t any_byte() {
  return *rc::gen::weightedElement<uint8_t>({{4, uint8_t{0}},
                                             {3, uint8_t{255}},
                                             {2, uint8_t{1}},
                                             {2, uint8_t{128}},
                                             {1, uint8_t{127}},
                                             {1, uint8_t{64}}});
}

}  // namespace

IpAddress any_address(Family family) {
  std::array<uint8_t, 16> bytes{};
  for (auto& byte : bytes) byte = any_byte();
  if (family == Family::kV6) return IpAddress::v6(bytes);
  return IpAddress::v4(uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 |
                       uint32_t{bytes[2]} << 8 | bytes[3]);
}

namespace {

Family any_family() {
  return *rc::gen::element(Family::kV4, Family::kV6);
}

Prefix any_prefix() {
  const auto family = any_family();
  const int length = *rc::gen::inRange(1, bits_of(family) + 1);
  return Prefix::make(any_address(family), length, Prefix::HostBits::kMask).value();
}

// A prefix, or now and then a range that is none, of few addresses.
AddressRange any_range() {
  const auto prefix = any_prefix();
  if (*rc::gen::inRange(0, 4) > 0) return prefix;
  auto last = prefix.first();
  for (int steps = *rc::gen::inRange(0, 6); steps > 0; steps--) last = last.next().value_or(last);
  return AddressRange::make(prefix.first(), last).value();
}

std::vector<Prefix> any_prefixes(int at_least, int at_most) {
  std::vector<Prefix> prefixes;
  for (int count = *rc::gen::inRange(at_least, at_most + 1); count > 0; count--)
    prefixes.push_back(any_prefix());
  return prefixes;
}

bool one_in(int n) {
  return *rc::gen::inRange(0, n) == 0;
}

std::string any_category() {
  return *rc::gen::element<std::string>("", "x", "y", "z");
}

EntryNote any_note(Overlap overlap) {
  EntryNote note;
  if (one_in(3)) note.word = *rc::gen::element<std::string>("a", "b");
  if (one_in(3)) note.number = *rc::gen::inRange(0, 5);
  if (one_in(4)) note.expires_at = kNow + *rc::gen::inRange(-7200, 4 * 3600);
  if (overlap == Overlap::kMostSpecific && one_in(4))
    note.specificity = static_cast<uint8_t>(*rc::gen::element(8, 16, 24, 32));
  note.excluded = one_in(4);
  return note;
}

NaiveList any_list(int number) {
  NaiveList list{.name = "l" + std::to_string(number), .category = any_category()};
  list.weight = *rc::gen::inRange(-2, 5);
  const bool plain = one_in(3);
  if (!plain)
    list.overlap = *rc::gen::element(Overlap::kAll, Overlap::kMostSpecific, Overlap::kFirst);
  if (one_in(5)) list.expires_at = kNow + *rc::gen::inRange(-3600, 4 * 3600);
  if (!plain && one_in(2)) {
    NaiveMap map;
    map.word = *rc::gen::element<std::string>("a", "b", "");
    map.at_least = 2;
    map.ignored = one_in(4);
    map.category = any_category();
    if (!map.ignored && (map.category.empty() || one_in(2))) map.weight = *rc::gen::inRange(-2, 5);
    list.maps.push_back(map);
  }
  for (int count = *rc::gen::inRange(1, 12); count > 0; count--)
    list.lines.push_back({any_range(), plain ? EntryNote{} : any_note(list.overlap)});
  return list;
}

std::vector<std::string> categories_of(const std::vector<NaiveList>& lists) {
  std::set<std::string> found;
  for (const auto& list : lists) {
    found.insert(list.category);
    for (const auto& map : list.maps)
      if (!map.ignored) found.insert(map.category);
  }
  found.erase("");
  return {found.begin(), found.end()};
}

bool is_accepted(const NaiveSite& site) {
  try {
    parse_policy(site.policy(), "trial");
    return true;
  } catch (const BadInput&) {
    return false;
  }
}

// Adds to rules, which are the site's own, such as the parser accepts: none is out of reach.
void add_any_rules(NaiveSite& site, std::vector<NaiveRule>& rules) {
  const auto& lists = site.lists;
  const auto categories = categories_of(lists);
  for (int tries = *rc::gen::inRange(0, 8); tries > 0; tries--) {
    NaiveRule rule;
    rule.action = *rc::gen::element(Action::ALLOW, Action::INSPECT, Action::DROP, Action::RESET,
                                    Action::REFUSE);
    rule.observe = one_in(5);
    if (one_in(5)) rule.limit = *rc::gen::inRange(1, 4);
    const auto what = *rc::gen::inRange(0, 9);
    if (what < 5 && !lists.empty())
      rule.list = (*rc::gen::elementOf(lists)).name;
    else if (what < 7 && !categories.empty())
      rule.category = *rc::gen::elementOf(categories);
    else if (what < 8)
      rule.weight_at_least = *rc::gen::inRange(1, 7);
    // A category may be taken by rules for all its lists; the parser knows, so this asks it.
    rules.push_back(rule);
    if (!is_accepted(site)) rules.pop_back();
  }
}

bool touches(const std::vector<Prefix>& prefixes, const Prefix& one) {
  return std::ranges::any_of(prefixes, [&](const Prefix& other) {
    return other.contains(one.first()) || one.contains(other.first());
  });
}

// One block of outbound rules more, where the parser accepts what was drawn: a block whose sources
// all have one already is an error.
void add_any_outbound(NaiveSite& site) {
  NaiveOutbound block{{}, {}, *rc::gen::element<uint16_t>(25, 587), {}};
  for (const auto& list : site.lists)
    if (one_in(3)) block.lists.push_back(list.name);
  for (const auto& category : categories_of(site.lists))
    if (one_in(4)) block.categories.push_back(category);
  if (block.lists.empty() && block.categories.empty()) return;
  site.outbound.push_back(std::move(block));
  if (is_accepted(site))
    add_any_rules(site, site.outbound.back().rules);
  else
    site.outbound.pop_back();
}

}  // namespace

NaiveSite any_site() {
  NaiveSite site;
  for (int i = *rc::gen::inRange(0, 6); i > 0; i--) site.lists.push_back(any_list(i));
  site.protects = any_prefixes(0, 3);
  if (one_in(4) && !site.lists.empty())
    site.protected_lists = {(*rc::gen::elementOf(site.lists)).name};
  if (const auto categories = categories_of(site.lists); one_in(4) && !categories.empty())
    site.protected_categories = {*rc::gen::elementOf(categories)};
  for (int i = *rc::gen::inRange(1, 6); i > 0; i--) {
    NaiveService service{"s" + std::to_string(i), {}, *rc::gen::element<uint16_t>(25, 587), {}};
    using Vlan = NaiveService::Vlan;
    if (one_in(2))
      service.vlan = *rc::gen::element(Vlan{0, 0}, Vlan{100, 0}, Vlan{100, 7}, Vlan{200, 0});
    for (const auto& prefix : any_prefixes(1, 3))  // only what no other such service has
      if (std::ranges::none_of(site.services,
                               [&](const NaiveService& other) {
                                 return other.port == service.port && other.vlan == service.vlan &&
                                        touches(other.destinations, prefix);
                               }) &&
          !touches(service.destinations, prefix))
        service.destinations.push_back(prefix);
    if (service.destinations.empty()) continue;
    site.services.push_back(std::move(service));
    add_any_rules(site, site.services.back().rules);
  }
  for (int i = *rc::gen::inRange(0, 3); i > 0; i--) add_any_outbound(site);
  return site;
}

void log(const NaiveSite& site) {
  RC_LOG() << site.policy();
  for (const auto& list : site.lists) {
    RC_LOG() << "# " << list.name << ", overlap " << static_cast<int>(list.overlap) << '\n';
    for (const auto& line : list.lines)
      RC_LOG() << line.range.to_string() << (line.note.excluded ? " excluded " : " ")
               << line.note.word << ' ' << line.note.number.value_or(-1) << ' '
               << line.note.expires_at << '\n';
  }
}

}  // namespace postern::test
