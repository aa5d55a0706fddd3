// SPDX-License-Identifier: BSD-3-Clause
//
// What a list says about one address, in the slow and obvious way that rules/lists/list_content.h
// describes: all entries are asked, one after the other.
#pragma once

#include <algorithm>
#include <vector>

#include "tests/rules/lists/read_list.h"

namespace postern::test {

// The length of the longest prefix that has as many addresses as the range, or more.
template <typename Key>
int specificity_of(const ListEntry<Key>& entry, const EntryNote& note) {
  if (note.specificity) return *note.specificity;
  int length = kKeyBits<Key>;
  while (length > 0 && static_cast<Key>(entry.last - entry.first) >> (kKeyBits<Key> - length) != 0)
    length--;
  return length;
}

// The notes of the entries that hold at a key, in the order of the entries.
template <typename Key>
std::vector<EntryNote> listing_at(const std::vector<ListEntry<Key>>& entries,
                                  const NoteTable& notes, Overlap overlap, Key key) {
  struct Match {
    int specificity;
    EntryNote note;
  };
  std::vector<Match> matches;
  for (const auto& entry : entries)
    if (entry.first <= key && key <= entry.last)
      matches.push_back({specificity_of(entry, notes[entry.note]), notes[entry.note]});
  if (overlap == Overlap::kFirst && !matches.empty()) matches.resize(1, matches.front());
  int best = 0, excluded = -1;
  for (const auto& match : matches) {
    best = std::max(best, match.specificity);
    if (match.note.excluded) excluded = std::max(excluded, match.specificity);
  }
  std::vector<EntryNote> listing;
  for (const auto& match : matches) {
    if (match.specificity <= excluded) continue;
    if (overlap == Overlap::kMostSpecific && match.specificity != best) continue;
    listing.push_back(match.note);
  }
  return listing;
}

inline std::vector<EntryNote> listing_at(const ListContent& content, const IpAddress& address) {
  return address.is_v4()
             ? listing_at<KeyV4>(content.v4, content.notes, content.overlap, key_of<KeyV4>(address))
             : listing_at<KeyV6>(content.v6, content.notes, content.overlap,
                                 key_of<KeyV6>(address));
}

// The words of the listing, in order and each once: "REJECT", "127.0.0.2 127.0.0.4"; "" where the
// address is not listed.
inline std::string words_at(const ListContent& content, std::string_view address) {
  std::vector<std::string> words;
  for (const auto& note : listing_at(content, IpAddress::parse(address).value()))
    words.push_back(note.word);
  std::ranges::sort(words);
  words.erase(std::unique(words.begin(), words.end()), words.end());
  std::string joined;
  for (const auto& word : words) joined += (joined.empty() ? "" : " ") + word;
  return joined;
}

// The ends of all entries and their neighbours: where what a list says can change.
inline std::vector<IpAddress> places_of(const ListContent& content) {
  std::vector<IpAddress> places;
  const auto append = [&](const IpAddress& end) {
    places.push_back(end);
    for (const auto& neighbour : {end.previous(), end.next()})
      if (neighbour) places.push_back(*neighbour);
  };
  const auto append_all = [&](const auto& entries) {
    for (const auto& entry : entries) {
      append(address_of(entry.first));
      append(address_of(entry.last));
    }
  };
  append_all(content.v4);
  append_all(content.v6);
  std::ranges::sort(places);
  places.erase(std::unique(places.begin(), places.end()), places.end());
  return places;
}

}  // namespace postern::test
