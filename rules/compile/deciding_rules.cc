// SPDX-License-Identifier: BSD-3-Clause
//
// From a decision to its rule (rules/compile/deciding_rules.h).
#include "rules/compile/deciding_rules.h"

#include "rules/compile/matrix.h"

namespace postern {
namespace {

constexpr size_t kMostClasses = 4096;  // then it forgets them all

}  // namespace

const DecidingRules::Class& DecidingRules::of(ClassId address_class) {
  if (const auto known = classes_.find(address_class); known != classes_.end())
    return known->second;
  if (classes_.size() >= kMostClasses) classes_.clear();
  const std::vector<std::vector<uint32_t>> members = {snapshot_->members_of(address_class)};
  const auto matrix =
      build_matrix({.policy = snapshot_->policy(),
                    .sublists = snapshot_->sublists(),
                    .classes = members,
                    .protect_owner = static_cast<uint32_t>(snapshot_->sublists().size()),
                    .now = now_});
  Class result{Matrix::kNoBlock, 0, {}};
  if (!matrix.outbound_block.empty()) {
    result.outbound_block = matrix.outbound_block.front();
    result.outbound_row = matrix.outbound.front().policy;
  }
  for (const auto& row : matrix.limit_rules)
    result.limit_rules.push_back(row.empty() ? uint16_t{0} : row.front());
  return classes_.emplace(address_class, std::move(result)).first->second;
}

const ConnectionRule* DecidingRules::rule_of(const Decided& decided) {
  if (decided.rule == 0 && !decided.stopped_by_limit) return nullptr;
  const auto number_in = [&](uint32_t row, const IpAddress& judged_by) -> uint32_t {
    if (decided.rule != 0) return decided.rule;
    const auto& limit_rules = of(snapshot_->class_of(judged_by)).limit_rules;
    return row < limit_rules.size() ? limit_rules[row] : 0;
  };
  if (decided.port == PS_PORT_MX) {
    const auto& from = of(snapshot_->class_of(decided.source));
    const auto block = from.outbound_block, row = from.outbound_row;
    if (block == Matrix::kNoBlock) return nullptr;
    const auto& rules = snapshot_->policy().outbound.at(block).rules;
    const auto number = number_in(row, decided.destination);
    return number > 0 && number <= rules.size() ? &rules[number - 1] : nullptr;
  }
  const auto service =
      snapshot_->service_of(decided.destination, decided.destination_port, decided.vlan);
  if (!service) return nullptr;
  const auto number = number_in(snapshot_->row_of(service->service), decided.source);
  return snapshot_->rule_of(service->service, static_cast<uint16_t>(number));
}

}  // namespace postern
