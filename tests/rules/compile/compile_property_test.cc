// SPDX-License-Identifier: BSD-3-Clause
//
// Random sites - lists that overlap, with exclusions, values, maps, weights and expiries, protects,
// services, rules of every kind - compiled, and asked about every address near every boundary:
// lists, services and verdicts are those of the naive twin, at compile time and, by the matrix of
// a later hour, hours later. At least a million
// addresses are compared in every run.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "rules/compile/expiry.h"
#include "tests/rules/support/compiled.h"
#include "tests/rules/support/naive_compiled.h"

namespace postern::test {
namespace {

constexpr int64_t kNow = 1'700'000'000;
#ifdef __SANITIZE_ADDRESS__  // the same paths, at a tenth of the speed
constexpr uint64_t kAddressesPerCase = 200;
#else
constexpr uint64_t kAddressesPerCase = 10'000;  // of a hundred cases
#endif

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
  if (overlap == Overlap::kFirst && one_in(3))
    note.order = static_cast<uint32_t>(*rc::gen::inRange(1, 20));
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

// Rules of which none is out of reach, as the parser demands.
std::vector<NaiveRule> any_rules(const std::vector<NaiveList>& lists) {
  std::vector<NaiveRule> rules;
  std::set<std::string> taken;  // texts of the matches that an ending rule has taken
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
    NaiveSite trial{.lists = lists,
                    .protects = {},
                    .protected_lists = {},
                    .protected_categories = {},
                    .services = {{"s", {prefix("192.0.2.0/24")}, 25, rules}}};
    try {
      parse_policy(trial.policy(), "trial");
    } catch (const BadInput&) {
      rules.pop_back();
    }
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
  for (int i = *rc::gen::inRange(0, 6); i > 0; i--) site.lists.push_back(any_list(i));
  site.protects = any_prefixes(0, 3);
  if (one_in(4) && !site.lists.empty())
    site.protected_lists = {(*rc::gen::elementOf(site.lists)).name};
  if (const auto categories = categories_of(site.lists); one_in(4) && !categories.empty())
    site.protected_categories = {*rc::gen::elementOf(categories)};
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
  const auto add = [&](const AddressRange& range) {
    for (const auto& edge : {range.first(), range.last()}) {
      found.insert(edge);
      if (const auto next = edge.next()) found.insert(*next);
      if (const auto previous = edge.previous()) found.insert(*previous);
    }
  };
  for (const auto& list : site.lists)
    for (const auto& line : list.lines) add(line.range);
  for (const auto& prefix : site.protects) add(prefix);
  for (const auto& service : site.services)
    for (const auto& prefix : service.destinations) add(prefix);
  return {found.begin(), found.end()};
}

NaiveVerdict told(const Snapshot& snapshot, size_t service, const ps_verdict& verdict) {
  NaiveVerdict result{static_cast<Action>(verdict.action), static_cast<Reason>(verdict.reason),
                      (verdict.flags & PS_VERDICT_FINAL) != 0};
  if (const auto* rule = snapshot.rule_of(service, verdict.rule)) result.rule = rule->text;
  if (const auto* rule = snapshot.rule_of(service, verdict.observed_rule))
    result.observed = rule->text;
  if (verdict.limit != 0) {
    const auto* limits = reinterpret_cast<const ps_limit*>(snapshot.image_bytes().data()) +
                         size_t{snapshot.header().limits} * (PS_BLOCK_BYTES / sizeof(ps_limit));
    result.limit = static_cast<int>(60'000'000'000 / limits[verdict.limit].interval_ns);
  }
  return result;
}

class Comparison {
 public:
  explicit Comparison(const NaiveSite& site) : site_(site), snapshot_(compiled(site, kNow)) {}

  void run() {
    for (const auto& where : boundaries(site_)) compare(where);
    for (int i = 0; i < 20; i++) {
      compare(any_address(Family::kV4));
      compare(any_address(Family::kV6));
    }
  }
  uint64_t addresses() const { return addresses_; }

 private:
  void compare(const IpAddress& where) {
    addresses_++;
    const auto address_class = snapshot_->class_of(where);
    compare_lists(where, address_class, kNow);
    compare_services(where);
    compare_entries(where);
    const auto explanation = snapshot_->explain(where, std::nullopt, kNow);
    RC_ASSERT(explanation.services.size() == site_.services.size());
    for (size_t i = 0; i < site_.services.size(); i++)
      compare_verdict(where, address_class, i, explanation.services[i].verdict);
    for (const int64_t later : {kNow + 3600, kNow + 3 * 3600})
      compare_later(where, address_class, later);
  }

  void compare_lists(const IpAddress& where, ClassId address_class, int64_t now) const {
    const auto listed = site_.listed(where, now);
    std::set<std::string> found, expected;
    for (const size_t list : snapshot_->lists_of(address_class, now))
      found.insert(snapshot_->lists()[list].name);
    for (const auto& [name, listings] : listed) expected.insert(name);
    RC_ASSERT(found == expected);
    RC_ASSERT(snapshot_->is_protected(address_class, now) == site_.is_protected(where, listed));
  }

  void compare_services(const IpAddress& where) const {
    for (const uint16_t port : {uint16_t{25}, uint16_t{587}, uint16_t{26}}) {
      const auto found = snapshot_->service_of(where, port);
      const auto expected = site_.service_of(where, port);
      RC_ASSERT(found.has_value() == expected.has_value());
      if (found) RC_ASSERT(found->service == *expected);
    }
  }

  // Every line that has the address is told, whether it holds or not.
  void compare_entries(const IpAddress& where) const {
    std::multiset<std::string> lines, expected;
    for (const auto& entry : snapshot_->explain(where, std::nullopt, kNow).entries)
      lines.insert(std::to_string(entry.list) + ' ' + std::to_string(entry.line) + ' ' +
                   entry.range.to_string() + ' ' + entry.note.word);
    for (size_t i = 0; i < site_.lists.size(); i++)
      for (size_t j = 0; j < site_.lists[i].lines.size(); j++)
        if (const auto& line = site_.lists[i].lines[j]; line.range.contains(where))
          expected.insert(std::to_string(i) + ' ' + std::to_string(j + 1) + ' ' +
                          line.range.to_string() + ' ' + line.note.word);
    RC_ASSERT(lines == expected);
  }

  void compare_verdict(const IpAddress& where, ClassId address_class, size_t number,
                       const ps_verdict& explained) const {
    const auto& service = site_.services[number];
    RC_ASSERT(told(*snapshot_, number, explained) ==
              site_.judge(service, where, site_.listed(where, kNow)));
    // The engines' way: destination -> row of the matrix -> verdict.
    const auto found = snapshot_->service_of(service.destinations[0].first(), service.port);
    RC_ASSERT(found.has_value());
    const auto verdict = snapshot_->verdict(found->policy, address_class);
    RC_ASSERT(std::memcmp(&verdict, &explained, sizeof verdict) == 0);
  }

  // What an engine writes over the matrix at that hour.
  void compare_later(const IpAddress& where, ClassId address_class, int64_t now) {
    auto& matrix = later_[now];
    if (matrix.cells.empty()) matrix = matrix_at(*snapshot_, now);
    compare_lists(where, address_class, now);
    for (size_t i = 0; i < site_.services.size(); i++) {
      const auto& service = site_.services[i];
      const auto row = snapshot_->service_of(service.destinations[0].first(), service.port)->policy;
      const auto& verdict =
          matrix.cells[size_t{row} * snapshot_->header().class_count + address_class];
      RC_ASSERT(told(*snapshot_, i, verdict) ==
                site_.judge(service, where, site_.listed(where, now)));
    }
  }

  const NaiveSite& site_;
  std::shared_ptr<const Snapshot> snapshot_;
  std::map<int64_t, MatrixAt> later_;
  uint64_t addresses_ = 0;
};

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

TEST(Compile, AgreesWithTheNaiveTwin) {
  uint64_t addresses = 0;
  // A hundred cases, each of several sites: rapidcheck would make the same hundred again.
  EXPECT_TRUE(rc::check([&] {
    for (const auto enough = addresses + kAddressesPerCase; addresses < enough;) {
      const auto site = any_site();
      log(site);
      Comparison comparison(site);
      comparison.run();
      addresses += comparison.addresses();
    }
  }));
  RecordProperty("addresses", std::to_string(addresses));
  if (!testing::Test::HasFailure()) {
    EXPECT_GE(addresses, 100 * kAddressesPerCase);
  }
}

}  // namespace
}  // namespace postern::test
