// SPDX-License-Identifier: BSD-3-Clause
//
// The verdict at a later hour, and what would change it: the verdict that an address would get if
// some of its lists did not have it, or if nothing protected it. Worked out by the same rules as
// the matrix, for one class.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "rules/snapshot/snapshot.h"

namespace postern {

// The verdict of a service for a class at that time, as engines judge by then: lists that have
// expired since the snapshot was compiled no longer count.
ps_verdict verdict_at(const Snapshot& snapshot, size_t service, ClassId address_class, int64_t now);

// The rule of Snapshot::policy() whose limit that verdict holds attempts to, in force or only
// observed; nullptr where they are held to none.
const ConnectionRule* limit_rule_at(const Snapshot& snapshot, size_t service, ClassId address_class,
                                    int64_t now);

struct Alternative {
  std::vector<size_t> without_lists;  // indices into Snapshot::lists(); empty: without protect
  ps_verdict verdict;
};

// Those whose action differs from the verdict that the service has now. Each single list that makes
// a difference, in their order; then, where no single one leads to what the address would get in no
// list at all, a minimal set of lists that does: with any one of them back it would not. now: Unix
// seconds.
std::vector<Alternative> alternatives_for(const Snapshot& snapshot, size_t service,
                                          ClassId address_class, int64_t now);

}  // namespace postern
