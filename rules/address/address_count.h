// SPDX-License-Identifier: BSD-3-Clause
//
// AddressCount: how many addresses something covers, the two families apart, because they cannot be
// compared. Counts of IPv6 are exact up to 2^128 - 1, at which they stay: all of IPv6 counts as one
// less than there is.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "rules/address/key.h"

namespace postern {

struct AddressCount {
  uint64_t v4 = 0;
  KeyV6 v6 = 0;

  bool operator==(const AddressCount&) const = default;
  bool is_zero() const noexcept { return v4 == 0 && v6 == 0; }

  // The addresses from first to last.
  void add(KeyV4 first, KeyV4 last) noexcept { v4 += uint64_t{last} - first + 1; }
  void add(KeyV6 first, KeyV6 last) noexcept { add_v6(last - first), add_v6(1); }
  AddressCount& operator+=(const AddressCount& other) noexcept {
    v4 += other.v4;
    add_v6(other.v6);
    return *this;
  }

  // For putting counts in an order: a /64 is as much as an address of IPv4.
  double sources() const noexcept {
    return static_cast<double>(v4) + std::ldexp(static_cast<double>(v6), -64);
  }
  // Of all of IPv4; of 2000::/3, from which IPv6 addresses are given out.
  double share_v4() const noexcept { return std::ldexp(static_cast<double>(v4), -32); }
  double share_v6() const noexcept { return std::ldexp(static_cast<double>(v6), -125); }

 private:
  void add_v6(KeyV6 more) noexcept { v6 += std::min<KeyV6>(more, kLastKey<KeyV6> - v6); }
};

// How many prefixes it takes at least to cover the addresses from first to last, and no others.
template <typename Key>
uint64_t count_prefixes(Key first, Key last) noexcept {
  uint64_t count = 0;
  for (;;) {
    count++;
    // The largest block that begins at first: as far as its low zeros go, halved until it fits.
    Key rest = static_cast<Key>(first == 0 ? kLastKey<Key> : (first & (~first + 1)) - 1);
    while (rest > last - first) rest = static_cast<Key>(rest >> 1);
    if (rest == last - first) return count;
    first = static_cast<Key>(first + rest + 1);
  }
}

}  // namespace postern
