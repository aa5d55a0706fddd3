// SPDX-License-Identifier: BSD-3-Clause
//
// The verdict at a later hour, and what would change it: the verdict that an address would get if
// one of its lists did not have it, or if nothing protected it. Worked out by the same rules as the
// matrix, for one class.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "rules/snapshot/snapshot.h"

namespace postern {

// The verdict of a service for a class at that time, as engines judge by then: lists that have
// expired since the snapshot was compiled no longer count.
ps_verdict verdict_at(const Snapshot& snapshot, size_t service, ClassId address_class, int64_t now);

struct Alternative {
  std::optional<size_t> without_list = {};  // index into Snapshot::lists(); unset: without protect
  ps_verdict verdict;
};

// Those whose action differs from the verdict that the service has now, lists in their order. With
// several lists of one effect none of them alone changes anything: then `without_all` is set, and
// is the verdict in no list at all, if it differs. now: Unix seconds.
struct Alternatives {
  std::vector<Alternative> single;
  std::optional<ps_verdict> without_all = {};
};
Alternatives alternatives_for(const Snapshot& snapshot, size_t service, ClassId address_class,
                              int64_t now);

}  // namespace postern
