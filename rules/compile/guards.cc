// SPDX-License-Identifier: BSD-3-Clause
//
// Guards against list files that cannot be meant (rules/compile/guards.h).
#include "rules/compile/guards.h"

#include <algorithm>
#include <cmath>

#include "rules/lists/list_lines.h"

namespace postern {

namespace {

template <typename Key>
std::optional<std::string> why_not_everyone(const std::vector<ListEntry<Key>>& entries) {
  for (const auto& entry : entries)
    if (entry.first == 0 && entry.last == kLastKey<Key>)
      return "has " +
             Prefix::make(address_of(entry.first), 0, Prefix::HostBits::kMask)->to_string() +
             " at line " + std::to_string(entry.line) + ", which is everyone";
  return std::nullopt;
}

}  // namespace

std::optional<std::string> why_not_a_list(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) return "is binary (or UTF-16), not text";
  ListLines lines(text, Comments::kHash);
  if (!lines.next()) return "is empty";
  if (lines.text().front() == '<') return "is HTML or XML, not a list";
  return std::nullopt;
}

std::optional<std::string> why_not_meant(const ListContent& content) {
  if (content.size() == 0) {
    if (content.skipped_count == 0) return "is empty: it has no entries";
    return "has no usable line; the first of " + std::to_string(content.skipped_count) +
           " bad ones: " + content.skipped.front().message;
  }
  if (auto why = why_not_everyone(content.v4)) return why;
  return why_not_everyone(content.v6);
}

std::optional<std::string> why_not_this_size(uint64_t entries, uint64_t entries_before,
                                             double max_change) {
  if (entries_before == 0) return std::nullopt;
  const auto before = static_cast<double>(entries_before);
  const auto change = static_cast<double>(entries) - before;
  if (std::abs(change) <= before * max_change) return std::nullopt;
  return (change < 0 ? "shrank from " : "grew from ") + std::to_string(entries_before) + " to " +
         std::to_string(entries) + " entries, which is more than its max-change of " +
         std::to_string(std::lround(max_change * 100)) + '%';
}

}  // namespace postern
