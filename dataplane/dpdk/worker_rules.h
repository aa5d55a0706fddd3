// SPDX-License-Identifier: BSD-3-Clause
//
// WorkerRules: what one worker judges by at one moment, and where it counts by it: the rules of one
// snapshot. The engine keeps an array of them, one per worker, and replaces it whole.
#pragma once

#include <atomic>

#include "rules/abi/counters.h"
#include "rules/abi/lookup.h"

namespace postern::dpdk {

class SignatureScan;

struct WorkerRules {
  ps_image image{};
  ps_cell_count* cells = nullptr;       // of the matrix; this worker's own; null: not counted
  SignatureScan* signatures = nullptr;  // null: there are none
};

// The rules in force, [worker]; nullptr before the first.
using RulesInForce = std::atomic<const WorkerRules*>;

}  // namespace postern::dpdk
