// SPDX-License-Identifier: BSD-3-Clause
//
// Names in HELO and EHLO, whole and cut.
#include "dataplane/engine/helo_name.h"

#include <gtest/gtest.h>

namespace postern {
namespace {

TEST(HeloName, IsWhatFollowsTheWord) {
  EXPECT_EQ(helo_name("EHLO a.example\r\n"), "a.example");
  EXPECT_EQ(helo_name("helo\t [192.0.2.1] \r"), "[192.0.2.1]");
  EXPECT_EQ(helo_name("HELO a b\nc"), "a b");
  for (const auto* nothing : {"EHLO", "EHLO ", "EHLO\r\n", "EHLOx y", ""})
    EXPECT_EQ(helo_name(nothing), "") << nothing;
}

}  // namespace
}  // namespace postern
