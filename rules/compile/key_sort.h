// SPDX-License-Identifier: BSD-3-Clause
//
// Sorting by an address. Lists of a million scattered hosts come in any order, and comparing them
// was a fifth of the time from text to tables: IPv4 keys are sorted by their digits instead (least
// significant first, three passes of 11 bits), in as much memory again as there is to sort. IPv6
// keys are compared.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "rules/address/key.h"

namespace postern {

// Stable. key_of_item: Item -> KeyV4 or KeyV6.
template <typename Item, typename KeyOf>
void sort_by_key(std::vector<Item>& items, KeyOf key_of_item) {
  using Key = decltype(key_of_item(items[0]));
  const auto less = [&](const Item& a, const Item& b) { return key_of_item(a) < key_of_item(b); };
  if (std::is_sorted(items.begin(), items.end(), less)) return;
  constexpr size_t kFew = 4096;  // the passes pay above some thousand
  if (sizeof(Key) > 4 || items.size() < kFew) {
    std::stable_sort(items.begin(), items.end(), less);
    return;
  }
  constexpr size_t kDigitBits = 11, kPasses = 3;
  constexpr size_t kDigits = size_t{1} << kDigitBits;
  const auto digit_of = [&](const Item& item, size_t pass) {
    return static_cast<size_t>(key_of_item(item) >> (pass * kDigitBits)) & (kDigits - 1);
  };
  std::array<std::array<size_t, kDigits>, kPasses> places{};
  for (const auto& item : items)
    for (size_t pass = 0; pass < kPasses; pass++) places[pass][digit_of(item, pass)]++;
  std::vector<Item> sorted(items.size());
  for (size_t pass = 0; pass < kPasses; pass++) {
    auto& place = places[pass];
    size_t before = 0;
    for (auto& count : place) before += std::exchange(count, before);
    for (const auto& item : items) sorted[place[digit_of(item, pass)]++] = item;
    items.swap(sorted);
  }
}

}  // namespace postern
