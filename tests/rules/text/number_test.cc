// SPDX-License-Identifier: BSD-3-Clause
//
// Counts and weights: what is read, and what is refused.
#include "rules/text/number.h"

#include <gtest/gtest.h>

namespace postern {
namespace {

TEST(Number, ReadsDigitsAndFractions) {
  EXPECT_EQ(read_number("0"), 0);
  EXPECT_EQ(read_number("10"), 10);
  EXPECT_EQ(read_number("007"), 7);
  EXPECT_EQ(read_number("0.25"), 0.25);
  EXPECT_EQ(read_number("9007199254740991"), 9007199254740991);
}

TEST(Number, RefusesWhatIsNone) {
  for (const char* text : {"", " ", "-1", "+1", "1e3", ".5", "1.", "1.2.3", "0x10", "inf", "nan",
                           "1 ", " 1", "1,5", "12345678901234567"})
    EXPECT_EQ(read_number(text), std::nullopt) << text;
}

}  // namespace
}  // namespace postern
