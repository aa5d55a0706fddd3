// SPDX-License-Identifier: BSD-3-Clause
//
// Aligned columns; see table.h. Widths count code points, which is right for
// what the outputs hold (addresses, names, numbers) and slightly off for wide scripts.
#include "control/cli/table.h"

#include <algorithm>

#include "control/cli/printable.h"

namespace postern::cli {
namespace {

size_t width_of(std::string_view text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<uint8_t>(c) & 0xc0) != 0x80; }));
}

}  // namespace

std::string grouped(uint64_t number) {
  auto digits = std::to_string(number);
  for (size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

std::string counted(uint64_t number, std::string_view one, std::string_view many) {
  return grouped(number) + " " + std::string(number == 1 ? one : many);
}

std::string padded(std::string text, size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

void Table::row(const std::vector<std::string>& cells) {
  std::vector<std::string> row(columns_.size());
  for (size_t i = 0; i < std::min(cells.size(), row.size()); i++) row[i] = printable(cells[i]);
  rows_.push_back(std::move(row));
}

void Table::print(std::ostream& out, size_t indent) const {
  std::vector<size_t> widths(columns_.size());
  for (const auto& row : rows_)
    for (size_t i = 0; i < row.size(); i++) widths[i] = std::max(widths[i], width_of(row[i]));
  for (const auto& row : rows_) {
    std::string line(indent, ' ');
    for (size_t i = 0; i < row.size(); i++) {
      if (widths[i] == 0) continue;
      const std::string padding(widths[i] - width_of(row[i]), ' ');
      line += columns_[i] == kRight ? padding + row[i] : row[i] + padding;
      line += "  ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out << line << '\n';
  }
}

}  // namespace postern::cli
