// SPDX-License-Identifier: BSD-3-Clause
//
// What lists cover, on a small site by hand, and on random ones against walking over the lines.
#include "rules/compile/coverage.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>

#include "tests/rules/support/any_site.h"
#include "tests/rules/support/compiled.h"
#include "tests/rules/support/naive_compiled.h"
#include "tests/rules/support/naive_stretches.h"

namespace postern::test {
namespace {

#ifdef __SANITIZE_ADDRESS__
constexpr int kSitesPerCase = 1;
#else
constexpr int kSitesPerCase = 10;
#endif

TEST(Coverage, SaysWhatOnlyOneListHas) {
  Workshop workshop;
  workshop.list("a", "203.0.113.0/24\n2001:db8::/48\n");
  workshop.list("b", "203.0.113.0/25\n203.0.113.0/26\n");
  workshop.list("c", "203.0.113.0/32\n198.51.100.0/30\n");
  const auto snapshot = workshop.snapshot(
      "list a \"a\" category x\nlist b \"b\" category y\nlist c \"c\" category y\n");
  const auto coverage = coverage_of(*snapshot, snapshot->created());
  ASSERT_EQ(coverage.lists.size(), 3u);
  const auto& [a, b, c] = std::tie(coverage.lists[0], coverage.lists[1], coverage.lists[2]);
  EXPECT_EQ(a.covered.v4, 256u);
  EXPECT_TRUE(a.covered.v6 == KeyV6{1} << 80);
  EXPECT_EQ(a.alone.v4, 128u);
  EXPECT_EQ(a.alone_in_category, a.covered);
  EXPECT_EQ(b.covered.v4, 128u) << "an address counts once, however many lines have it";
  EXPECT_TRUE(b.adds_nothing());
  EXPECT_FALSE(b.adds_nothing_to_category());
  EXPECT_EQ(b.alone_in_category.v4, 127u);
  EXPECT_EQ(c.alone.v4, 4u);
  EXPECT_EQ(coverage.any.v4, 260u);
  ASSERT_EQ(coverage.overlaps.size(), 3u);
  EXPECT_EQ(coverage.overlaps[0].both.v4, 128u);
  EXPECT_EQ(coverage.overlaps[0].one, 0u);
  EXPECT_EQ(coverage.overlaps[0].other, 1u);
  EXPECT_EQ(coverage.overlaps[1].both.v4, 1u);
}

TEST(Coverage, AListThatCoversNothingIsNotOneThatAddsNothing) {
  EXPECT_FALSE(ListCoverage{}.adds_nothing());
  EXPECT_FALSE(ListCoverage{}.adds_nothing_to_category());
}

struct NaiveCoverage {
  std::map<std::string, ListCoverage> lists;
  std::map<std::pair<std::string, std::string>, AddressCount> overlaps;
  AddressCount any;
};

template <typename Key>
void count_naively(const NaiveSite& site, int64_t now, NaiveCoverage& counts) {
  for (const auto& [first, last] : stretches_of<Key>({&site})) {
    const auto listed = site.listed(address_of(first), now);
    if (!listed.empty()) counts.any.add(first, last);
    for (const auto& [name, listings] : listed) {
      auto& list = counts.lists[name];
      list.covered.add(first, last);
      if (listed.size() == 1) list.alone.add(first, last);
      std::set<std::string> elsewhere;
      for (const auto& [other, of_other] : listed) {
        if (other == name) continue;
        for (const auto& listing : of_other) elsewhere.insert(listing.category);
        if (name < other) counts.overlaps[{name, other}].add(first, last);
      }
      bool missed = false;
      for (const auto& listing : listings)
        missed = missed || listing.category.empty() || !elsewhere.contains(listing.category);
      if (missed) list.alone_in_category.add(first, last);
    }
  }
}

void compare(const NaiveSite& site, int64_t now) {
  const auto snapshot = compiled(site, kNow);
  const auto coverage = coverage_of(*snapshot, now);
  NaiveCoverage expected;
  count_naively<KeyV4>(site, now, expected);
  count_naively<KeyV6>(site, now, expected);
  RC_ASSERT(coverage.any == expected.any);
  for (size_t i = 0; i < site.lists.size(); i++) {
    const auto& found = coverage.lists[i];
    const auto& list = expected.lists[site.lists[i].name];
    RC_ASSERT(found.covered == list.covered);
    RC_ASSERT(found.alone == list.alone);
    RC_ASSERT(found.alone_in_category == list.alone_in_category);
  }
  RC_ASSERT(coverage.overlaps.size() == expected.overlaps.size());
  double before = std::numeric_limits<double>::infinity();
  for (const auto& [one, other, both] : coverage.overlaps) {
    auto names = std::minmax(site.lists[one].name, site.lists[other].name);
    RC_ASSERT(both == (expected.overlaps[{names.first, names.second}]));
    RC_ASSERT(both.sources() <= before);
    before = both.sources();
  }
}

TEST(Coverage, AgreesWithTheNaiveTwin) {
  EXPECT_TRUE(rc::check([] {
    for (int i = 0; i < kSitesPerCase; i++) {
      const auto site = any_site();
      log(site);
      for (const int64_t now : {kNow, kNow + 3 * 3600}) compare(site, now);
    }
  }));
}

}  // namespace
}  // namespace postern::test
