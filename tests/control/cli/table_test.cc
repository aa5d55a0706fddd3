// SPDX-License-Identifier: BSD-3-Clause
//
// Aligned columns, and numbers with their thousands apart.
#include "control/cli/table.h"

#include <gtest/gtest.h>

#include <sstream>

namespace postern::cli {
namespace {

std::string printed(const Table& table, size_t indent = 0) {
  std::ostringstream out;
  table.print(out, indent);
  return out.str();
}

TEST(Table, AlignsColumns) {
  Table table({Table::kLeft, Table::kRight, Table::kLeft});
  table.row({"list", "entries", "file"});
  table.row({"dynamic", "61,234", "a"});
  EXPECT_EQ(printed(table), "list     entries  file\ndynamic   61,234  a\n");
  EXPECT_EQ(printed(table, 2), "  list     entries  file\n  dynamic   61,234  a\n");
}

TEST(Table, LeavesOutEmptyColumnsAndBlanksAtTheEnd) {
  Table table({Table::kLeft, Table::kLeft, Table::kLeft});
  table.row({"a", "", "b"});
  table.row({"long"});
  EXPECT_EQ(printed(table), "a     b\nlong\n");
}

TEST(Table, CountsCodePoints) {
  Table table({Table::kLeft, Table::kLeft});
  table.row({"\xc3\xbc", "x"});
  table.row({"ab", "y"});
  EXPECT_EQ(printed(table), "\xc3\xbc   x\nab  y\n");
}

TEST(Table, MakesCellsPrintable) {
  Table table({Table::kLeft});
  table.row({"a\nb\x1b[0m"});
  EXPECT_EQ(printed(table), "a\\x0ab\\x1b[0m\n");
}

TEST(Numbers, AreGrouped) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(1234567), "1,234,567");
  EXPECT_EQ(grouped(UINT64_MAX), "18,446,744,073,709,551,615");
  EXPECT_EQ(counted(1, "entry", "entries"), "1 entry");
  EXPECT_EQ(counted(0, "entry", "entries"), "0 entries");
}

}  // namespace
}  // namespace postern::cli
