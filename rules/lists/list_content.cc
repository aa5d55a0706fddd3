// SPDX-License-Identifier: BSD-3-Clause
//
// Gathering what a list says (rules/lists/list_content.h).
#include "rules/lists/list_content.h"

#include <xxhash.h>

#include <string_view>
#include <utility>

namespace postern {
namespace {

// Texts differ most, so they decide where notes are kept; == decides which they are.
uint64_t hash_of(const EntryNote& note) noexcept {
  const auto words = XXH3_64bits(note.word.data(), note.word.size());
  const auto texts = XXH3_64bits_withSeed(note.text.data(), note.text.size(), words);
  const auto number = note.number.value_or(-1);
  const struct {
    double number;
    int64_t expires_at;
    uint64_t rest;
  } fixed{number, note.expires_at,
          uint64_t{note.specificity.value_or(255)} << 1 | uint64_t{note.excluded}};
  return XXH3_64bits_withSeed(&fixed, sizeof fixed, texts);
}

void keep(std::vector<Diagnostic>& kept, uint64_t& count, const std::string& file, uint32_t line,
          std::string message) {
  count++;
  if (kept.size() < ListContent::kMaxKept)
    kept.push_back({.file = file, .line = line, .message = std::move(message)});
}

}  // namespace

uint32_t NoteTable::number_of(EntryNote note) {
  if (note.text.size() > kMaxText) note.text.resize(kMaxText);
  if (note == notes_.front()) return 0;
  const auto hash = hash_of(note);
  const auto [begin, end] = numbers_.equal_range(hash);
  for (auto it = begin; it != end; ++it)
    if (notes_[it->second] == note) return it->second;
  const auto number = static_cast<uint32_t>(notes_.size());
  notes_.push_back(std::move(note));
  numbers_.emplace(hash, number);
  return number;
}

void ListContent::add(const AddressRange& range, uint32_t line, uint32_t note) {
  if (range.family() == Family::kV4)
    v4.push_back({key_of<KeyV4>(range.first()), key_of<KeyV4>(range.last()), line, note});
  else
    v6.push_back({key_of<KeyV6>(range.first()), key_of<KeyV6>(range.last()), line, note});
}

void ListContent::add(const Prefix& prefix, uint32_t line, uint32_t note) {
  if (prefix.family() != Family::kV4) return add(AddressRange(prefix), line, note);
  const auto first = key_of<KeyV4>(prefix.first());
  const auto behind = static_cast<KeyV4>(uint64_t{kLastKey<KeyV4>} >> prefix.length());
  v4.push_back({first, first | behind, line, note});
}

void ListContent::skip(const std::string& file, uint32_t line, std::string message) {
  keep(skipped, skipped_count, file, line, std::move(message));
}

void ListContent::remark(const std::string& file, uint32_t line, std::string message) {
  keep(remarks, remark_count, file, line, std::move(message));
}

}  // namespace postern
