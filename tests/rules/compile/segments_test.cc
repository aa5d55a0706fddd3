// SPDX-License-Identifier: BSD-3-Clause
//
// The sweep, against asking each interval about each address.
#include "rules/compile/segments.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "tests/rules/support/compiled.h"

namespace postern {
namespace {

TEST(Keys, AreTheNumbersOfAddresses) {
  EXPECT_EQ(key_of<KeyV4>(test::address("192.0.2.1")), 0xc0000201u);
  EXPECT_EQ(address_of<KeyV4>(0xc0000201u), test::address("192.0.2.1"));
  const auto v6 = test::address("2001:db8::ff");
  EXPECT_EQ(static_cast<uint64_t>(key_of<KeyV6>(v6)), 0xffu);
  EXPECT_EQ(static_cast<uint64_t>(key_of<KeyV6>(v6) >> 64), 0x20010db800000000u);
  EXPECT_EQ(address_of(key_of<KeyV6>(v6)), v6);
}

TEST(OwnerSets, NumberEqualSetsEqually) {
  OwnerSets sets(3);
  EXPECT_EQ(sets.number_of({}), 0u);
  EXPECT_EQ(sets.number_of({1}), 1u);
  EXPECT_EQ(sets.number_of({1, 2}), 2u);
  EXPECT_EQ(sets.number_of({1}), 1u);
  EXPECT_EQ(sets.number_of({2}), std::nullopt);
  EXPECT_EQ(sets.sets().size(), 3u);
}

template <typename Key>
void compare_with_asking_each(Key from, uint32_t size, std::mt19937& random) {
  constexpr uint32_t kOwners = 4;
  std::vector<Interval<Key>> intervals;
  for (auto count = random() % 12; count > 0; count--) {
    const auto first = random() % size;
    const auto last =
        first + random() % std::min<uint32_t>(size - static_cast<uint32_t>(first), 40);
    intervals.push_back({static_cast<Key>(from + first), static_cast<Key>(from + last),
                         static_cast<uint32_t>(random() % kOwners)});
  }
  std::ranges::sort(intervals, {}, &Interval<Key>::first);
  OwnerSets sets(1000);
  const auto segments = sweep<Key>(intervals, kOwners, sets);

  for (size_t i = 0; i < segments.size(); i++) {
    ASSERT_LE(segments[i].first, segments[i].last);
    ASSERT_NE(segments[i].value, 0u);
    if (i == 0) continue;
    ASSERT_LT(segments[i - 1].last, segments[i].first);
    ASSERT_FALSE(segments[i - 1].last + 1 == segments[i].first &&
                 segments[i - 1].value == segments[i].value);
  }
  for (uint32_t offset = 0; offset < size; offset++) {
    const auto key = static_cast<Key>(from + offset);
    std::set<uint32_t> expected;
    for (const auto& interval : intervals)
      if (interval.first <= key && key <= interval.last) expected.insert(interval.owner);
    uint32_t value = 0;
    for (const auto& segment : segments)
      if (segment.first <= key && key <= segment.last) value = segment.value;
    const auto& members = sets.sets()[value];
    ASSERT_EQ(std::set<uint32_t>(members.begin(), members.end()), expected);
  }
}

TEST(Sweep, AgreesWithAskingEachInterval) {
  std::mt19937 random(1);
  for (int i = 0; i < 500; i++) {
    compare_with_asking_each<KeyV4>(0, 200, random);
    compare_with_asking_each<KeyV4>(kLastKey<KeyV4> - 199, 200, random);
    compare_with_asking_each<KeyV6>(kLastKey<KeyV6> - 199, 200, random);
  }
}

TEST(Sweep, CoversAllThereIs) {
  OwnerSets sets(10);
  const std::vector<Interval<KeyV4>> all = {{0, kLastKey<KeyV4>, 0}};
  const auto segments = sweep<KeyV4>(all, 1, sets);
  ASSERT_EQ(segments.size(), 1u);
  EXPECT_EQ(segments[0].last, kLastKey<KeyV4>);
  EXPECT_TRUE(sweep<KeyV4>({}, 1, sets).empty());
}

TEST(Sweep, NamesTheSetThereIsNoNumberFor) {
  OwnerSets sets(2);
  const std::vector<Interval<KeyV4>> intervals = {{1, 9, 0}, {5, 5, 1}};
  try {
    sweep<KeyV4>(intervals, 2, sets);
    FAIL();
  } catch (const TooManySets& beyond) {
    EXPECT_EQ(beyond.address, test::address("0.0.0.5"));
    EXPECT_EQ(beyond.owners, (std::vector<uint32_t>{0, 1}));
  }
}

}  // namespace
}  // namespace postern
