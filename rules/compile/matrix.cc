// SPDX-License-Identifier: BSD-3-Clause
//
// First match wins, worked out once per class (rules/compile/matrix.h).
#include "rules/compile/matrix.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <span>
#include <string>

#include "rules/abi/snapshot_format.h"
#include "rules/abi/vocabulary.h"
#include "rules/policy/names.h"
#include "rules/text/diagnostic.h"

namespace postern {
namespace {

constexpr ps_verdict kNoRule = {PS_ACTION_ALLOW, PS_REASON_NO_RULE, 0, 0, 0};
constexpr ps_verdict kProtected = {PS_ACTION_ALLOW, PS_REASON_PROTECTED, PS_VERDICT_FINAL, 0, 0};

ps_verdict verdict_of(Action action, uint16_t rule) {
  switch (action) {
    case Action::ALLOW:
      return {PS_ACTION_ALLOW, PS_REASON_RULE_ALLOW, PS_VERDICT_FINAL, rule, 0};
    case Action::INSPECT:
      return {PS_ACTION_INSPECT, PS_REASON_RULE_INSPECT, 0, rule, 0};
    case Action::DROP:
      return {PS_ACTION_DROP, PS_REASON_RULE_DROP, 0, rule, 0};
    case Action::RESET:
      return {PS_ACTION_RESET, PS_REASON_RULE_RESET, 0, rule, 0};
  }
  return kNoRule;
}

// For one block of rules: the first rule that matches each list, so that a class's rule is the
// first of those of its lists.
class FirstRules {
 public:
  FirstRules(const Policy& policy, std::span<const ConnectionRule> rules)
      : rules_(rules), of_list_(policy.lists.size(), rules.size()), any_(rules.size()) {
    for (size_t i = rules.size(); i-- > 0;) {
      const auto& match = rules[i].match;
      if (std::holds_alternative<AnySource>(match)) any_ = i;
      if (const auto* in_list = std::get_if<InList>(&match)) of_list_[in_list->list] = i;
      if (const auto* in_category = std::get_if<InCategory>(&match))
        for (const size_t list : lists_in_category(policy, in_category->category))
          of_list_[list] = i;
    }
  }

  ps_verdict judge(std::span<const uint32_t> lists) const {
    size_t first = any_;
    for (const uint32_t list : lists) first = std::min(first, of_list_[list]);
    if (first == rules_.size()) return kNoRule;
    return verdict_of(rules_[first].action, static_cast<uint16_t>(first + 1));
  }

 private:
  std::span<const ConnectionRule> rules_;
  std::vector<size_t> of_list_;  // index of a rule; rules_.size(): none
  size_t any_;
};

struct RowLess {
  bool operator()(const std::vector<ps_verdict>& a, const std::vector<ps_verdict>& b) const {
    return std::memcmp(a.data(), b.data(), a.size() * sizeof(ps_verdict)) < 0;
  }
};

}  // namespace

namespace {

class MatrixBuilder {
 public:
  MatrixBuilder(const Policy& policy, const std::vector<std::vector<uint32_t>>& classes,
                uint32_t protect_owner)
      : policy_(policy), classes_(classes), protect_owner_(protect_owner) {}

  // The row for one block of rules, which stands at `line`.
  uint32_t row_of(std::span<const ConnectionRule> rules, uint32_t line) {
    const FirstRules first_rules(policy_, rules);
    std::vector<ps_verdict> row;
    row.reserve(classes_.size());
    for (const auto& lists : classes_) {
      const bool is_protected = !lists.empty() && lists.back() == protect_owner_;
      row.push_back(is_protected ? kProtected : first_rules.judge(lists));
    }
    const auto [place, is_new] = numbers_.try_emplace(row, static_cast<uint32_t>(rows_.size()));
    if (!is_new) return place->second;
    if (rows_.size() == PS_MAX_POLICIES)
      refuse(line, "is one more than the " + std::to_string(PS_MAX_POLICIES) +
                       " different policies that connections may have");
    if ((rows_.size() + 1) * classes_.size() > PS_MAX_MATRIX_CELLS)
      refuse(line, "needs more than " + std::to_string(PS_MAX_MATRIX_CELLS) +
                       " verdicts in all: the lists overlap in " + std::to_string(classes_.size()) +
                       " different ways");
    rows_.push_back(std::move(row));
    return place->second;
  }
  std::vector<std::vector<ps_verdict>> take_rows() { return std::move(rows_); }

 private:
  [[noreturn]] void refuse(uint32_t line, const std::string& why) const {
    throw BadInput(Diagnostic{.file = policy_.file, .line = line, .message = "this policy " + why});
  }

  const Policy& policy_;
  const std::vector<std::vector<uint32_t>>& classes_;
  const uint32_t protect_owner_;
  std::vector<std::vector<ps_verdict>> rows_;
  std::map<std::vector<ps_verdict>, uint32_t, RowLess> numbers_;
};

}  // namespace

Matrix build_matrix(const Policy& policy, const std::vector<std::vector<uint32_t>>& classes,
                    uint32_t protect_owner) {
  constexpr uint32_t kUnjudged = UINT32_MAX;
  Matrix matrix;
  matrix.row_of_service.assign(policy.services.size(), kUnjudged);
  MatrixBuilder builder(policy, classes, protect_owner);
  for (const auto& block : policy.connections) {
    const auto row = builder.row_of(block.rules, block.line);
    for (const size_t service : block.services) matrix.row_of_service[service] = row;
  }
  // A service that no block names is judged too: no rule matches, and learned entries apply.
  const auto unjudged =
      std::find(matrix.row_of_service.begin(), matrix.row_of_service.end(), kUnjudged);
  if (unjudged != matrix.row_of_service.end()) {
    const auto service = static_cast<size_t>(unjudged - matrix.row_of_service.begin());
    const auto row = builder.row_of({}, policy.services[service].line);
    std::replace(unjudged, matrix.row_of_service.end(), kUnjudged, row);
  }
  matrix.rows = builder.take_rows();
  return matrix;
}

}  // namespace postern
