// SPDX-License-Identifier: BSD-3-Clause
//
// Expiry without compiling again: the matrix of a snapshot as it is at a certain time. It has the
// size and the layout of the one in the image, so that an engine may write it over that one, cell
// by cell. When nothing expires any more the matrix stays as it is.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "rules/abi/snapshot_format.h"
#include "rules/compile/matrix.h"
#include "rules/snapshot/snapshot.h"

namespace postern {

struct MatrixAt {
  int64_t now = 0;                    // the time that it is of
  std::vector<ps_verdict> cells;      // [policy][class], as from header.matrix on
  std::vector<ps_outbound> outbound;  // per class, as from header.outbound on; empty: absent
  std::vector<std::vector<uint16_t>> limit_rules;  // as in Matrix; no image has it
};

// As the compiler would have built it at that time. now: Unix seconds.
Matrix build_matrix_at(const Snapshot& snapshot, int64_t now);
// What of that an engine wants.
MatrixAt matrix_at(const Snapshot& snapshot, int64_t now);

// The first time after `now` at which a sub-list stops counting; nullopt when none will.
std::optional<int64_t> next_expiry(const Snapshot& snapshot, int64_t now);

}  // namespace postern
