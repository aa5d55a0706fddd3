// SPDX-License-Identifier: BSD-3-Clause
//
// VLANs as they are written, and what they stand for.
#include "rules/address/vlan.h"

#include <gtest/gtest.h>

namespace postern {
namespace {

TEST(VlanRange, IsReadAndWritten) {
  EXPECT_EQ(VlanRange::parse("100"), (VlanRange{100 << 16, (100 << 16) + 0xffff}));
  EXPECT_EQ(VlanRange::parse("4094.1"), (VlanRange{(4094u << 16) + 1, (4094u << 16) + 1}));
  EXPECT_EQ(VlanRange::parse("none"), (VlanRange{0, 0}));
  for (const char* text : {"none", "1", "4094", "7.1", "4094.4094"}) {
    ASSERT_TRUE(VlanRange::parse(text)) << text;
    EXPECT_EQ(VlanRange::parse(text)->to_string(), text);
    EXPECT_FALSE(VlanRange::parse(text)->is_any());
  }
  EXPECT_EQ(VlanRange().to_string(), "any");
}

TEST(VlanRange, OfAnythingElseIsNone) {
  for (const char* text : {"", "0", "4095", "65537", "99999999999", "-1", "+1", "01", "1.", ".1",
                           "1.0", "1.4095", "1.2.3", "1 ", "any", "None", "0x1", "1.01"})
    EXPECT_EQ(VlanRange::parse(text), std::nullopt) << text;
}

TEST(VlanRange, NestsOrIsApart) {
  const auto outer = *VlanRange::parse("100"), both = *VlanRange::parse("100.7");
  EXPECT_TRUE(VlanRange().contains(outer));
  EXPECT_TRUE(outer.contains(both));
  EXPECT_FALSE(both.contains(outer));
  EXPECT_FALSE(VlanRange::parse("101")->contains(both));
  EXPECT_FALSE(VlanRange::parse("none")->contains(both));
}

}  // namespace
}  // namespace postern
