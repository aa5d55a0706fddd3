// SPDX-License-Identifier: BSD-3-Clause
//
// What messages show of foreign text.
#include "rules/text/quoted.h"

#include <gtest/gtest.h>

#include <string>

namespace postern {
namespace {

TEST(Quoted, ShowsWhatCanBeRead) {
  EXPECT_EQ(quoted("dynamic"), "\"dynamic\"");
  EXPECT_EQ(quoted(""), "\"\"");
  EXPECT_EQ(quoted("gr\xc3\xb6\xc3\x9f"
                   "e"),
            "\"gr\xc3\xb6\xc3\x9f"
            "e\"");
}

TEST(Quoted, HidesWhatSpeaksToTheTerminal) {
  EXPECT_EQ(quoted("a\x1b[31m\t\x7f"), "\"a?[31m??\"");
  EXPECT_EQ(quoted("\xff\xc3"), "\"??\"");       // no UTF-8
  EXPECT_EQ(quoted("\xe2\x80\xae"), "\"???\"");  // right-to-left override
  EXPECT_EQ(quoted("\xc2\x9b"), "\"??\"");       // CSI in eight bits
}

TEST(Quoted, IsShortAndNeverCutsACharacter) {
  EXPECT_EQ(postern::quoted(std::string(41, 'x')), '"' + std::string(40, 'x') + "...\"");
  EXPECT_EQ(postern::quoted(std::string(40, 'x')), '"' + std::string(40, 'x') + '"');
  const std::string letter = "\xc3\xb6";
  EXPECT_EQ(postern::quoted(std::string(39, 'x') + letter + letter),
            '"' + std::string(39, 'x') + letter + "...\"");
}

}  // namespace
}  // namespace postern
