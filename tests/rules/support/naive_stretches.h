// SPDX-License-Identifier: BSD-3-Clause
//
// The address space cut wherever a line or a protect of naive sites begins or ends: the slow,
// obvious way to count addresses. Within a stretch all addresses are alike, so one of them is
// asked.
#pragma once

#include <set>
#include <utility>
#include <vector>

#include "rules/address/address_count.h"
#include "tests/rules/support/naive_site.h"

namespace postern::test {

template <typename Key>
using Stretches = std::vector<std::pair<Key, Key>>;

template <typename Key>
Stretches<Key> stretches_of(const std::vector<const NaiveSite*>& sites) {
  std::set<Key> firsts = {0};
  const auto cut = [&](const AddressRange& range) {
    if (range.family() != kKeyFamily<Key>) return;
    firsts.insert(key_of<Key>(range.first()));
    const auto last = key_of<Key>(range.last());
    if (last != kLastKey<Key>) firsts.insert(static_cast<Key>(last + 1));
  };
  for (const auto* site : sites) {
    for (const auto& list : site->lists)
      for (const auto& line : list.lines) cut(line.range);
    for (const auto& prefix : site->protects) cut(prefix);
  }
  Stretches<Key> stretches;
  for (auto first = firsts.begin(); first != firsts.end(); first++) {
    const auto next = std::next(first);
    stretches.emplace_back(*first,
                           next == firsts.end() ? kLastKey<Key> : static_cast<Key>(*next - 1));
  }
  return stretches;
}

// By halving: a block that is covered whole is one prefix, one that is covered in part is two.
template <typename Key>
uint64_t naive_prefixes(Key first, Key last, Key block = 0, int length = 0) {
  const Key rest = length == kKeyBits<Key> ? Key{0} : static_cast<Key>(kLastKey<Key> >> length);
  const Key end = block | rest;
  if (last < block || end < first) return 0;
  if (first <= block && end <= last) return 1;
  const Key half = static_cast<Key>(block + (rest >> 1) + 1);
  return naive_prefixes<Key>(first, last, block, length + 1) +
         naive_prefixes<Key>(first, last, half, length + 1);
}

}  // namespace postern::test
