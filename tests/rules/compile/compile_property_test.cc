// SPDX-License-Identifier: BSD-3-Clause
//
// Random sites - lists that overlap, protects, services, rules - compiled, and asked about every
// address near every boundary: classes, services and verdicts are those of the naive twin.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "tests/rules/support/compiled.h"
#include "tests/rules/support/naive_site.h"

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

IpAddress any_address(Family family) {
  std::array<uint8_t, 16> bytes{};
  for (auto& byte : bytes) byte = any_byte();
  if (family == Family::kV6) return IpAddress::v6(bytes);
  return IpAddress::v4(uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 |
                       uint32_t{bytes[2]} << 8 | bytes[3]);
}

Prefix any_prefix(Family family) {
  const int length = *rc::gen::inRange(1, bits_of(family) + 1);
  return Prefix::make(any_address(family), length, Prefix::HostBits::kMask).value();
}

Prefix any_prefix() {
  return any_prefix(*rc::gen::element(Family::kV4, Family::kV6));
}

std::vector<Prefix> any_prefixes(int at_least, int at_most) {
  std::vector<Prefix> prefixes;
  for (int count = *rc::gen::inRange(at_least, at_most + 1); count > 0; count--)
    prefixes.push_back(any_prefix());
  return prefixes;
}

// Rules of which none is out of reach, as the parser demands.
std::vector<NaiveRule> any_rules(const std::vector<NaiveList>& lists) {
  std::vector<NaiveRule> rules;
  std::set<std::string> taken;
  for (int tries = *rc::gen::inRange(0, 6); tries > 0; tries--) {
    const auto action =
        *rc::gen::element(Action::ALLOW, Action::INSPECT, Action::DROP, Action::RESET);
    const auto what = *rc::gen::inRange(0, 7);
    if (what == 0 || lists.empty()) {
      rules.push_back({action, "", ""});
      break;
    }
    const auto& list = *rc::gen::elementOf(lists);
    const bool by_category = what > 3 && !list.category.empty();
    std::set<std::string> wanted;
    for (const auto& other : lists)
      if (by_category ? other.category == list.category : other.name == list.name)
        wanted.insert(other.name);
    if (std::ranges::includes(taken, wanted)) continue;
    taken.insert(wanted.begin(), wanted.end());
    rules.push_back({action, by_category ? "" : list.name, by_category ? list.category : ""});
  }
  return rules;
}

bool touches(const std::vector<Prefix>& prefixes, const Prefix& one) {
  return std::ranges::any_of(prefixes, [&](const Prefix& other) {
    return other.contains(one.first()) || one.contains(other.first());
  });
}

NaiveSite any_site() {
  NaiveSite site;
  for (int i = *rc::gen::inRange(0, 6); i > 0; i--)
    site.lists.push_back({"l" + std::to_string(i), *rc::gen::element<std::string>("", "x", "y"),
                          any_prefixes(1, 12)});
  site.protects = any_prefixes(0, 3);
  for (int i = *rc::gen::inRange(1, 4); i > 0; i--) {
    NaiveService service{"s" + std::to_string(i), {}, *rc::gen::element<uint16_t>(25, 587), {}};
    for (const auto& prefix : any_prefixes(1, 3))  // only what no other service of the port has
      if (std::ranges::none_of(site.services,
                               [&](const NaiveService& other) {
                                 return other.port == service.port &&
                                        touches(other.destinations, prefix);
                               }) &&
          !touches(service.destinations, prefix))
        service.destinations.push_back(prefix);
    if (service.destinations.empty()) continue;
    service.rules = any_rules(site.lists);
    site.services.push_back(std::move(service));
  }
  return site;
}

// All first and last addresses, with their neighbours.
std::vector<IpAddress> boundaries(const NaiveSite& site) {
  std::set<IpAddress> found = {address("0.0.0.0"), address("255.255.255.255"), address("::"),
                               address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")};
  const auto add = [&](const std::vector<Prefix>& prefixes) {
    for (const auto& prefix : prefixes)
      for (const auto& edge : {prefix.first(), prefix.last()}) {
        found.insert(edge);
        if (const auto next = edge.next()) found.insert(*next);
        if (const auto previous = edge.previous()) found.insert(*previous);
      }
  };
  for (const auto& list : site.lists) add(list.lines);
  add(site.protects);
  for (const auto& service : site.services) add(service.destinations);
  return {found.begin(), found.end()};
}

std::shared_ptr<const Snapshot> compiled(const NaiveSite& site) {
  Workshop shop;
  for (const auto& list : site.lists) shop.list(list.name + ".txt", list.text());
  return shop.snapshot(site.policy());
}

NaiveVerdict told(const Explanation::PerService& service) {
  return {static_cast<Action>(service.verdict.action), static_cast<Reason>(service.verdict.reason),
          (service.verdict.flags & PS_VERDICT_FINAL) != 0, service.rule_text};
}

void compare(const NaiveSite& site, const Snapshot& snapshot, const IpAddress& where) {
  const auto address_class = snapshot.class_of(where);
  const auto lists = snapshot.lists_of(address_class);
  RC_ASSERT(std::set<size_t>(lists.begin(), lists.end()) == site.lists_of(where));
  RC_ASSERT(snapshot.is_protected(address_class) == site.is_protected(where));
  RC_ASSERT((address_class == 0) == (lists.empty() && !site.is_protected(where)));

  for (const uint16_t port : {uint16_t{25}, uint16_t{587}, uint16_t{26}}) {
    const auto found = snapshot.service_of(where, port);
    const auto expected = site.service_of(where, port);
    RC_ASSERT(found.has_value() == expected.has_value());
    if (found) RC_ASSERT(found->service == *expected);
  }

  const auto explanation = snapshot.explain(where, std::nullopt);
  RC_ASSERT(explanation.services.size() == site.services.size());
  for (size_t i = 0; i < site.services.size(); i++) {
    const auto& service = site.services[i];
    RC_ASSERT(told(explanation.services[i]) == site.judge(service, where));
    // The engines' way: destination -> row of the matrix -> verdict.
    const auto found = snapshot.service_of(service.destinations[0].first(), service.port);
    RC_ASSERT(found.has_value());
    const auto verdict = snapshot.verdict(found->policy, address_class);
    RC_ASSERT(std::memcmp(&verdict, &explanation.services[i].verdict, sizeof verdict) == 0);
  }

  std::multiset<std::string> lines, expected_lines;
  for (const auto& entry : explanation.entries)
    lines.insert(std::to_string(entry.list) + ' ' + std::to_string(entry.line) + ' ' +
                 entry.range.to_string());
  for (size_t i = 0; i < site.lists.size(); i++)
    for (size_t j = 0; j < site.lists[i].lines.size(); j++)
      if (site.lists[i].lines[j].contains(where))
        expected_lines.insert(std::to_string(i) + ' ' + std::to_string(j + 1) + ' ' +
                              site.lists[i].lines[j].to_string());
  RC_ASSERT(lines == expected_lines);
}

RC_GTEST_PROP(Compile, AgreesWithTheNaiveTwin, ()) {
  const auto site = any_site();
  RC_LOG() << site.policy();
  for (const auto& list : site.lists) RC_LOG() << "# " << list.name << '\n' << list.text();
  const auto snapshot = compiled(site);
  for (const auto& where : boundaries(site)) compare(site, *snapshot, where);
  for (int i = 0; i < 20; i++) {
    compare(site, *snapshot, any_address(Family::kV4));
    compare(site, *snapshot, any_address(Family::kV6));
  }
}

}  // namespace
}  // namespace postern::test
