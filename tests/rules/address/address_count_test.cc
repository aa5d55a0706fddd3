// SPDX-License-Identifier: BSD-3-Clause
//
// Counting addresses up to the ends of both families, and counting prefixes like the naive twin.
#include "rules/address/address_count.h"

#include <gtest/gtest.h>

#include "tests/rules/support/naive_stretches.h"

namespace postern {
namespace {

TEST(AddressCount, CountsUpToTheEndsOfBothFamilies) {
  AddressCount count;
  count.add(KeyV4{0}, kLastKey<KeyV4>);
  EXPECT_EQ(count.v4, uint64_t{1} << 32);
  EXPECT_EQ(count.share_v4(), 1.0);
  count.add(KeyV6{7}, KeyV6{7});
  EXPECT_TRUE(count.v6 == 1);
  count.add(KeyV6{0}, kLastKey<KeyV6>);
  EXPECT_TRUE(count.v6 == kLastKey<KeyV6>) << "stays at the largest";
  count += count;
  EXPECT_EQ(count.v4, uint64_t{1} << 33);
  EXPECT_TRUE(count.v6 == kLastKey<KeyV6>);
  EXPECT_FALSE(count.is_zero());
  EXPECT_TRUE(AddressCount{}.is_zero());
}

TEST(AddressCount, ANetworkOfIpv6IsAsMuchAsAnAddressOfIpv4) {
  AddressCount one, other;
  one.add(KeyV4{1}, KeyV4{1});
  other.add(KeyV6{1} << 64, (KeyV6{2} << 64) - 1);
  EXPECT_EQ(one.sources(), other.sources());
}

template <typename Key>
void expect_naive(Key first, Key last) {
  EXPECT_EQ(count_prefixes(first, last), test::naive_prefixes(first, last));
}

TEST(CountPrefixes, AgreesWithTheNaiveTwin) {
  EXPECT_EQ(count_prefixes(KeyV4{0}, kLastKey<KeyV4>), 1u);
  EXPECT_EQ(count_prefixes(KeyV4{1}, KeyV4{6}), 4u);
  EXPECT_EQ(count_prefixes(KeyV4{1}, kLastKey<KeyV4>), 32u);
  EXPECT_EQ(count_prefixes(KeyV6{1}, kLastKey<KeyV6> - 1), 254u);
  for (KeyV4 first = 0; first < 40; first++)
    for (KeyV4 last = first; last < 70; last++) {
      expect_naive(first, last);
      expect_naive(static_cast<KeyV4>(~last), static_cast<KeyV4>(~first));
      expect_naive(KeyV6{first}, kLastKey<KeyV6> - last);
      expect_naive(KeyV6{first} << 70, KeyV6{last} << 70);
    }
}

}  // namespace
}  // namespace postern
