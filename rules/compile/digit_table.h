// SPDX-License-Identifier: BSD-3-Clause
//
// The table of IPv4 sources (rules/abi/snapshot_format.h): what a digit, the second 16 bits of an
// address, leads to, as runs, encoded in lines of one block; and the root by the first 16 bits.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "rules/compile/node_pool.h"
#include "rules/compile/segments.h"

namespace postern {

// The 65,536 root entries of a table over the segments, which are sorted and disjoint, with values
// below 2^16. Throws what NodePool::store throws.
std::vector<ps_root_entry> build_digit_table(std::span<const Segment<KeyV4>> segments,
                                             NodePool& pool);

}  // namespace postern
