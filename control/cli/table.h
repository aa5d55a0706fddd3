// SPDX-License-Identifier: BSD-3-Clause
//
// Table: rows of text in aligned columns, for people; and how numbers are written beside them.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace postern::cli {

// 1234567 -> "1,234,567"
std::string grouped(uint64_t number);
// 1 -> "1 entry"; 2345 -> "2,345 entries"
std::string counted(uint64_t number, std::string_view one, std::string_view many);

// With blanks behind it, up to a width.
std::string padded(std::string text, size_t width);

class Table {
 public:
  enum Align { kLeft, kRight };
  explicit Table(std::vector<Align> columns) : columns_(std::move(columns)) {}

  // As many cells as there are columns, or fewer. Cells are made printable here.
  void row(const std::vector<std::string>& cells);
  bool empty() const noexcept { return rows_.empty(); }
  // Columns are two blanks apart; no blanks at the ends of lines.
  void print(std::ostream& out, size_t indent) const;

 private:
  std::vector<Align> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace postern::cli
