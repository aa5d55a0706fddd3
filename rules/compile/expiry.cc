// SPDX-License-Identifier: BSD-3-Clause
//
// The matrix at a later time (rules/compile/expiry.h).
#include "rules/compile/expiry.h"

#include <algorithm>

namespace postern {

Matrix build_matrix_at(const Snapshot& snapshot, int64_t now) {
  const auto classes = snapshot.class_members();
  return build_matrix({.policy = snapshot.policy(),
                       .sublists = snapshot.sublists(),
                       .classes = classes,
                       .protect_owner = static_cast<uint32_t>(snapshot.sublists().size()),
                       .now = now});
}

MatrixAt matrix_at(const Snapshot& snapshot, int64_t now) {
  auto matrix = build_matrix_at(snapshot, now);
  MatrixAt result;
  result.now = now;
  for (const auto& row : matrix.rows)
    result.cells.insert(result.cells.end(), row.begin(), row.end());
  result.outbound = std::move(matrix.outbound);
  result.limit_rules = std::move(matrix.limit_rules);
  return result;
}

std::optional<int64_t> next_expiry(const Snapshot& snapshot, int64_t now) {
  std::optional<int64_t> next;
  for (const auto& sublist : snapshot.sublists())
    if (sublist.counts_at(now) && sublist.expires_at != kNeverExpires)
      next = std::min(next.value_or(sublist.expires_at), sublist.expires_at);
  return next;
}

}  // namespace postern
