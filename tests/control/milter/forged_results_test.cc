// SPDX-License-Identifier: BSD-3-Clause
//
// Which fields are to go, and by which number the mail server knows them.
#include "control/milter/forged_results.h"

#include <gtest/gtest.h>

namespace postern::milter {
namespace {

void add(ForgedResults& forged, const std::string& name, const std::string& body) {
  forged.add(name, name + ':' + body + "\r\n");
}

TEST(ForgedResults, NumbersCountTheFieldsOfOneNameInAnyCase) {
  ForgedResults forged("mx.example");
  add(forged, "Subject", " Authentication-Results: mx.example; dkim=pass");
  add(forged, "Authentication-Results", " other.example; dkim=pass");
  add(forged, "authentication-RESULTS", " MX.example; dkim=pass");
  add(forged, "Authentication-Results", " other.example; dkim=pass");
  add(forged, "Authentication-Results", "\r\n (c) \"mx.example\" 1; dkim=pass");
  EXPECT_EQ(forged.places(), (std::vector<FieldPlace>{{"authentication-RESULTS", 2},
                                                      {"Authentication-Results", 4}}));
}

TEST(ForgedResults, ANameThatOnlyLooksTheSameIsCountedByItself) {
  ForgedResults forged("mx.example");
  add(forged, "Authentication-Results", " other.example; dkim=pass");
  add(forged, "Authentication\xc2\xad-Results", " mx.example; dkim=pass");
  add(forged, "Authentication-Results ", " mx.example; dkim=pass");
  EXPECT_EQ(forged.places(), (std::vector<FieldPlace>{{"Authentication\xc2\xad-Results", 1},
                                                      {"Authentication-Results ", 1}}));
}

TEST(ForgedResults, TooManyOverflow) {
  ForgedResults forged("mx.example");
  for (size_t i = 0; i < ForgedResults::kMaxFields; i++)
    add(forged, "Authentication-Results", " mx.example; dkim=pass");
  for (int i = 0; i < 10; i++) add(forged, "Received", " from x");
  EXPECT_FALSE(forged.overflowed());
  EXPECT_EQ(forged.places().back().index, ForgedResults::kMaxFields);
  add(forged, "Authentication-Results", " mx.example; dkim=pass");
  EXPECT_TRUE(forged.overflowed());
  EXPECT_EQ(forged.places().size(), ForgedResults::kMaxFields);
}

}  // namespace
}  // namespace postern::milter
