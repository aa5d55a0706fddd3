// SPDX-License-Identifier: BSD-3-Clause
//
// Reading a text as a list of one format, for the tests of the readers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rules/lists/list_format.h"

namespace postern::test {

inline ListContent read_list(std::string_view format, std::string_view text) {
  return find_list_format(format)->read(text, "a.list");
}

// "192.0.2.0/24@3" for each entry: what, and at which line.
inline std::vector<std::string> entries_of(const ListContent& content) {
  std::vector<std::string> entries;
  for (const auto& entry : content.entries)
    entries.push_back(entry.range.to_string() + '@' + std::to_string(entry.line));
  for (const auto& entry : content.domains)
    entries.push_back(entry.domain + '@' + std::to_string(entry.line));
  return entries;
}

inline std::vector<std::string> skipped_of(const ListContent& content) {
  std::vector<std::string> skipped;
  for (const auto& diagnostic : content.skipped) skipped.push_back(diagnostic.to_string());
  return skipped;
}

}  // namespace postern::test
