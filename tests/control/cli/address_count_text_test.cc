// SPDX-License-Identifier: BSD-3-Clause
//
// How counts of addresses are written.
#include "control/cli/address_count_text.h"

#include <gtest/gtest.h>

namespace postern::cli {
namespace {

TEST(AddressCountText, WritesSmallCountsWholeAndLargeOnesShort) {
  EXPECT_EQ(count_text_v6(0), "0");
  EXPECT_EQ(count_text_v6(65536), "65,536");
  EXPECT_EQ(count_text_v6(KeyV6{1} << 64), "2^64");
  EXPECT_EQ(count_text_v6(KeyV6{3} << 80), "3.63e+24");
  EXPECT_EQ(count_text_v6(kLastKey<KeyV6>), "2^128");
}

TEST(AddressCountText, WritesSharesInThreeDigits) {
  EXPECT_EQ(percent_text(0), "0%");
  EXPECT_EQ(percent_text(1), "100%");
  EXPECT_EQ(percent_text(0.0125), "1.25%");
  EXPECT_EQ(percent_text(1.0 / (uint64_t{1} << 32)), "2.33e-08%");
}

TEST(AddressCountText, JsonIsExactAsFarAsJsonGoes) {
  const auto small = count_json({.v4 = uint64_t{1} << 32, .v6 = UINT64_MAX});
  EXPECT_EQ(small.at("v4").to_number<uint64_t>(), uint64_t{1} << 32);
  EXPECT_EQ(small.at("v6").to_number<uint64_t>(), UINT64_MAX);
  EXPECT_EQ(count_json({.v4 = 0, .v6 = KeyV6{1} << 80}).at("v6").as_double(), 0x1p80);
}

}  // namespace
}  // namespace postern::cli
