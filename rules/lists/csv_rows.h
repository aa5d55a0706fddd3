// SPDX-License-Identifier: BSD-3-Clause
//
// CsvRows: the rows of a CSV text (RFC 4180), one after the other: fields in quotes may have the
// delimiter, line ends and doubled quotes in them. Blank lines are passed over, and so are those
// that begin with `#`, which feeds put before the header.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "rules/text/cursor.h"

namespace postern {

class CsvRows {
 public:
  // The delimiter is the first of `,` `;` and TAB in the first row outside quotes; `,` where there
  // is none.
  explicit CsvRows(std::string_view text);

  static constexpr size_t kMaxFields = 1000;

  // Steps to the next row; false at the end.
  bool next();
  uint32_t number() const noexcept { return number_; }  // 1-based, of the line it begins at
  // One more than kMaxFields where there are more. Without blanks around, but for those in quotes.
  // Valid until the next step.
  const std::vector<std::string>& fields() const noexcept { return fields_; }
  // A quote was open at the end of the text, so nobody knows where the row was to end.
  bool unclosed() const noexcept { return unclosed_; }
  // Something other than a delimiter followed a closing quote.
  bool misquoted() const noexcept { return misquoted_; }

 private:
  void take_field();
  std::string take_quoted();

  Cursor cursor_;
  char delimiter_ = ',';
  uint32_t line_ = 1, number_ = 0;
  std::vector<std::string> fields_;
  bool unclosed_ = false, misquoted_ = false;
};

}  // namespace postern
