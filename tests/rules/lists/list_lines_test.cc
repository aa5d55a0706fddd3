// SPDX-License-Identifier: BSD-3-Clause
//
// Walking over the lines of a list.
#include "rules/lists/list_lines.h"

#include <gtest/gtest.h>

#include <string>

namespace postern {
namespace {

std::string walked(std::string_view text, Comments comments) {
  std::string all;
  for (ListLines lines(text, comments); lines.next();)
    all += std::to_string(lines.number()) + ':' + std::string(lines.text()) + '|';
  return all;
}

TEST(ListLines, NumbersAllLinesAndShowsThoseThatSaySomething) {
  EXPECT_EQ(walked("a\n\n  b \r\n\t\r\nc", Comments::kNone), "1:a|3:b|5:c|");
  EXPECT_EQ(walked("", Comments::kNone), "");
  EXPECT_EQ(walked("\n\n\n", Comments::kNone), "");
  EXPECT_EQ(walked("a b", Comments::kNone), "1:a b|");
}

TEST(ListLines, PassesOverCommentsWhereTheFormatHasThem) {
  EXPECT_EQ(walked("#x\na#y\n # \nb", Comments::kHash), "2:a|4:b|");
  EXPECT_EQ(walked("#x\na#y", Comments::kNone), "1:#x|2:a#y|");
  EXPECT_EQ(walked(";x\na;y\nb#c", Comments::kSemicolon), "2:a|3:b#c|");
  EXPECT_EQ(walked("#x\n #y\na #z", Comments::kHashLines), "3:a #z|");
}

TEST(ListLines, PassesOverAByteOrderMarkAtTheStartOnly) {
  EXPECT_EQ(walked("\xEF\xBB\xBF"
                   "a\n\xEF\xBB\xBF"
                   "b",
                   Comments::kNone),
            "1:a|2:\xEF\xBB\xBF"
            "b|");
  EXPECT_EQ(walked("\xEF\xBB\xBF", Comments::kNone), "");
}

}  // namespace
}  // namespace postern
