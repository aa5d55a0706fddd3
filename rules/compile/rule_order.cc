// SPDX-License-Identifier: BSD-3-Clause
//
// First match wins, worked out per sub-list (rules/compile/rule_order.h).
#include "rules/compile/rule_order.h"

#include <algorithm>
#include <utility>

namespace postern {
namespace {

struct ActionCell {
  Reason reason;
  uint8_t flags;
};

ActionCell cell_of(Action action) {
  switch (action) {
    case Action::ALLOW:
      return {Reason::RULE_ALLOW, PS_VERDICT_FINAL};
    case Action::INSPECT:
      return {Reason::RULE_INSPECT, 0};
    case Action::DROP:
      return {Reason::RULE_DROP, 0};
    case Action::RESET:
      return {Reason::RULE_RESET, 0};
    case Action::REFUSE:
      return {Reason::RULE_REFUSE, 0};
  }
  return {Reason::NO_RULE, 0};
}

}  // namespace

SubListIndex::SubListIndex(const Policy& policy, const std::vector<SubList>& sublists)
    : size_(sublists.size()), of_list_(policy.lists.size()) {
  for (uint32_t i = 0; i < sublists.size(); i++) {
    of_list_[sublists[i].list].push_back(i);
    if (!sublists[i].category.empty()) of_category_[sublists[i].category].push_back(i);
  }
}

std::span<const uint32_t> SubListIndex::matching(const AddressMatch& match) const {
  if (const auto* in_list = std::get_if<InList>(&match)) return of_list_[in_list->list];
  if (const auto* in_category = std::get_if<InCategory>(&match))
    if (const auto found = of_category_.find(in_category->category); found != of_category_.end())
      return found->second;
  return {};
}

RuleOrder::Kind RuleOrder::kind_of(const ConnectionRule& rule) noexcept {
  if (rule.limit) return rule.observe ? kObservedLimit : kLimit;
  return rule.observe ? kObserved : kEnding;
}

RuleOrder::RuleOrder(std::span<const ConnectionRule> rules, std::vector<uint8_t> limit_numbers,
                     const SubListIndex& index)
    : rules_(rules), limit_numbers_(std::move(limit_numbers)) {
  for (auto& order : orders_) {
    order.of_sublist.assign(index.size(), rules.size());
    order.of_any = rules.size();
  }
  for (size_t i = rules.size(); i-- > 0;) {
    const auto& match = rules[i].match;
    auto& order = orders_[kind_of(rules[i])];
    if (std::holds_alternative<AnyAddress>(match)) order.of_any = i;
    if (const auto* weight = std::get_if<WeightIs>(&match)) order.of_weight.push_back({i, *weight});
    for (const uint32_t sublist : index.matching(match)) order.of_sublist[sublist] = i;
  }
  for (auto& order : orders_) std::ranges::reverse(order.of_weight);
}

size_t RuleOrder::first(const Order& order, std::span<const uint32_t> sublists, int weight) const {
  size_t first = order.of_any;
  for (const uint32_t sublist : sublists) first = std::min(first, order.of_sublist[sublist]);
  for (const auto& rule : order.of_weight) {
    if (rule.index >= first) break;
    if (compares(weight, rule.weight.comparison, rule.weight.weight)) return rule.index;
  }
  return first;
}

std::optional<uint32_t> RuleOrder::matched_by(uint32_t rule,
                                              std::span<const uint32_t> sublists) const {
  for (const uint32_t sublist : sublists)
    if (orders_[kEnding].of_sublist[sublist] + 1 == rule) return sublist;
  return std::nullopt;
}

// A limit that is in force goes before one that is only observed.
size_t RuleOrder::limit_before(size_t ending, std::span<const uint32_t> sublists,
                               int weight) const {
  for (const auto kind : {kLimit, kObservedLimit})
    if (const auto limit = first(orders_[kind], sublists, weight); limit < ending) return limit;
  return rules_.size();
}

uint32_t RuleOrder::limited_by(std::span<const uint32_t> sublists, int weight) const {
  const auto limit = limit_before(first(orders_[kEnding], sublists, weight), sublists, weight);
  return limit < rules_.size() ? static_cast<uint32_t>(limit + 1) : 0;
}

ps_verdict RuleOrder::judge(std::span<const uint32_t> sublists, int weight) const {
  ps_verdict verdict = {PS_ACTION_ALLOW, PS_REASON_NO_RULE, 0, 0, 0, 0, 0};
  const auto ending = first(orders_[kEnding], sublists, weight);
  if (ending < rules_.size()) {
    const auto& rule = rules_[ending];
    const auto cell = cell_of(rule.action);
    verdict.action = static_cast<uint8_t>(rule.action);
    verdict.reason = static_cast<uint8_t>(cell.reason);
    verdict.flags = (cell.flags | (rule.hard ? PS_VERDICT_HARD : 0u) |
                     (rule.greeting ? PS_VERDICT_GREETING : 0u)) &
                    0xfu;
    verdict.rule = (ending + 1) & 0x7ffu;
  }
  const auto observed = first(orders_[kObserved], sublists, weight);
  if (observed < ending) verdict.observed_rule = (observed + 1) & 0x7ffu;
  if (const auto limit = limit_before(ending, sublists, weight); limit < rules_.size())
    verdict.limit = limit_numbers_[limit];
  return verdict;
}

}  // namespace postern
