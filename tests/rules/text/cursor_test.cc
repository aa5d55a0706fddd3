// SPDX-License-Identifier: BSD-3-Clause
//
// The cursor over foreign bytes: it never reads past the end, and its failure sticks.
#include "rules/text/cursor.h"

#include <gtest/gtest.h>

namespace postern {
namespace {

TEST(Cursor, TakesWhatIsThere) {
  Cursor cursor("abc=12;rest");
  EXPECT_EQ(cursor.peek(), 'a');
  EXPECT_EQ(cursor.take_while([](char c) { return c != '='; }), "abc");
  EXPECT_TRUE(cursor.accept('='));
  EXPECT_FALSE(cursor.accept("13"));
  EXPECT_EQ(cursor.take_until(';'), "12");
  EXPECT_EQ(cursor.position(), 7u);
  EXPECT_EQ(cursor.take(2), "re");
  EXPECT_EQ(cursor.take(), 's');
  EXPECT_EQ(cursor.rest(), "t");
  EXPECT_FALSE(cursor.at_end());
  EXPECT_EQ(cursor.take_until(';'), "t");
  EXPECT_TRUE(cursor.at_end());
  EXPECT_FALSE(cursor.failed());
}

TEST(Cursor, FailsForGood) {
  Cursor cursor("ab");
  EXPECT_EQ(cursor.take(3), "");
  EXPECT_TRUE(cursor.failed());
  EXPECT_EQ(cursor.take(), '\0');
  EXPECT_EQ(cursor.take(1), "");
  EXPECT_EQ(cursor.rest(), "");
  EXPECT_EQ(cursor.peek(), '\0');
  EXPECT_FALSE(cursor.accept('a'));
  EXPECT_TRUE(cursor.at_end());
}

TEST(Cursor, FailsWhereSomethingElseIsExpected) {
  Cursor cursor("ab");
  cursor.expect("a");
  EXPECT_FALSE(cursor.failed());
  cursor.expect("c");
  EXPECT_TRUE(cursor.failed());
}

TEST(Cursor, FailsBehindTheEnd) {
  Cursor cursor("");
  EXPECT_TRUE(cursor.at_end());
  EXPECT_FALSE(cursor.failed());
  EXPECT_EQ(cursor.take(), '\0');
  EXPECT_TRUE(cursor.failed());
}

}  // namespace
}  // namespace postern
