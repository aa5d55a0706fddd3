// SPDX-License-Identifier: BSD-3-Clause
//
// ListFormat: the interface that every list format implements in one file of its own. A reader
// turns the bytes of one list into entries that keep their line, and diagnostics for the lines that
// it skipped. It decides nothing about whether the list may be used; rules/compile guards do.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "rules/address/address.h"
#include "rules/text/diagnostic.h"

namespace postern {

// One line of one list. The list is known from where the entry is kept.
struct ListEntry {
  AddressRange range;
  uint32_t line;  // 1-based
};

// A line of a list of domains (format domains).
struct DomainEntry {
  std::string domain;  // lower case, A-labels, no final dot
  uint32_t line;
};

struct ListContent {
  std::vector<ListEntry> entries;
  std::vector<DomainEntry> domains;
  std::vector<Diagnostic> skipped;  // bad lines, in order; the first kMaxKept are kept
  uint64_t skipped_count = 0;       // all of them
  static constexpr size_t kMaxKept = 100;
};

class ListFormat {
 public:
  virtual ~ListFormat() = default;
  virtual std::string_view name() const noexcept = 0;   // as in `format NAME`
  virtual std::string_view title() const noexcept = 0;  // one line for --help and the documents
  // True when the whole text can only be of this format. At most one format may say so.
  virtual bool recognises(std::string_view text) const = 0;
  // Throws BadInput when the file as a whole cannot be trusted (truncated, wrong trailer).
  virtual ListContent read(std::string_view text, const std::string& file) const = 0;
};

// All formats, in a fixed order. Never empty.
const std::vector<const ListFormat*>& list_formats();
// nullptr where there is none of the name.
const ListFormat* find_list_format(std::string_view name);

}  // namespace postern
