// SPDX-License-Identifier: BSD-3-Clause
//
// The policy matrix: for each service's policy and each class, the verdict. Services whose policies
// agree on every class share a row.
#pragma once

#include <cstdint>
#include <vector>

#include "rules/abi/verdict.h"
#include "rules/policy/policy.h"

namespace postern {

struct Matrix {
  std::vector<std::vector<ps_verdict>> rows;  // [row][class]
  std::vector<uint32_t> row_of_service;       // per Policy::services
};

// classes: per class the lists it is in, ascending, and protect_owner last where it is protected.
// Throws BadInput naming the block that the matrix has no room for.
Matrix build_matrix(const Policy& policy, const std::vector<std::vector<uint32_t>>& classes,
                    uint32_t protect_owner);

}  // namespace postern
