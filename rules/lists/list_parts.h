// SPDX-License-Identifier: BSD-3-Clause
//
// ListParts: a file that holds several lists, each with exclusions and an order of its own. What
// one of them excludes is not excluded from the others, which a ListContent cannot say; so with
// more than one part, each is resolved here to the entries that hold, and the content is their
// union. Limits: kMaxOverlap entries of a part at one address.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "rules/lists/list_content.h"

namespace postern {

class ListParts {
 public:
  static constexpr size_t kMaxOverlap = 256;

  explicit ListParts(ListContent& content) : content_(content) {}

  // What is added to the content from now on belongs to the part of this name. Parts may be
  // entered again.
  void enter(std::string_view name);
  // Once, at the end: the entries of each part go together as `overlap` says. The order in which
  // they were added is that of kFirst. Throws BadInput naming the file at more than kMaxOverlap.
  void finish(Overlap overlap, const std::string& file);

 private:
  // Entries of one part from here to where the next run begins.
  struct Run {
    size_t v4, v6;
    uint32_t part;
  };
  template <typename Key>
  void resolve(std::vector<ListEntry<Key>>& entries, size_t Run::*begin, Overlap overlap,
               const std::string& file);

  ListContent& content_;
  std::unordered_map<std::string, uint32_t> numbers_;
  std::vector<Run> runs_;
};

// The entries that hold, each where it does, so that they may be taken with Overlap::kAll. Entries
// of the same range and note become one. Throws BadInput naming the file when more than
// ListParts::kMaxOverlap of them meet at one address.
template <typename Key>
std::vector<ListEntry<Key>> resolved(const std::vector<ListEntry<Key>>& entries,
                                     const NoteTable& notes, Overlap overlap,
                                     const std::string& file);
extern template std::vector<ListEntry<KeyV4>> resolved(const std::vector<ListEntry<KeyV4>>&,
                                                       const NoteTable&, Overlap,
                                                       const std::string&);
extern template std::vector<ListEntry<KeyV6>> resolved(const std::vector<ListEntry<KeyV6>>&,
                                                       const NoteTable&, Overlap,
                                                       const std::string&);

}  // namespace postern
