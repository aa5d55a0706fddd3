// SPDX-License-Identifier: BSD-3-Clause
//
// What another snapshot changes, on a small site by hand, and on pairs of random ones against
// asking both naive twins about every stretch of addresses.
#include "rules/compile/difference.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>
#include <tuple>

#include "tests/rules/support/any_site.h"
#include "tests/rules/support/compiled.h"
#include "tests/rules/support/naive_compiled.h"
#include "tests/rules/support/naive_stretches.h"

namespace postern::test {
namespace {

#ifdef __SANITIZE_ADDRESS__
constexpr int kPairsPerCase = 1;
#else
constexpr int kPairsPerCase = 10;
#endif

constexpr const char* kPolicy =
    "list a \"a\" category x\nlist b \"b\" category x\n"
    "service mx 192.0.2.0/24 port 25\nconnection to mx\n  drop category x\n";

TEST(Difference, OfASnapshotFromItselfIsEmpty) {
  Workshop workshop;
  workshop.list("a", "203.0.113.0/24\n2001:db8::/32\n");
  workshop.list("b", "203.0.113.0/25\n");
  const auto snapshot = workshop.snapshot(kPolicy);
  EXPECT_TRUE(difference_of(*snapshot, *snapshot, snapshot->created()).empty());
}

TEST(Difference, CountsAddressesAndPrefixesPerListCategoryAndVerdict) {
  Workshop workshop;
  workshop.list("a", "203.0.113.0/24\n");
  workshop.list("b", "203.0.113.0/25\n");
  const auto before = workshop.snapshot(kPolicy);
  workshop.list("a", "203.0.113.128/25\n198.51.100.1\n198.51.100.2/31\n2001:db8::/48\n");
  const auto after = workshop.snapshot(kPolicy);
  const auto difference = difference_of(*before, *after, after->created());
  ASSERT_EQ(difference.lists.size(), 1u);
  const auto& list = difference.lists[0];
  EXPECT_EQ(list.name, "a");
  EXPECT_EQ(list.gained.addresses.v4, 3u);
  EXPECT_EQ(list.gained.prefixes_v4, 2u);
  EXPECT_EQ(list.gained.prefixes_v6, 1u);
  EXPECT_EQ(list.lost.addresses.v4, 128u);
  EXPECT_EQ(list.lost.prefixes(), 1u);
  ASSERT_EQ(difference.categories.size(), 1u);
  EXPECT_EQ(difference.categories[0].gained, list.gained);
  EXPECT_TRUE(difference.categories[0].lost.addresses.is_zero()) << "b has them still";
  ASSERT_EQ(difference.verdicts.size(), 1u);
  EXPECT_EQ(difference.verdicts[0].name, "mx");
  EXPECT_EQ(difference.verdicts[0].from.action, Action::ALLOW);
  EXPECT_EQ(difference.verdicts[0].to.action, Action::DROP);
  EXPECT_EQ(difference.verdicts[0].extent, list.gained);
}

TEST(Difference, OfARuleForEveryoneIsAllAddresses) {
  Workshop workshop;
  const auto before =
      workshop.snapshot("service mx 192.0.2.0/24 port 25\nservice old 192.0.2.0/24 port 26\n");
  const auto after = workshop.snapshot(
      "service new 192.0.2.0/24 port 27\nservice mx 192.0.2.0/24 port 25\n"
      "connection to mx\n  drop any hard\n");
  const auto difference = difference_of(*before, *after, after->created());
  ASSERT_EQ(difference.verdicts.size(), 1u);
  EXPECT_TRUE(difference.verdicts[0].to.is_hard);
  EXPECT_EQ(difference.verdicts[0].extent.addresses.v4, uint64_t{1} << 32);
  EXPECT_EQ(difference.verdicts[0].extent.prefixes_v4, 1u);
  EXPECT_EQ(difference.verdicts[0].extent.prefixes_v6, 1u);
  EXPECT_EQ(difference.services_gained, std::vector<std::string>{"new"});
  EXPECT_EQ(difference.services_lost, std::vector<std::string>{"old"});
}

TEST(Difference, NamesServicesThatMove) {
  Workshop workshop;
  const std::string text =
      "service net 192.0.2.0/25 192.0.2.128/25\nservice port 198.51.100.1\n"
      "service vlan 198.51.100.2 vlan 100\nservice same 198.51.100.3 198.51.100.4 vlan 7\n";
  const auto before = workshop.snapshot(text);
  EXPECT_TRUE(difference_of(*before, *workshop.snapshot(text), before->created()).empty());
  const auto after = workshop.snapshot(
      "service net 192.0.2.0/25\nservice port 198.51.100.1 port 26\n"
      "service vlan 198.51.100.2 vlan 100.7\nservice same 198.51.100.4 198.51.100.3 vlan 7\n");
  const auto difference = difference_of(*before, *after, after->created());
  EXPECT_EQ(difference.services_moved, (std::vector<std::string>{"net", "port", "vlan"}));
  EXPECT_FALSE(difference.empty());
}

TEST(Difference, NamesListsThatComeAndGo) {
  Workshop workshop;
  workshop.list("a", "203.0.113.0/24\n");
  const auto before = workshop.snapshot("list a \"a\" category x\n");
  const auto after = workshop.snapshot("list b \"a\" category x\n");
  const auto difference = difference_of(*before, *after, after->created());
  ASSERT_EQ(difference.lists.size(), 2u);
  for (const auto& list : difference.lists) {
    EXPECT_EQ(list.before, list.name == "a");
    EXPECT_EQ(list.after, list.name == "b");
    EXPECT_EQ((list.name == "a" ? list.lost : list.gained).addresses.v4, 256u);
  }
  EXPECT_TRUE(difference.categories.empty());
}

TEST(Difference, TellsWhomOutboundRulesJudgeAndWhatTheySayOfDestinations) {
  Workshop workshop;
  workshop.list("a", "203.0.113.0/24\n");
  workshop.list("b", "198.51.100.0/25\n");
  const std::string lists = "list a \"a\" category x\nlist b \"b\" category y\n";
  const auto before =
      workshop.snapshot(lists + "connection from list a\n  allow list b\n  drop any\n");
  const auto same_for_all =
      workshop.snapshot(lists + "connection from list a port 25\n  allow list b\n  drop any\n");
  EXPECT_TRUE(difference_of(*before, *same_for_all, before->created()).empty());
  workshop.list("a", "203.0.113.0/25\n");
  const auto after = workshop.snapshot(
      lists + "connection from list a\n  drop any\nconnection from category y port 587\n");
  const auto difference = difference_of(*before, *after, after->created());
  EXPECT_TRUE(difference.verdicts.empty());
  ASSERT_EQ(difference.outbound.size(), 2u);
  EXPECT_EQ(difference.outbound[0].name, "from list a port 25");
  EXPECT_TRUE(difference.outbound[0].before && difference.outbound[0].after);
  EXPECT_EQ(difference.outbound[0].lost.addresses.v4, 128u);
  EXPECT_EQ(difference.outbound[1].name, "from category y port 587");
  EXPECT_FALSE(difference.outbound[1].before);
  EXPECT_EQ(difference.outbound[1].gained.addresses.v4, 128u);
  ASSERT_EQ(difference.outbound_verdicts.size(), 1u);
  EXPECT_EQ(difference.outbound_verdicts[0].name, "from list a port 25");
  EXPECT_EQ(difference.outbound_verdicts[0].from.action, Action::ALLOW);
  EXPECT_EQ(difference.outbound_verdicts[0].to.action, Action::DROP);
  EXPECT_EQ(difference.outbound_verdicts[0].extent.addresses.v4, 128u);
}

TEST(Difference, CountsDomains) {
  Workshop workshop;
  workshop.list("d", "example.com\nexample.net\nexample.org\nexample.org\n");
  const auto before = workshop.snapshot("list d \"d\" format domains expires 7d\n");
  EXPECT_TRUE(difference_of(*before, *before, before->created()).empty());
  workshop.list("d", "example.com\nexample.edu\n");
  const auto after =
      workshop.snapshot("list d \"d\" format domains expires 7d\nlist e \"d\" format domains\n");
  const auto difference = difference_of(*before, *after, after->created());
  EXPECT_TRUE(difference.lists.empty());
  ASSERT_EQ(difference.domains.size(), 2u);
  EXPECT_EQ(difference.domains[0].name, "d");
  EXPECT_EQ(difference.domains[0].gained, 1u);
  EXPECT_EQ(difference.domains[0].lost, 2u);
  EXPECT_EQ(difference.domains[1].name, "e");
  EXPECT_EQ(difference.domains[1].gained, 2u);
  EXPECT_FALSE(difference.domains[1].before);
  const auto later = difference_of(*before, *after, after->created() + 8 * 86400);
  ASSERT_EQ(later.domains.size(), 1u) << "d has expired in both by then";
  EXPECT_EQ(later.domains[0].name, "e");
}

TEST(Difference, CountsDomainsOfAnyFormat) {
  Workshop workshop;
  workshop.list("m", R"({"list": ["example.com", "example.net"], "type": "hostname"})");
  const auto before = workshop.snapshot("list m \"m\"\n");
  workshop.list("m", R"({"list": ["example.com"], "type": "hostname"})");
  const auto after = workshop.snapshot("list m \"m\"\n");
  const auto difference = difference_of(*before, *after, after->created());
  EXPECT_TRUE(difference.lists.empty());
  ASSERT_EQ(difference.domains.size(), 1u);
  EXPECT_EQ(difference.domains[0].lost, 1u);
}

// The naive twin: for each thing that can happen to an address, the stretches to which it does.
struct Happening {
  std::string what, name;
  Treatment from = {}, to = {};
  auto operator<=>(const Happening&) const = default;
};

Treatment treatment_of(const NaiveSite& site, const std::vector<NaiveRule>& rules,
                       const IpAddress& where, int64_t now) {
  const auto verdict = site.judge(rules, where, site.listed(where, now));
  return {.action = verdict.action,
          .is_final = verdict.is_final,
          .is_hard = false,
          .is_limited = verdict.limit > 0};
}

std::set<std::string> categories_in(const NaiveSite::Listed& listed) {
  std::set<std::string> found;
  for (const auto& [name, listings] : listed)
    for (const auto& listing : listings) found.insert(listing.category);
  found.erase("");
  return found;
}

std::vector<Happening> happenings(const NaiveSite& before, const NaiveSite& after,
                                  const IpAddress& where, int64_t now) {
  std::vector<Happening> found;
  const auto from = before.listed(where, now), to = after.listed(where, now);
  for (const auto& [name, listings] : from)
    if (!to.contains(name)) found.push_back({"list lost", name});
  for (const auto& [name, listings] : to)
    if (!from.contains(name)) found.push_back({"list gained", name});
  const auto old_categories = categories_in(from), new_categories = categories_in(to);
  for (const auto& name : old_categories)
    if (!new_categories.contains(name)) found.push_back({"category lost", name});
  for (const auto& name : new_categories)
    if (!old_categories.contains(name)) found.push_back({"category gained", name});
  for (const auto& service : before.services)
    for (const auto& same : after.services) {
      if (same.name != service.name) continue;
      const auto left = treatment_of(before, service.rules, where, now);
      const auto right = treatment_of(after, same.rules, where, now);
      if (left != right) found.push_back({"verdict", service.name, left, right});
    }
  const auto block_of = [&](const NaiveSite& site, const NaiveSite::Listed& listed) {
    const auto block = site.outbound_of(where, listed);
    return block ? site.outbound[*block].text() : "";
  };
  const auto old_block = block_of(before, from), new_block = block_of(after, to);
  if (old_block != new_block && !old_block.empty()) found.push_back({"block lost", old_block});
  if (old_block != new_block && !new_block.empty()) found.push_back({"block gained", new_block});
  for (const auto& block : before.outbound)
    for (const auto& same : after.outbound) {
      if (same.text() != block.text()) continue;
      const auto left = treatment_of(before, block.rules, where, now);
      const auto right = treatment_of(after, same.rules, where, now);
      if (left != right) found.push_back({"outbound verdict", block.text(), left, right});
    }
  return found;
}

using Extents = std::map<Happening, Extent>;

template <typename Key>
void walk_naively(const NaiveSite& before, const NaiveSite& after, int64_t now, Extents& extents) {
  std::map<Happening, Stretches<Key>> found;
  for (const auto& [first, last] : stretches_of<Key>({&before, &after}))
    for (const auto& happening : happenings(before, after, address_of(first), now)) {
      auto& stretches = found[happening];
      if (!stretches.empty() && static_cast<Key>(stretches.back().second + 1) == first)
        stretches.back().second = last;
      else
        stretches.emplace_back(first, last);
    }
  for (const auto& [happening, stretches] : found)
    for (const auto& [first, last] : stretches) {
      auto& extent = extents[happening];
      extent.addresses.add(first, last);
      (kKeyFamily<Key> == Family::kV4 ? extent.prefixes_v4 : extent.prefixes_v6) +=
          naive_prefixes(first, last);
    }
}

void compare(const NaiveSite& before, const NaiveSite& after, int64_t now) {
  Extents expected, found;
  walk_naively<KeyV4>(before, after, now, expected);
  walk_naively<KeyV6>(before, after, now, expected);
  const auto difference = difference_of(*compiled(before, kNow), *compiled(after, kNow), now);
  const auto add = [&](Happening happening, const Extent& extent) {
    if (!extent.addresses.is_zero()) found[std::move(happening)] = extent;
  };
  for (const auto& list : difference.lists) {
    add({"list gained", list.name}, list.gained);
    add({"list lost", list.name}, list.lost);
  }
  for (const auto& category : difference.categories) {
    add({"category gained", category.name}, category.gained);
    add({"category lost", category.name}, category.lost);
  }
  for (const auto& verdict : difference.verdicts)
    add({"verdict", verdict.name, verdict.from, verdict.to}, verdict.extent);
  for (const auto& block : difference.outbound) {
    add({"block gained", block.name}, block.gained);
    add({"block lost", block.name}, block.lost);
  }
  for (const auto& verdict : difference.outbound_verdicts)
    add({"outbound verdict", verdict.name, verdict.from, verdict.to}, verdict.extent);
  RC_ASSERT(found == expected);
  RC_ASSERT(std::ranges::is_sorted(difference.lists, std::ranges::greater(), &NamedChange::size));
}

TEST(Difference, AgreesWithTheNaiveTwins) {
  EXPECT_TRUE(rc::check([] {
    for (int i = 0; i < kPairsPerCase; i++) {
      const auto before = any_site(), after = any_site();
      log(before);
      log(after);
      for (const int64_t now : {kNow, kNow + 3 * 3600}) compare(before, after, now);
    }
  }));
}

}  // namespace
}  // namespace postern::test
