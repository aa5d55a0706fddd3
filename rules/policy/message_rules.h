// SPDX-License-Identifier: BSD-3-Clause
//
// Reading the `message` block. A rule is refused when an earlier one has no condition that it has
// not: the earlier holds whenever it would, so it can never decide.
#pragma once

#include <optional>

#include "rules/policy/policy.h"
#include "rules/policy/statement.h"

namespace postern {

class MessageRules {
 public:
  // All lists are declared by now.
  explicit MessageRules(Policy& policy) : policy_(policy) {}

  void read_header(Statement& statement);  // behind `message`
  void read_rule(Statement& statement);

 private:
  // Behind `learn`. word: that.
  void read_learn(Statement& statement, const Token& word, MessageRule& rule);
  Condition read_condition(Statement& statement);
  Condition read_domain(Statement& statement);
  Condition read_source_category(Statement& statement);
  Condition read_source_list(Statement& statement);
  DomainInList resolve_domains(const Statement& statement, const Token& place,
                               const std::string& name);

  Policy& policy_;
  std::optional<PolicyPlace> header_;
};

}  // namespace postern
