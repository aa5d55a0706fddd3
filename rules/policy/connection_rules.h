// SPDX-License-Identifier: BSD-3-Clause
//
// Reading `connection to` blocks: the header and the rules that follow it. A rule that can never
// match, because the rules before it take all that it would, is refused: someone meant something
// else.
#pragma once

#include <cstdint>
#include <vector>

#include "rules/policy/policy.h"
#include "rules/policy/statement.h"

namespace postern {

class ConnectionRules {
 public:
  // All lists and services are declared by now.
  explicit ConnectionRules(Policy& policy);

  // Behind `connection`. From then on rules belong to this block, even if the header is faulty.
  void read_header(Statement& statement);
  void read_rule(Statement& statement);

 private:
  SourceMatch read_match(Statement& statement);
  void check_reachable(const Statement& statement, const Token& place, const SourceMatch& match);

  Policy& policy_;
  // Within the block that is being read:
  std::vector<uint32_t> taken_by_;  // per list: the line of the first rule that takes it, 0 none
  uint32_t any_line_ = 0;
  // Per service: the line of the block that judges it, 0 none.
  std::vector<uint32_t> judged_by_;
};

}  // namespace postern
