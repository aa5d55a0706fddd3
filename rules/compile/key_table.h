// SPDX-License-Identifier: BSD-3-Clause
//
// The tables of IPv6 sources and of all destinations (rules/abi/snapshot_format.h): what the two
// halves of a key lead to, as runs, encoded in lines of one block below as many levels of
// separators as they need; and the root for IPv6 sources.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "rules/compile/node_pool.h"
#include "rules/compile/segments.h"

namespace postern {

// The slot of a table over the segments, which are sorted and disjoint, with values below 2^16.
// This and the next throw what NodePool::store throws.
template <typename Key>
uint32_t build_key_table(std::span<const Segment<Key>> segments, NodePool& pool);

// A table with a root for 2000::/3; the slot is that of what lies outside, or with 0 bits of all.
struct RootedTable {
  uint32_t bits = 0;
  std::vector<uint32_t> root;  // 2^bits slots, or none
  uint32_t slot = 0;
};
RootedTable build_rooted_table(std::span<const Segment<KeyV6>> segments, uint32_t bits,
                               NodePool& pool);

// How many bits of a root pay: as many slots as make most of them lead to one line at most, and
// none for a few dozen segments.
uint32_t root_bits_for(size_t segments) noexcept;

extern template uint32_t build_key_table(std::span<const Segment<KeyV4>>, NodePool&);
extern template uint32_t build_key_table(std::span<const Segment<KeyV6>>, NodePool&);

}  // namespace postern
