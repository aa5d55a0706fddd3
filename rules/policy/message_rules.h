// SPDX-License-Identifier: BSD-3-Clause
//
// Reading the `message` block and those of `message to`. A rule is refused when an earlier one of
// its block has no condition that it has not: the earlier holds whenever it would, so it can never
// decide. So is a domain that an earlier block takes, itself or with a domain above it, and lists
// that earlier blocks name.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/policy/policy.h"
#include "rules/policy/statement.h"

namespace postern {

class MessageRules {
 public:
  // All lists are declared by now.
  explicit MessageRules(Policy& policy) : policy_(policy), rules_(&policy.messages) {}

  // Behind `message`. From then on rules belong to this block, even if the header is faulty.
  void read_header(Statement& statement);
  void read_rule(Statement& statement);

 private:
  void read_recipients(Statement& statement);
  void read_recipient_domain(Statement& statement, MessageBlock& block);
  void read_recipient_list(Statement& statement, MessageBlock& block);
  void read_recipient_category(Statement& statement, MessageBlock& block);
  void take_lists(const Statement& statement, const Token& place, const std::vector<size_t>& lists,
                  MessageBlock& block);
  const PolicyPlace* block_that_takes(std::string_view domain) const;
  Condition read_condition(Statement& statement);
  Condition read_domain(Statement& statement);
  Condition read_source_category(Statement& statement);
  Condition read_source_list(Statement& statement);
  DomainInList resolve_domains(const Statement& statement, const Token& place,
                               const std::string& name);

  Policy& policy_;
  std::optional<PolicyPlace> header_;
  std::vector<MessageRule>* rules_;   // of the block that is being read
  std::vector<MessageRule> ignored_;  // of one block too many
  std::map<std::string, PolicyPlace, std::less<>> domains_taken_by_;
  std::map<size_t, PolicyPlace> lists_taken_by_;
};

}  // namespace postern
