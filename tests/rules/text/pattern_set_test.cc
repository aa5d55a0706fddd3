// SPDX-License-Identifier: BSD-3-Clause
//
// Hyperscan's answers against those of std::regex, and what is no pattern.
#include "rules/text/pattern_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <string>
#include <thread>

namespace postern {
namespace {

// The naive twin: each pattern by itself, by the standard library.
TEST(PatternSet, FindsTheFirstOfThem) {
  const std::vector<std::string> patterns = {"^ab+c$", "b", "x[0-9]{2,3}", "^$|c"};
  const PatternSet set(patterns);
  const PatternSet::Scratch scratch(set);
  std::string text;
  for (uint32_t seed = 1; seed < 20000; seed++) {
    text.clear();
    for (uint32_t rest = seed * 2654435761u; rest > 100; rest /= 6) text += "aBbcx0"[rest % 6];
    std::optional<uint32_t> expected;
    for (uint32_t i = 0; i < patterns.size() && !expected; i++)
      if (std::regex_search(text, std::regex(patterns[i], std::regex::icase))) expected = i;
    ASSERT_EQ(set.first_in(text, scratch), expected) << text;
  }
}

TEST(PatternSet, SaysWhatIsNoPattern) {
  EXPECT_EQ(PatternSet::complaint_about("a"), "");
  for (const auto* bad : {"(", "[a", "a{3,1}", "(?<=a)b", "(a)\\1"})
    EXPECT_NE(PatternSet::complaint_about(bad), "") << bad;
  EXPECT_NE(PatternSet::complaint_about(std::string("a\0b", 3)), "");
  EXPECT_THROW(PatternSet({"a", "("}), std::runtime_error);
}

TEST(PatternSet, OfNothingFindsNothing) {
  const PatternSet set({});
  EXPECT_EQ(set.first_in("a", PatternSet::Scratch(set)), std::nullopt);
}

// The naive twin again, of all that is found and with options.
TEST(PatternSet, FindsAllWithTheirOptions) {
  const std::vector<Pattern> patterns = {
      {.expression = "^aB", .caseless = false},
      {.expression = "b.c", .dot_all = true},
      {.expression = "b.c"},
      {.expression = "^c$", .multi_line = true},
      {.expression = "x*", .may_be_empty = true},
      {.expression = "(a)\\1", .prefilter = true},
  };
  const auto set = PatternSet::of(patterns);
  const PatternSet::Scratch scratch(*set);
  const auto found_in = [&](std::string_view text) {
    std::vector<uint32_t> found;
    found.reserve(patterns.size());
    set->all_in(text, scratch, found);
    std::sort(found.begin(), found.end());
    return found;
  };
  using Found = std::vector<uint32_t>;
  EXPECT_EQ(found_in("aBxc"), (Found{0, 1, 2, 4}));
  EXPECT_EQ(found_in("abxc"), (Found{1, 2, 4}));
  EXPECT_EQ(found_in("b\nc"), (Found{1, 3, 4}));
  EXPECT_EQ(found_in(""), (Found{4}));
  // At least what the expression finds.
  const auto doubled = found_in("aa");
  EXPECT_NE(std::find(doubled.begin(), doubled.end(), 5u), doubled.end());
}

TEST(PatternSet, SaysWhichOneIsRefused) {
  const std::vector<Pattern> patterns = {{.expression = "a"}, {.expression = "(?<=a)b"}};
  EXPECT_EQ(PatternSet::complaint_about(patterns[0]), "");
  EXPECT_NE(PatternSet::complaint_about(patterns[1]), "");
  EXPECT_NE(PatternSet::complaint_about(Pattern{.expression = std::string("a\0b", 3)}), "");
  try {
    PatternSet::of(patterns);
    FAIL() << "look-behind was taken";
  } catch (const PatternSet::Refused& refused) {
    EXPECT_EQ(refused.pattern(), 1u);
  }
}

TEST(PatternSet, SurvivesAsBytes) {
  const auto bytes = PatternSet({"needle", "x[0-9]+"}).serialised();
  const auto set = PatternSet::deserialised(bytes);
  ASSERT_TRUE(set);
  EXPECT_EQ(set->first_in("ax7", PatternSet::Scratch(*set)), 1u);
  EXPECT_FALSE(PatternSet::deserialised(bytes.substr(0, bytes.size() / 2)));
  EXPECT_FALSE(PatternSet::deserialised("nothing of the kind"));
  const auto none = PatternSet::deserialised(PatternSet({}).serialised());
  ASSERT_TRUE(none);
  EXPECT_EQ(none->first_in("a", PatternSet::Scratch(*none)), std::nullopt);
  EXPECT_NE(PatternSet::platform(), "");
}

TEST(PatternSet, IsSharedByThreads) {
  const PatternSet set({"x", "needle"});
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int i = 0; i < 4; i++)
    threads.emplace_back([&] {
      const PatternSet::Scratch scratch(set);
      for (int round = 0; round < 2000; round++)
        if (set.first_in("hay needle hay", scratch) != 1u || set.first_in("hay", scratch)) wrong++;
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace postern
