// SPDX-License-Identifier: BSD-3-Clause
//
// RuleCounts: what an engine has counted by the rules of one snapshot, summed over its workers or
// CPUs, since the snapshot was put into force.
#pragma once

#include <cstdint>
#include <vector>

#include "rules/abi/counters.h"

namespace postern {

struct RuleCounts {
  std::vector<ps_cell_count> cells;  // [row of the matrix][class]; empty before the first snapshot
  std::vector<uint64_t>
      signatures;  // hits, per Policy::signatures; empty where the engine scans not
};

}  // namespace postern
