// SPDX-License-Identifier: BSD-3-Clause
//
// Sorting by address against the standard library's stable sort.
#include "rules/compile/key_sort.h"

#include <gtest/gtest.h>

#include <random>

namespace postern {
namespace {

template <typename Key>
struct Item {
  Key key;
  size_t place;
  bool operator==(const Item&) const = default;
};

template <typename Key>
std::vector<Item<Key>> random_items(std::mt19937_64& random, size_t count, uint64_t different) {
  std::vector<Item<Key>> items;
  for (size_t i = 0; i < count; i++) {
    auto key = static_cast<Key>(random() % different * (kLastKey<Key> / different));
    items.push_back({static_cast<Key>(key + random() % 2), i});
  }
  return items;
}

template <typename Key>
void compare_with_stable_sort() {
  std::mt19937_64 random(1);
  for (const size_t count : {0, 1, 2, 100, 4095, 4096, 50'000})
    for (const uint64_t different : {uint64_t{1}, uint64_t{3}, uint64_t{5000}, uint64_t{1} << 31}) {
      auto items = random_items<Key>(random, count, different);
      auto expected = items;
      std::stable_sort(expected.begin(), expected.end(),
                       [](const auto& a, const auto& b) { return a.key < b.key; });
      sort_by_key(items, [](const Item<Key>& item) { return item.key; });
      ASSERT_TRUE(items == expected) << count << " items of " << different << " keys";
      sort_by_key(items, [](const Item<Key>& item) { return item.key; });
      ASSERT_TRUE(items == expected) << "sorted again";
    }
}

TEST(SortByKey, AgreesWithTheStableSort) {
  compare_with_stable_sort<KeyV4>();
  compare_with_stable_sort<KeyV6>();
}

}  // namespace
}  // namespace postern
