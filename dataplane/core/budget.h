/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
 *
 * How many replies may be sent in a second: one worker's or CPU's share of the engine's bound, so
 * that no flood makes of us one of our own. The generic cell rate algorithm again
 * (dataplane/core/limit.h), for one writer.
 */
#ifndef POSTERN_DATAPLANE_CORE_BUDGET_H
#define POSTERN_DATAPLANE_CORE_BUDGET_H

#include "rules/abi/types.h"

struct ps_budget {
  uint64_t interval_ns; /* between replies at the full rate; 0: none may be sent */
  uint64_t ahead_ns;    /* how far a burst may run ahead of it */
};

/* 1 when a reply may be sent now. arrival_ns: the worker's own, CLOCK_MONOTONIC; at first 0. */
PS_INLINE int ps_budget_take(const struct ps_budget* budget, uint64_t* arrival_ns,
                             uint64_t now_ns) {
  uint64_t from = *arrival_ns > now_ns ? *arrival_ns : now_ns;
  if (!budget->interval_ns || from - now_ns > budget->ahead_ns) return 0;
  *arrival_ns = from + budget->interval_ns;
  return 1;
}

#endif
