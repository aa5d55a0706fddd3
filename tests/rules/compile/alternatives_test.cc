// SPDX-License-Identifier: BSD-3-Clause
//
// What would change a verdict: by hand where lists overlap, and on random sites against the naive
// twin without those lists.
#include "rules/compile/alternatives.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <string>
#include <vector>

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

constexpr const char* kPolicy =
    "list bad \"bad\" category spam\nlist worse \"worse\" category spam\n"
    "list pool \"pool\" category dynamic\nlist good \"good\" category accredited\n"
    "protect list good\nservice mx 192.0.2.0/24\nconnection to mx\n"
    "  drop category spam\n  reset category dynamic\n";

class AlternativesTest : public testing::Test {
 protected:
  AlternativesTest() {
    workshop_.list("bad", "203.0.113.1\n203.0.113.2\n203.0.113.3\n203.0.113.5\n");
    workshop_.list("worse", "203.0.113.2\n203.0.113.3\n");
    workshop_.list("pool", "203.0.113.3\n203.0.113.4\n203.0.113.5\n");
    workshop_.list("good", "203.0.113.5\n203.0.113.6\n");
    snapshot_ = workshop_.snapshot(kPolicy);
  }
  // "reset without bad, allow without bad pool"
  std::string alternatives(const char* source) const {
    std::string text;
    for (const auto& one : alternatives_for(*snapshot_, 0, snapshot_->class_of(address(source)),
                                            snapshot_->created())) {
      if (!text.empty()) text += ", ";
      text += std::string(word(static_cast<Action>(one.verdict.action))) + " without";
      for (const size_t list : one.without_lists) text += ' ' + snapshot_->lists()[list].name;
      if (one.without_lists.empty()) text += " protect";
    }
    return text;
  }

  Workshop workshop_;
  std::shared_ptr<const Snapshot> snapshot_;
};

TEST_F(AlternativesTest, AreListsThatMakeADifferenceAlone) {
  EXPECT_EQ(alternatives("203.0.113.1"), "allow without bad");
  EXPECT_EQ(alternatives("203.0.113.4"), "allow without pool");
}

TEST_F(AlternativesTest, AreListsTogetherWhereNoneAloneLeadsThere) {
  EXPECT_EQ(alternatives("203.0.113.2"), "allow without bad worse");
  EXPECT_EQ(alternatives("203.0.113.3"), "allow without bad worse pool");
}

TEST_F(AlternativesTest, AreWhatComesWithoutProtection) {
  EXPECT_EQ(alternatives("203.0.113.5"), "drop without protect");
  EXPECT_EQ(alternatives("203.0.113.6"), "") << "protected, and nothing would stop it";
}

TEST_F(AlternativesTest, AreNoneOfWhatIsInNoList) {
  EXPECT_EQ(alternatives("203.0.113.7"), "");
}

TEST_F(AlternativesTest, ASingleListAndThenAllItTakes) {
  workshop_.list("worse", "203.0.113.2\n");
  snapshot_ = workshop_.snapshot(kPolicy);
  EXPECT_EQ(alternatives("203.0.113.3"), "reset without bad, allow without bad pool");
}

Action action_without(NaiveSite site, const std::vector<std::string>& names, size_t service,
                      const IpAddress& where) {
  for (auto& list : site.lists)
    if (std::ranges::find(names, list.name) != names.end()) list.lines.clear();
  return site.judge(site.services[service].rules, where, site.listed(where, kNow)).action;
}

void compare(const NaiveSite& site, const Snapshot& snapshot, const IpAddress& where) {
  const auto address_class = snapshot.class_of(where);
  if (snapshot.is_protected(address_class, kNow)) return;
  for (size_t service = 0; service < site.services.size(); service++) {
    const auto now = action_without(site, {}, service, where);
    bool reaches_unlisted = false;
    std::vector<std::string> all;
    for (const auto& list : site.lists) all.push_back(list.name);
    const auto unlisted = action_without(site, all, service, where);
    for (const auto& one : alternatives_for(snapshot, service, address_class, kNow)) {
      std::vector<std::string> names;
      for (const size_t list : one.without_lists) names.push_back(snapshot.lists()[list].name);
      const auto action = action_without(site, names, service, where);
      RC_ASSERT(!names.empty());
      RC_ASSERT(action != now);
      RC_ASSERT(action == static_cast<Action>(one.verdict.action));
      reaches_unlisted = reaches_unlisted || action == unlisted;
      // None is named that would not have to be.
      for (size_t i = 0; names.size() > 1 && i < names.size(); i++) {
        auto fewer = names;
        fewer.erase(fewer.begin() + static_cast<long>(i));
        RC_ASSERT(action_without(site, fewer, service, where) != unlisted);
      }
    }
    RC_ASSERT(reaches_unlisted == (unlisted != now));
  }
}

TEST(Alternatives, AgreeWithTheNaiveTwin) {
  EXPECT_TRUE(rc::check([] {
    for (int i = 0; i < kSitesPerCase; i++) {
      const auto site = any_site();
      log(site);
      const auto snapshot = compiled(site, kNow);
      for (const auto& [first, last] : stretches_of<KeyV4>({&site}))
        compare(site, *snapshot, address_of(first));
    }
  }));
}

}  // namespace
}  // namespace postern::test
