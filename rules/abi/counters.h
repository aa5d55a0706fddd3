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

struct ps_counters {
  uint64_t packets[PS_PORT_COUNT][PS_REASON_COUNT];
  uint64_t bytes[PS_PORT_COUNT];
};

#endif
