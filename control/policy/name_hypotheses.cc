// SPDX-License-Identifier: BSD-3-Clause
//
// At most 1 + 2 * (kMaxClasses + 1) cases (control/policy/name_hypotheses.h).
#include "control/policy/name_hypotheses.h"

#include <algorithm>
#include <set>
#include <utility>
#include <variant>

namespace postern::policy {
namespace {

using Reverse = ClientNames::Reverse;

// What the rules look at.
struct Looked {
  bool at_reverse = false;
  std::set<std::string> classes;
};

Looked looked_at(const std::vector<MessageRule>& rules) {
  Looked looked;
  for (const auto& rule : rules)
    for (const auto& condition : rule.conditions) {
      if (const auto* reverse = std::get_if<ReverseIs>(&condition))
        looked.at_reverse |= reverse->word != ReverseWord::kTempError;
      if (const auto* name = std::get_if<NameIs>(&condition))
        if (name->by == NamedBy::kReverseDns) looked.classes.insert(name->name_class);
    }
  return looked;
}

bool is_about_names(const Condition& condition) {
  const auto* name = std::get_if<NameIs>(&condition);
  return std::holds_alternative<ReverseIs>(condition) ||
         (name != nullptr && name->by == NamedBy::kReverseDns);
}

template <typename Is>
bool any_condition(const Policy& policy, Is is) {
  const auto look = [&](const std::vector<MessageRule>& rules) {
    return std::ranges::any_of(
        rules, [&](const MessageRule& rule) { return std::ranges::any_of(rule.conditions, is); });
  };
  return look(policy.messages) ||
         std::ranges::any_of(policy.message_blocks, look, &MessageBlock::rules);
}

}  // namespace

bool look_at_names(const Policy& policy) {
  return any_condition(policy, is_about_names);
}

bool look_at_classes(const Policy& policy) {
  return any_condition(
      policy, [](const Condition& condition) { return std::holds_alternative<NameIs>(condition); });
}

std::vector<NamesHypothesis> names_hypotheses(const std::vector<MessageRule>& rules,
                                              const ClientNames& names) {
  const bool reverse_missing = names.reverse == Reverse::kTemperror;
  if (!reverse_missing && names.name_class)
    return {{.reverse = names.reverse, .name_class = *names.name_class}};
  const Looked looked = looked_at(rules);
  if (!looked.at_reverse && looked.classes.empty()) return {NamesHypothesis{}};
  if (looked.classes.size() > kMaxClasses) return {{.name_class = {}, .unknown = true}};
  std::set<std::string> classes;
  if (names.name_class) {
    classes = {*names.name_class};
  } else {
    classes = looked.classes;
    classes.insert(std::string());  // any other
  }
  std::set<Reverse> results = {names.reverse};
  if (reverse_missing) results = {Reverse::kConfirmed, Reverse::kUnconfirmed};
  // Nobody asks: one stands for all.
  if (!looked.at_reverse) results = {*results.begin()};
  std::vector<NamesHypothesis> all;
  for (const auto reverse : results)
    for (const auto& name_class : classes)
      all.push_back({.reverse = reverse, .name_class = name_class});
  if (reverse_missing && names.could_be_nameless)
    all.push_back({.reverse = Reverse::kNone, .name_class = std::string(names::kUnknown)});
  return all;
}

}  // namespace postern::policy
