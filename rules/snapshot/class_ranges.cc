// SPDX-License-Identifier: BSD-3-Clause
//
// Boundaries -> stretches (rules/snapshot/class_ranges.h).
#include "rules/snapshot/class_ranges.h"

#include <algorithm>

#include "rules/snapshot/sections_view.h"

namespace postern {
namespace {

// The firsts of stretches that could begin; the class before the smallest of them is 0.
template <typename Key>
class Boundaries {
 public:
  void add(Key first, Key last) {
    firsts_.push_back(first);
    if (last != kLastKey<Key>) firsts_.push_back(static_cast<Key>(last + 1));
  }
  std::vector<Key> take() {
    std::ranges::sort(firsts_);
    firsts_.erase(std::unique(firsts_.begin(), firsts_.end()), firsts_.end());
    return std::move(firsts_);
  }

 private:
  std::vector<Key> firsts_;
};

void add_entries(const Sections& sections, Boundaries<KeyV4>& boundaries) {
  for (const auto& entry : sections.entries_v4()) boundaries.add(entry.first, entry.last);
}

void add_entries(const Sections& sections, Boundaries<KeyV6>& boundaries) {
  const auto key = [](const uint8_t(&bytes)[16]) {
    KeyV6 value = 0;
    for (const uint8_t byte : bytes) value = value << 8 | byte;
    return value;
  };
  for (const auto& entry : sections.entries_v6()) boundaries.add(key(entry.first), key(entry.last));
}

}  // namespace

template <typename Key>
std::vector<ClassRange<Key>> class_ranges(const Snapshot& snapshot) {
  Boundaries<Key> boundaries;
  add_entries(snapshot.sections(), boundaries);
  for (const auto& protect : snapshot.policy().protects)
    if (const auto* prefix = std::get_if<Prefix>(&protect.what);
        prefix && prefix->family() == kKeyFamily<Key>)
      boundaries.add(key_of<Key>(prefix->first()), key_of<Key>(prefix->last()));

  std::vector<ClassRange<Key>> ranges;
  const auto firsts = boundaries.take();
  for (size_t i = 0; i < firsts.size(); i++) {
    const auto address_class = snapshot.class_of(address_of(firsts[i]));
    if (address_class == 0) continue;
    const Key last = i + 1 < firsts.size() ? static_cast<Key>(firsts[i + 1] - 1) : kLastKey<Key>;
    if (!ranges.empty() && ranges.back().address_class == address_class &&
        static_cast<Key>(ranges.back().last + 1) == firsts[i])
      ranges.back().last = last;
    else
      ranges.push_back({firsts[i], last, address_class});
  }
  return ranges;
}

template std::vector<ClassRange<KeyV4>> class_ranges(const Snapshot&);
template std::vector<ClassRange<KeyV6>> class_ranges(const Snapshot&);

}  // namespace postern
