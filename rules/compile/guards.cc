// SPDX-License-Identifier: BSD-3-Clause
//
// Guards against list files that cannot be meant (rules/compile/guards.h).
#include "rules/compile/guards.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>
#include <vector>

#include "rules/lists/list_lines.h"

namespace postern {

namespace {

constexpr double kSpaceV4 = 4294967296.0;                              // 2^32
constexpr double kSpaceV6 = 42535295865117307932921825928971026432.0;  // 2^125: 2000::/3

template <typename Key>
double size_of(Key first, Key last) noexcept {
  return static_cast<double>(last - first) + 1;
}

// How many addresses the entries cover together, each counted once.
template <typename Key>
double covered(const std::vector<ListEntry<Key>>& entries, const NoteTable& notes) {
  std::vector<std::pair<Key, Key>> ranges;
  ranges.reserve(entries.size());
  for (const auto& entry : entries)
    if (!notes[entry.note].excluded) ranges.emplace_back(entry.first, entry.last);
  if (!std::ranges::is_sorted(ranges)) std::ranges::sort(ranges);
  double total = 0;
  for (size_t i = 0; i < ranges.size();) {
    auto [first, last] = ranges[i];
    for (i++; i < ranges.size() && ranges[i].first <= last; i++)
      last = std::max(last, ranges[i].second);
    total += size_of(first, last);
  }
  return total;
}

template <typename Key>
std::optional<std::string> why_not_everyone(const ListContent& content,
                                            const std::vector<ListEntry<Key>>& entries) {
  constexpr auto kName = kKeyFamily<Key> == Family::kV4 ? "IPv4" : "IPv6";
  const double everyone = size_of<Key>(0, kLastKey<Key>);
  double sum = 0;
  for (const auto& entry : entries) {
    if (content.notes[entry.note].excluded) continue;
    if (entry.first == 0 && entry.last == kLastKey<Key>)
      return "has " +
             Prefix::make(address_of(entry.first), 0, Prefix::HostBits::kMask)->to_string() +
             " at line " + std::to_string(entry.line) + ", which is everyone";
    sum += size_of(entry.first, entry.last);
  }
  // The union is worth working out only where the sum could reach so far.
  if (sum < everyone || covered(entries, content.notes) < everyone) return std::nullopt;
  return std::string("covers every ") + kName + " address there is";
}

template <typename Key>
std::optional<std::string> why_not_larger(const ListContent& content,
                                          const std::vector<ListEntry<Key>>& entries,
                                          const std::optional<int>& longest) {
  if (!longest) return std::nullopt;
  const Key allowed =
      *longest == kKeyBits<Key> ? Key{0} : static_cast<Key>(kLastKey<Key> >> *longest);
  for (const auto& entry : entries) {
    if (content.notes[entry.note].excluded || entry.last - entry.first <= allowed) continue;
    const auto range = AddressRange::make(address_of(entry.first), address_of(entry.last));
    return "has " + range->to_string() + " at line " + std::to_string(entry.line) +
           ", which is larger than its max-range of /" + std::to_string(*longest);
  }
  return std::nullopt;
}

std::string percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g%%", share * 100);
  return text;
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
  if (auto why = why_not_everyone(content, content.v4)) return why;
  return why_not_everyone(content, content.v6);
}

std::optional<std::string> why_not_so_large(const ListContent& content,
                                            const ListDeclaration& declaration) {
  if (auto why = why_not_larger(content, content.v4, declaration.max_range_v4)) return why;
  return why_not_larger(content, content.v6, declaration.max_range_v6);
}

std::optional<std::string> why_not_so_much(const ListContent& content, double max_share) {
  const auto too_much = [&](double share, const char* space) -> std::optional<std::string> {
    if (share <= max_share) return std::nullopt;
    return "covers " + percent(share) + " of " + space + ", which is more than its max-share of " +
           percent(max_share);
  };
  if (auto why = too_much(covered(content.v4, content.notes) / kSpaceV4, "IPv4")) return why;
  return too_much(covered(content.v6, content.notes) / kSpaceV6, "IPv6");
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
