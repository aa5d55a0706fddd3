// SPDX-License-Identifier: BSD-3-Clause
//
// The policy matrix: for each policy and each class, the verdict. Everything that rules look at -
// lists, categories, sums of weights, and whether a sub-list still counts at a certain time - is
// worked out here, once per class, so that an engine only reads a cell. Blocks with the same rules
// share a row. Rows, limits and their numbers do not depend on the time; only cells do, so that the
// matrix of a later hour fits where the first one was.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "rules/abi/snapshot_format.h"
#include "rules/compile/sublists.h"
#include "rules/policy/policy.h"

namespace postern {

struct MatrixInput {
  const Policy& policy;
  const std::vector<SubList>& sublists;
  // Per class: its sub-lists, ascending, and protect_owner last where a prefix protects it.
  const std::vector<std::vector<uint32_t>>& classes;
  uint32_t protect_owner;
  int64_t now;  // Unix seconds
};

struct Matrix {
  static constexpr uint32_t kNoBlock = UINT32_MAX;

  std::vector<std::vector<ps_verdict>> rows;  // [row][class]
  std::vector<uint32_t> row_of_service;       // per Policy::services
  std::vector<uint32_t> row_of_outbound;      // per Policy::outbound
  std::vector<ps_limit> limits;               // [0] is never read
  // [row][class]: the number of the rule (from 1) whose limit the verdict has, 0 none; empty where
  // the row's rules have no limits. No engine needs it: it is for who explains and counts.
  std::vector<std::vector<uint16_t>> limit_rules;
  std::vector<ps_outbound> outbound;  // per class; empty without outbound rules
  // Per class, likewise: the index into Policy::outbound, kNoBlock where nothing judges it.
  std::vector<uint32_t> outbound_block;
  uint32_t features = 0;  // PS_FEATURE_*
};

// Throws BadInput naming the block that the matrix has no room for, and the lists that cause it.
Matrix build_matrix(const MatrixInput& input);

// Whether a class is protected at that time, by a prefix or by a list that counts.
bool is_protected(const MatrixInput& input, std::span<const uint32_t> members);

}  // namespace postern
