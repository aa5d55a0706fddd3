// SPDX-License-Identifier: BSD-3-Clause
//
// $n in results, in every form, and what is none.
#include "control/names/result_text.h"

#include <gtest/gtest.h>

#include <string>

namespace postern::names {
namespace {

std::string expanded(std::string_view text) {
  const std::string groups[] = {"", "one", "two", ""};
  return ResultText(text).expanded(
      [&](uint32_t n) { return n < 4 ? std::string_view(groups[n]) : "many"; });
}

TEST(ResultText, PutsGroupsInTheirPlaces) {
  EXPECT_EQ(expanded("REJECT"), "REJECT");
  EXPECT_EQ(expanded("$1"), "one");
  EXPECT_EQ(expanded("a$1 b${2}c$(1)d $(3)e"), "aone btwoconed e");
  EXPECT_EQ(expanded("x${2}x$10."), "xtwoxmany.");
  EXPECT_EQ(expanded("$$1 costs $$"), "$1 costs $");
  EXPECT_EQ(ResultText("$2 $11 $3").groups(), 11u);
  EXPECT_EQ(ResultText("$2 $11 $3").place_of_largest(), 3u);
  EXPECT_EQ(ResultText("100 $$").literal(), "100 $");
  EXPECT_EQ(ResultText("100 $$").groups(), 0u);
}

TEST(ResultText, SaysWhatIsNoGroup) {
  const auto place = [](std::string_view text) -> size_t {
    try {
      const ResultText result(text);
    } catch (const BadResultText& error) {
      EXPECT_STRNE(error.what(), "");
      return error.offset();
    }
    return std::string::npos;
  };
  EXPECT_EQ(place("fine $1"), std::string::npos);
  EXPECT_EQ(place("a $"), 2u);
  EXPECT_EQ(place("a $ b"), 2u);
  EXPECT_EQ(place("$1 $name"), 3u);
  EXPECT_EQ(place("${1"), 0u);
  EXPECT_EQ(place("${}"), 0u);
  EXPECT_EQ(place("$(1}"), 0u);
  EXPECT_EQ(place("$0"), 0u);
  EXPECT_EQ(place("$99999999999999999999"), 0u);
  EXPECT_EQ(place("$3e"), 0u);
}

}  // namespace
}  // namespace postern::names
