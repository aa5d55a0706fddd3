// SPDX-License-Identifier: BSD-3-Clause
//
// ListFormat: the interface that every list format implements in one file of its own. A reader
// turns the text of one list into a ListContent (rules/lists/list_content.h), and decides nothing
// about whether the list may be used; rules/compile guards do. A format is named in the policy, or
// recognised from the whole text; it is never guessed for a line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "rules/lists/list_content.h"

namespace postern {

// What a reader may know about where the text came from.
struct ListSource {
  std::string file;         // for the diagnostics
  int64_t modified_at = 0;  // Unix seconds; what relative times in the text count from
};

// How much of a text a format can make sense of.
struct Fit {
  uint64_t lines = 0;  // that say something; for a format that is no row of lines, its records
  uint64_t read = 0;   // of these, what the format could read
};

class ListFormat {
 public:
  virtual ~ListFormat() = default;
  virtual std::string_view name() const noexcept = 0;   // as in `format NAME`
  virtual std::string_view title() const noexcept = 0;  // one line for --help and the documents
  // Without reading for real: cheap, and it never throws. A line with a mistake that the format
  // would name ("192.0.2.1/24") counts as read: what matters is whose line it is.
  virtual Fit fit(std::string_view text) const = 0;
  // Throws BadInput when the file as a whole cannot be trusted (truncated, wrong trailer).
  virtual ListContent read(std::string_view text, const ListSource& source) const = 0;
};

// All formats, in the order in which they are tried: of two that can read a text, the earlier says
// less about it. Never empty.
const std::vector<const ListFormat*>& list_formats();
// nullptr where there is none of the name.
const ListFormat* find_list_format(std::string_view name);
// The format that can read the most lines of the text, if that is more than half of them, and the
// first of those that can read as many. nullptr where there is none.
const ListFormat* recognise_list_format(std::string_view text);

}  // namespace postern
