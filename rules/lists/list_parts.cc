// SPDX-License-Identifier: BSD-3-Clause
//
// Resolving the parts of a list (rules/lists/list_parts.h): a sweep over the boundaries of a part's
// entries, which at each stretch asks which of those that are there hold.
#include "rules/lists/list_parts.h"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace postern {
namespace {

// The length of the longest prefix that is no smaller than the range.
template <typename Key>
int length_for(Key first, Key last) {
  const auto size = static_cast<Key>(last - first);  // one less
  int bits = 0;
  for (Key rest = size; rest != 0; rest = static_cast<Key>(rest >> 1)) bits++;
  return kKeyBits<Key> - bits;
}

template <typename Key>
struct Stretch {
  Key first, last;
  int specificity;
  bool excluded;
  uint32_t entry;  // index, which is the order of kFirst
};

template <typename Key>
class Sweep {
 public:
  Sweep(const std::vector<ListEntry<Key>>& entries, const NoteTable& notes, Overlap overlap,
        const std::string& file)
      : entries_(entries), overlap_(overlap), file_(file) {
    std::vector<uint32_t> order(entries.size());
    std::iota(order.begin(), order.end(), 0u);
    const auto key = [&](uint32_t i) {
      return std::tuple(entries[i].first, entries[i].last, entries[i].note, i);
    };
    std::ranges::sort(order, {}, key);
    for (const auto i : order) {
      const auto& entry = entries[i];
      if (!stretches_.empty() && same(entries[stretches_.back().entry], entry)) continue;
      const auto& note = notes[entry.note];
      const int specificity =
          note.specificity.value_or(static_cast<uint8_t>(length_for<Key>(entry.first, entry.last)));
      stretches_.push_back({entry.first, entry.last, specificity, note.excluded, i});
    }
  }

  std::vector<ListEntry<Key>> run() {
    Key at = 0;
    for (size_t next = 0; next < stretches_.size() || !active_.empty();) {
      if (active_.empty()) at = stretches_[next].first;
      for (; next < stretches_.size() && stretches_[next].first == at; next++)
        enter(stretches_[next]);
      Key end = active_.front()->last;
      for (const auto* stretch : active_) end = std::min(end, stretch->last);
      if (next < stretches_.size() && stretches_[next].first <= end)
        end = static_cast<Key>(stretches_[next].first - 1);
      emit(at, end);
      std::erase_if(active_, [&](const auto* stretch) { return stretch->last == end; });
      at = static_cast<Key>(end + 1);  // 0 after the very last address: then nothing is active
    }
    return std::move(result_);
  }

 private:
  static bool same(const ListEntry<Key>& a, const ListEntry<Key>& b) {
    return a.first == b.first && a.last == b.last && a.note == b.note;
  }

  void enter(const Stretch<Key>& stretch) {
    if (active_.size() == ListParts::kMaxOverlap)
      throw BadInput(Diagnostic{.file = file_,
                                .line = entries_[stretch.entry].line,
                                .message = "more than " + std::to_string(ListParts::kMaxOverlap) +
                                           " entries of one part of this file overlap at " +
                                           address_of(stretch.first).to_string()});
    active_.push_back(&stretch);
  }

  void emit(Key first, Key last) {
    int best = -1, excluded = -1;
    uint32_t earliest = UINT32_MAX;
    for (const auto* stretch : active_) {
      best = std::max(best, stretch->specificity);
      if (stretch->excluded) excluded = std::max(excluded, stretch->specificity);
      earliest = std::min(earliest, stretch->entry);
    }
    for (const auto* stretch : active_) {
      if (stretch->excluded) continue;
      if (overlap_ == Overlap::kFirst ? stretch->entry != earliest
                                      : stretch->specificity <= excluded)
        continue;
      if (overlap_ == Overlap::kMostSpecific && stretch->specificity != best) continue;
      add(stretch->entry, first, last);
    }
  }

  // Longer, where the entry held just before, too.
  void add(uint32_t entry, Key first, Key last) {
    if (pieces_.empty()) pieces_.resize(entries_.size(), SIZE_MAX);
    auto& piece = pieces_[entry];
    if (piece != SIZE_MAX && result_[piece].last + 1 == first) {
      result_[piece].last = last;
      return;
    }
    piece = result_.size();
    result_.push_back({first, last, entries_[entry].line, entries_[entry].note});
  }

  const std::vector<ListEntry<Key>>& entries_;
  Overlap overlap_;
  const std::string& file_;
  std::vector<Stretch<Key>> stretches_;  // by first
  std::vector<const Stretch<Key>*> active_;
  std::vector<size_t> pieces_;  // the last one of each entry, in result_
  std::vector<ListEntry<Key>> result_;
};

}  // namespace

template <typename Key>
std::vector<ListEntry<Key>> resolved(const std::vector<ListEntry<Key>>& entries,
                                     const NoteTable& notes, Overlap overlap,
                                     const std::string& file) {
  return Sweep<Key>(entries, notes, overlap, file).run();
}
template std::vector<ListEntry<KeyV4>> resolved(const std::vector<ListEntry<KeyV4>>&,
                                                const NoteTable&, Overlap, const std::string&);
template std::vector<ListEntry<KeyV6>> resolved(const std::vector<ListEntry<KeyV6>>&,
                                                const NoteTable&, Overlap, const std::string&);

void ListParts::enter(std::string_view name) {
  const auto next = static_cast<uint32_t>(numbers_.size());
  const auto part = numbers_.try_emplace(std::string(name), next).first->second;
  if (runs_.empty() || runs_.back().part != part)
    runs_.push_back({content_.v4.size(), content_.v6.size(), part});
}

void ListParts::finish(Overlap overlap, const std::string& file) {
  content_.overlap = overlap;
  const bool excludes =
      std::ranges::any_of(content_.notes.all(), [](const auto& note) { return note.excluded; });
  if (numbers_.size() < 2 || (overlap == Overlap::kAll && !excludes)) return;
  resolve(content_.v4, &Run::v4, overlap, file);
  resolve(content_.v6, &Run::v6, overlap, file);
  content_.overlap = Overlap::kAll;
}

template <typename Key>
void ListParts::resolve(std::vector<ListEntry<Key>>& entries, size_t Run::*begin, Overlap overlap,
                        const std::string& file) {
  std::vector<std::vector<ListEntry<Key>>> parts(numbers_.size());
  for (size_t i = 0; i < runs_.size(); i++) {
    const auto end = i + 1 < runs_.size() ? runs_[i + 1].*begin : entries.size();
    auto& part = parts[runs_[i].part];
    part.insert(part.end(), entries.begin() + static_cast<ptrdiff_t>(runs_[i].*begin),
                entries.begin() + static_cast<ptrdiff_t>(end));
  }
  entries.clear();
  for (const auto& part : parts) {
    const auto holding = resolved(part, content_.notes, overlap, file);
    entries.insert(entries.end(), holding.begin(), holding.end());
  }
}

}  // namespace postern
