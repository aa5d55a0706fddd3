// SPDX-License-Identifier: BSD-3-Clause
//
// PolicyRows: which row of the matrix each block of connection rules has. Blocks with the same
// rules share one; services that no block names share one without rules. Rows are numbered in the
// order of the policy's `connection to` blocks, then its unnamed services, then its `connection
// from`.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "rules/policy/policy.h"

namespace postern {

struct PolicyRow {
  std::span<const ConnectionRule> rules;  // in the policy
  PolicyPlace place;                      // of the block that was first to have them
};

struct PolicyRows {
  std::vector<PolicyRow> rows;
  std::vector<uint32_t> of_service;   // per Policy::services
  std::vector<uint32_t> of_outbound;  // per Policy::outbound
};

// The policy must outlive what is returned.
PolicyRows rows_of(const Policy& policy);

}  // namespace postern
