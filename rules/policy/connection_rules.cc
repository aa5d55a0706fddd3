// SPDX-License-Identifier: BSD-3-Clause
//
// `connection to` and its rules (rules/policy/connection_rules.h).
#include "rules/policy/connection_rules.h"

#include <algorithm>

#include "rules/abi/snapshot_format.h"
#include "rules/policy/names.h"
#include "rules/text/quoted.h"

namespace postern {

ConnectionRules::ConnectionRules(Policy& policy)
    : policy_(policy), judged_by_(policy.services.size()) {}

void ConnectionRules::read_header(Statement& statement) {
  auto& block = policy_.connections.emplace_back();
  block.line = statement.line();
  taken_by_.assign(policy_.lists.size(), 0);
  any_line_ = 0;

  statement.expect("to");
  do {
    const auto& place = statement.peek();
    const auto name = statement.expect_name("the name of a service");
    const auto service = service_named(policy_, name);
    if (!service) statement.fail_at(place, "there is no service " + quoted(name));
    auto& judged_by = judged_by_[*service];
    if (judged_by != 0)
      statement.fail_at(place, "connections to " + quoted(name) + " are judged at line " +
                                   std::to_string(judged_by) + " already");
    judged_by = statement.line();
    block.services.push_back(*service);
  } while (statement.accept_operator(","));
  statement.expect_end();
}

void ConnectionRules::read_rule(Statement& statement) {
  auto& block = policy_.connections.back();
  const auto& place = statement.peek();
  const auto action = action_from(place.text);
  if (place.kind != Token::Kind::kWord || !action)
    statement.fail_here(listed({"allow", "inspect", "drop", "reset"}));
  statement.take();
  auto match = read_match(statement);
  statement.expect_end();
  if (block.rules.size() == PS_MAX_RULES_PER_POLICY)
    statement.fail_at(
        place, "more than " + std::to_string(PS_MAX_RULES_PER_POLICY) + " rules in one block");
  check_reachable(statement, place, match);
  block.rules.push_back({*action, std::move(match), statement.line(), statement.text()});
}

SourceMatch ConnectionRules::read_match(Statement& statement) {
  if (statement.accept("any")) return AnySource{};
  if (statement.accept("list")) {
    const auto& place = statement.peek();
    const auto name = statement.expect_name("the name of a list");
    const auto list = list_named(policy_, name);
    if (!list) statement.fail_at(place, "there is no list " + quoted(name));
    if (has_only_domains(policy_.lists[*list]))
      statement.fail_at(place, "list " + quoted(name) + " has domains; a connection has addresses");
    return InList{*list};
  }
  if (statement.accept("category")) {
    const auto& place = statement.peek();
    const auto name = statement.expect_name("the name of a category");
    const auto lists = lists_in_category(policy_, name);
    if (lists.empty()) statement.fail_at(place, "no list has category " + quoted(name));
    if (std::all_of(lists.begin(), lists.end(),
                    [&](size_t list) { return has_only_domains(policy_.lists[list]); }))
      statement.fail_at(place, "category " + quoted(name) +
                                   " has only lists of domains; a connection has addresses");
    return InCategory{name};
  }
  statement.fail_here(listed({"any", "list", "category"}));
}

void ConnectionRules::check_reachable(const Statement& statement, const Token& place,
                                      const SourceMatch& match) {
  const auto never = [&](uint32_t line) {
    statement.fail_at(place, "this rule can never match: the rule at line " + std::to_string(line) +
                                 " comes before it");
  };
  if (any_line_ != 0) never(any_line_);
  if (std::holds_alternative<AnySource>(match)) {
    any_line_ = statement.line();
    return;
  }
  std::vector<size_t> wanted;
  if (const auto* in_list = std::get_if<InList>(&match))
    wanted.push_back(in_list->list);
  else
    wanted = lists_in_category(policy_, std::get<InCategory>(match).category);

  uint32_t last_taker = 0;
  bool all_taken = true;
  for (const size_t list : wanted) {
    all_taken = all_taken && taken_by_[list] != 0;
    last_taker = std::max(last_taker, taken_by_[list]);
  }
  if (all_taken) never(last_taker);
  for (const size_t list : wanted)
    if (taken_by_[list] == 0) taken_by_[list] = statement.line();
}

}  // namespace postern
