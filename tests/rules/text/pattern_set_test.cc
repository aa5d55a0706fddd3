// SPDX-License-Identifier: BSD-3-Clause
//
// Hyperscan's answers against those of std::regex, and what is no pattern.
#include "rules/text/pattern_set.h"

#include <gtest/gtest.h>

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
