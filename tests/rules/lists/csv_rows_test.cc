// SPDX-License-Identifier: BSD-3-Clause
//
// Rows of CSV: fields, quotes, line ends and places.
#include "rules/lists/csv_rows.h"

#include <gtest/gtest.h>

namespace postern {
namespace {

std::string walked(std::string_view text) {
  std::string all;
  for (CsvRows rows(text); rows.next();) {
    all += std::to_string(rows.number()) + ':';
    for (const auto& field : rows.fields()) all += '[' + field + ']';
    all += rows.unclosed() ? "unclosed " : rows.misquoted() ? "misquoted " : " ";
  }
  return all;
}

TEST(CsvRows, SplitsRowsIntoFields) {
  EXPECT_EQ(walked("a,b\n1,2"), "1:[a][b] 2:[1][2] ");
  EXPECT_EQ(walked("a, b ,\r\n,,\r\n"), "1:[a][b][] 2:[][][] ");
  EXPECT_EQ(walked("a\n\n# x,y\n \nb\n"), "1:[a] 5:[b] ");
  EXPECT_EQ(walked(""), "");
  EXPECT_EQ(walked("\n#\n"), "");
}

TEST(CsvRows, TakesTheDelimiterFromTheFirstRow) {
  EXPECT_EQ(walked("a;b\n1,2;3"), "1:[a][b] 2:[1,2][3] ");
  EXPECT_EQ(walked("a\tb\n\t3\n"), "1:[a][b] 2:[][3] ");
  EXPECT_EQ(walked("# x,y\n\"a,b\";c"), "2:[a,b][c] ");
}

// RFC 4180 section 2.
TEST(CsvRows, ReadsQuotedFields) {
  EXPECT_EQ(walked("\"a\",\"b \"\"c\"\"\",\" d \"\r\n"), "1:[a][b \"c\"][ d ] ");
  EXPECT_EQ(walked("a, \"b\" ,c\n"), "1:[a][b][c] ");
  EXPECT_EQ(walked("\"a\nb\n\",c\n\"\"\nd"), "1:[a\nb\n][c] 4:[] 5:[d] ");
  EXPECT_EQ(walked("a,b\"c\"\n"), "1:[a][b\"c\"] ");
}

TEST(CsvRows, TellsOfBadQuotes) {
  EXPECT_EQ(walked("\"a\"b,c\nd"), "1:[a][c]misquoted 2:[d] ");
  EXPECT_EQ(walked("a\n\"b\nc\n"), "1:[a] 2:[b\nc\n]unclosed ");
  EXPECT_EQ(walked("\""), "1:[]unclosed ");
}

TEST(CsvRows, BoundsTheFields) {
  const std::string text = std::string(100000, ',') + "\na";
  CsvRows rows(text);
  ASSERT_TRUE(rows.next());
  EXPECT_EQ(rows.fields().size(), CsvRows::kMaxFields + 1);
}

}  // namespace
}  // namespace postern
