/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
 *
 * What an engine counts: per port and reason, on each CPU or lcore by itself, without atomics; the
 * reader adds them up. The ledger: received on a port = the sum over all reasons of that port.
 */
#ifndef POSTERN_RULES_ABI_COUNTERS_H
#define POSTERN_RULES_ABI_COUNTERS_H

#include "rules/abi/verdict.h"

/* The port a packet arrived on. */
enum ps_port { PS_PORT_WAN, PS_PORT_MX, PS_PORT_COUNT };

/* X(NAME, "word", "what it means") - what may happen besides a packet's reason. */
#define PS_EVENTS(X)                                                                        \
  X(LIMIT_FULL, "limit-full", "an attempt passed a limit uncounted, as its table was full") \
  X(LIMIT_OBSERVED, "limit-observed", "an attempt was over a limit that is only observed")  \
  X(TEACH_FULL, "teach-full", "a signature's hit taught nothing, as too many came at once") \
  X(SAMPLE_LOST, "sample-lost", "a packet was not shown to who asked for samples: no room")

enum ps_event {
#define PS_X(name, word, text) PS_EVENT_##name,
  PS_EVENTS(PS_X)
#undef PS_X
      PS_EVENT_COUNT
};

/* Of one cell of the matrix: the attempts that it judged, and those of them that were over its
 * limit, in force or only observed. How many were stopped follows from these, the cell's verdict
 * and its limit (dataplane/engine/rule_tally.h). Four fill a block. */
struct ps_cell_count {
  uint64_t attempts, over_limit;
};

struct ps_counters {
  uint64_t packets[PS_PORT_COUNT][PS_REASON_COUNT];
  uint64_t bytes[PS_PORT_COUNT];
  uint64_t events[PS_EVENT_COUNT];
};

#endif
