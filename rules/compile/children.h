// SPDX-License-Identifier: BSD-3-Clause
//
// A walk over segments by equal parts of the space, the children of a node of a table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "rules/compile/segments.h"

namespace postern {

// The children 0 to last_child, of 2^child_bits addresses each, follow each other from `base` on.
// Calls covered(last, value) for those that one segment covers, from the next one not yet called
// about to `last`, and partly(child, its segments) for one that is cut further. Gaps are covered
// with 0. segments: sorted and disjoint; none ends below `base`.
template <typename Key, typename Covered, typename Partly>
void for_each_child(Key base, int child_bits, uint64_t last_child,
                    std::span<const Segment<Key>> segments, Covered covered, Partly partly) {
  const Key span = static_cast<Key>((Key{1} << child_bits) - 1);  // of one child, less one
  const auto first_of = [&](uint64_t child) {
    return static_cast<Key>(base + (static_cast<Key>(child) << child_bits));
  };
  const auto child_of = [&](Key key) {
    return static_cast<uint64_t>(static_cast<Key>(key - base) >> child_bits);
  };
  const Key end = static_cast<Key>(first_of(last_child) + span);

  uint64_t child = 0;
  for (size_t i = 0; i < segments.size() && segments[i].first <= end;) {
    const auto& segment = segments[i];
    const auto starts_in = segment.first <= base ? 0 : child_of(segment.first);
    if (starts_in > child) {
      covered(starts_in - 1, 0);
      child = starts_in;
    }
    const Key child_end = static_cast<Key>(first_of(child) + span);
    if (segment.first <= first_of(child) && segment.last >= child_end) {
      const auto last =
          segment.last >= end ? last_child : child_of(static_cast<Key>(segment.last + 1)) - 1;
      covered(last, segment.value);
      if (last == last_child) return;
      if (segment.last <= static_cast<Key>(first_of(last) + span)) i++;
      child = last + 1;
      continue;
    }
    size_t behind = i;
    while (behind < segments.size() && segments[behind].first <= child_end) behind++;
    partly(child, segments.subspan(i, behind - i));
    if (child == last_child) return;
    i = segments[behind - 1].last > child_end ? behind - 1 : behind;
    child++;
  }
  covered(last_child, 0);
}

}  // namespace postern
