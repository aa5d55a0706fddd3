// SPDX-License-Identifier: BSD-3-Clause
//
// ListContent: what a list file says, whichever format it is written in. Entries are numbers, as
// there are millions of them; what few lines say beyond their addresses (a value, a text, an
// expiry, that they are an exclusion) is a note, kept once however many lines share it.
//
// Which entries hold at an address: an exclusion takes the address away from every entry of its own
// specificity or a lesser one. Specificity is the length of the longest prefix that is no smaller
// than the range, so that for prefixes the longest match decides; a format may say another in the
// note. Nothing is materialised; rules/compile resolves it by a sweep.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "rules/address/key.h"
#include "rules/text/diagnostic.h"

namespace postern {

// One line of one list. The list is known from where the entry is kept.
template <typename Key>
struct ListEntry {
  Key first, last;    // both included
  uint32_t line = 0;  // 1-based
  uint32_t note = 0;  // index into ListContent::notes

  bool operator==(const ListEntry&) const = default;
};

inline constexpr int64_t kNeverExpires = std::numeric_limits<int64_t>::max();

// What a line says beyond its addresses.
struct EntryNote {
  std::string word = {};               // an A value, a category, the name of a set; empty: none
  std::optional<double> number = {};   // a count or a weight
  std::string text = {};               // for people: a TXT value, a comment, an owner's name
  int64_t expires_at = kNeverExpires;  // Unix seconds
  // Where the format's rule is not that of the prefix length.
  std::optional<uint8_t> specificity = {};
  bool excluded = false;

  bool operator==(const EntryNote&) const = default;
};

// The notes of one list, each once. Number 0 is the note that says nothing.
class NoteTable {
 public:
  static constexpr size_t kMaxText = 255;  // bytes of a text that are kept; people read no more

  NoteTable() : notes_(1) {}
  uint32_t number_of(EntryNote note);
  // Of a note that says no more than this text.
  uint32_t number_of_text(std::string_view text) {
    return text.empty() ? 0 : number_of({.text = std::string(text)});
  }
  const std::vector<EntryNote>& all() const noexcept { return notes_; }
  const EntryNote& operator[](uint32_t number) const noexcept { return notes_[number]; }

 private:
  std::vector<EntryNote> notes_;
  std::unordered_multimap<uint64_t, uint32_t> numbers_;  // by hash
};

// How entries of one list that overlap go together.
enum class Overlap : uint8_t {
  kAll,           // each holds, but for exclusions
  kMostSpecific,  // only the most specific ones, as in a routing table
  kFirst,         // only the first in the order of the lines, as in an access list
};

// A line of a list of domains (format domains).
struct DomainEntry {
  std::string domain;  // lower case, A-labels, no final dot
  uint32_t line;
};

struct ListContent {
  std::vector<ListEntry<KeyV4>> v4;
  std::vector<ListEntry<KeyV6>> v6;
  NoteTable notes;
  Overlap overlap = Overlap::kAll;
  std::vector<DomainEntry> domains;
  std::vector<Diagnostic> skipped;  // bad lines, in order; the first kMaxKept are kept
  uint64_t skipped_count = 0;       // all of them
  // Good lines that say nothing about addresses in the list and that someone may think did;
  // likewise.
  std::vector<Diagnostic> remarks;
  uint64_t remark_count = 0;
  static constexpr size_t kMaxKept = 100;

  uint64_t size() const noexcept { return v4.size() + v6.size() + domains.size(); }
  // Makes room for the entries of so many bytes of plain lines; what is too much is never touched.
  void expect(size_t bytes) { v4.reserve(bytes / 16); }
  void add(const AddressRange& range, uint32_t line, uint32_t note = 0);
  void add(const Prefix& prefix, uint32_t line, uint32_t note = 0);  // the same, sooner
  // Counts a line, and keeps the complaint while there are few.
  void skip(const std::string& file, uint32_t line, std::string message);
  void remark(const std::string& file, uint32_t line, std::string message);
};

}  // namespace postern
