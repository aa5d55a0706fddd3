// SPDX-License-Identifier: BSD-3-Clause
//
// Reading a text as a list of one format, for the tests of the readers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rules/lists/list_format.h"

namespace postern::test {

// What the texts of the tests count their times from.
inline constexpr int64_t kModifiedAt = 1'700'000'000;

inline ListContent read_list(std::string_view format, std::string_view text) {
  return find_list_format(format)->read(text, {.file = "a.list", .modified_at = kModifiedAt});
}

template <typename Key>
AddressRange range_of(const ListEntry<Key>& entry) {
  return AddressRange::make(address_of(entry.first), address_of(entry.last)).value();
}

// "192.0.2.0/24@3" for each entry: what, and at which line.
inline std::vector<std::string> entries_of(const ListContent& content) {
  std::vector<std::string> entries;
  const auto append = [&](const auto& family) {
    for (const auto& entry : family)
      entries.push_back(range_of(entry).to_string() + '@' + std::to_string(entry.line));
  };
  append(content.v4);
  append(content.v6);
  for (const auto& entry : content.domains)
    entries.push_back(entry.domain + '@' + std::to_string(entry.line));
  return entries;
}

// The notes of the entries, in the order of entries_of.
inline std::vector<EntryNote> notes_of(const ListContent& content) {
  std::vector<EntryNote> notes;
  for (const auto& entry : content.v4) notes.push_back(content.notes[entry.note]);
  for (const auto& entry : content.v6) notes.push_back(content.notes[entry.note]);
  return notes;
}

inline std::vector<std::string> remarks_of(const ListContent& content) {
  std::vector<std::string> remarks;
  for (const auto& diagnostic : content.remarks) remarks.push_back(diagnostic.to_string());
  return remarks;
}

inline std::vector<std::string> skipped_of(const ListContent& content) {
  std::vector<std::string> skipped;
  for (const auto& diagnostic : content.skipped) skipped.push_back(diagnostic.to_string());
  return skipped;
}

}  // namespace postern::test
