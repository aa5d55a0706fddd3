// SPDX-License-Identifier: BSD-3-Clause
//
// Names of bots: the built-in ones, patterns of a file, and files that are refused with their
// lines.
#include "control/policy/helo_patterns.h"

#include <gtest/gtest.h>

#include <string>

#include "rules/text/diagnostic.h"

namespace postern::policy {
namespace {

TEST(HeloPatterns, BuiltIn) {
  const HeloPatterns patterns(HeloPatterns::built_in(), "built-in");
  EXPECT_EQ(patterns.match("ylmf-pc"), "^ylmf-pc$");
  EXPECT_TRUE(patterns.match("YLMF-PC"));
  EXPECT_TRUE(patterns.match("User"));
  for (const char* name :
       {"", "mail.example", "notylmf-pc", "ylmf-pc.example", "superuser", "users"})
    EXPECT_FALSE(patterns.match(name)) << name;
}

TEST(HeloPatterns, TheFirstLineThatMatchesIsNamed) {
  const HeloPatterns patterns("# bots\n\n^bot[0-9]+\\.\r\n  \nbot\n", "f");
  EXPECT_EQ(patterns.size(), 2u);
  EXPECT_EQ(patterns.match("bot7.example"), "^bot[0-9]+\\.");
  EXPECT_EQ(patterns.match("a-bot"), "bot");
  EXPECT_FALSE(patterns.match("mail"));
}

TEST(HeloPatterns, AnEmptyFileMatchesNothing) {
  EXPECT_FALSE(HeloPatterns("", "f").match("ylmf-pc"));
  EXPECT_FALSE(HeloPatterns("# nothing\n", "f").match("ylmf-pc"));
}

TEST(HeloPatterns, EveryBadLineIsReported) {
  try {
    const HeloPatterns patterns("fine\n(\nalso fine\n(?<=a)b\n", "bots.txt");
    FAIL() << "taken";
  } catch (const BadInput& bad) {
    ASSERT_EQ(bad.diagnostics().size(), 2u);
    EXPECT_EQ(bad.diagnostics()[0].file, "bots.txt");
    EXPECT_EQ(bad.diagnostics()[0].line, 2u);
    EXPECT_EQ(bad.diagnostics()[1].line, 4u);
    EXPECT_FALSE(bad.diagnostics()[0].message.empty());
  }
}

TEST(HeloPatterns, NamesOfAnyLengthAndBytes) {
  const HeloPatterns patterns("^a+$\nzz$", "f");
  EXPECT_TRUE(patterns.match(std::string(5000, 'a')));
  EXPECT_FALSE(patterns.match(std::string("a\0b", 3)));
  EXPECT_FALSE(patterns.match("\xff\xfe"));
}

}  // namespace
}  // namespace postern::policy
