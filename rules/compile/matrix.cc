// SPDX-License-Identifier: BSD-3-Clause
//
// Rows of verdicts (rules/compile/matrix.h).
#include "rules/compile/matrix.h"

#include <algorithm>
#include <string>

#include "rules/compile/policy_rows.h"
#include "rules/compile/refusal_texts.h"
#include "rules/compile/rule_order.h"
#include "rules/text/diagnostic.h"

namespace postern {
namespace {

constexpr ps_verdict kProtected = {
    PS_ACTION_ALLOW, PS_REASON_PROTECTED, PS_VERDICT_FINAL, 0, 0, 0, 0};

// The sub-lists of one class that count now, and what their lists weigh together: of the sub-lists
// of one list the heaviest.
class LiveMembers {
 public:
  LiveMembers(const MatrixInput& input, std::span<const uint32_t> members) {
    for (const uint32_t member : members) {
      if (member == input.protect_owner || !input.sublists[member].counts_at(input.now)) continue;
      const auto& sublist = input.sublists[member];
      if (!sublists_.empty() && input.sublists[sublists_.back()].list == sublist.list) {
        weight_ += std::max(0, sublist.weight - heaviest_);
        heaviest_ = std::max(heaviest_, sublist.weight);
      } else {
        weight_ += sublist.weight;
        heaviest_ = sublist.weight;
      }
      sublists_.push_back(member);
    }
  }
  std::span<const uint32_t> sublists() const noexcept { return sublists_; }
  int weight() const noexcept { return weight_; }

 private:
  std::vector<uint32_t> sublists_;
  int weight_ = 0;
  int heaviest_ = 0;  // of the list of the last sub-list
};

class LimitTable {
 public:
  LimitTable() : limits_(1) {}

  // 0 where the rule has none.
  uint8_t number_of(const ConnectionRule& rule) {
    if (!rule.limit) return 0;
    constexpr uint64_t kNanoseconds = 1'000'000'000;
    const auto& limit = *rule.limit;
    ps_limit wanted{};
    wanted.interval_ns = std::max<uint64_t>(
        static_cast<uint64_t>(limit.per.count()) * kNanoseconds / limit.count, 1);
    wanted.burst = static_cast<uint32_t>(
        std::min<uint64_t>(limit.burst, PS_LIMIT_HORIZON / wanted.interval_ns));
    wanted.otherwise = static_cast<uint8_t>(limit.otherwise);
    wanted.observe = rule.observe;
    for (size_t i = 1; i < limits_.size(); i++)
      if (limits_[i].interval_ns == wanted.interval_ns && limits_[i].burst == wanted.burst &&
          limits_[i].otherwise == wanted.otherwise && limits_[i].observe == wanted.observe)
        return static_cast<uint8_t>(i);
    limits_.push_back(wanted);  // the parser has counted them: at most PS_MAX_LIMITS
    return static_cast<uint8_t>(limits_.size() - 1);
  }
  std::vector<ps_limit> take() { return std::move(limits_); }

 private:
  std::vector<ps_limit> limits_;
};

uint32_t features_of(std::span<const ConnectionRule> rules) {
  uint32_t features = 0;
  for (const auto& rule : rules) {
    if (rule.limit) features |= PS_FEATURE_LIMIT;
    if (rule.observe) continue;
    if (rule.limit ? rule.limit->otherwise == Action::REFUSE : rule.action == Action::REFUSE)
      features |= PS_FEATURE_REFUSE;
    if (rule.hard) features |= PS_FEATURE_HARD;
  }
  return features;
}

class MatrixBuilder {
 public:
  explicit MatrixBuilder(const MatrixInput& input)
      : input_(input), index_(input.policy, input.sublists), texts_(input.policy, input.sublists) {
    for (const auto& members : input.classes) live_.emplace_back(input, members);
  }

  void add_row(const PolicyRow& policy_row) {
    std::vector<uint8_t> limits;
    for (const auto& rule : policy_row.rules) limits.push_back(limits_.number_of(rule));
    check_room(policy_row.place);
    matrix_.features |= features_of(policy_row.rules);

    const bool has_limits = std::ranges::any_of(limits, [](uint8_t limit) { return limit != 0; });
    const RuleOrder order(policy_row.rules, std::move(limits), index_);
    auto& row = matrix_.rows.emplace_back();
    auto& limit_rules = matrix_.limit_rules.emplace_back();
    row.reserve(input_.classes.size());
    for (size_t i = 0; i < input_.classes.size(); i++)
      row.push_back(is_protected(input_, input_.classes[i]) ? kProtected : judge(order, live_[i]));
    if (!has_limits) return;
    for (size_t i = 0; i < row.size(); i++)
      limit_rules.push_back(row[i].limit == 0 ? uint16_t{0}
                                              : static_cast<uint16_t>(order.limited_by(
                                                    live_[i].sublists(), live_[i].weight())));
  }

  // Which of the outbound blocks judges what comes from each class; none what is protected.
  void assign_outbound() {
    const auto& blocks = input_.policy.outbound;
    if (blocks.empty()) return;
    matrix_.features |= PS_FEATURE_OUTBOUND;
    std::vector<uint32_t> block_of(input_.sublists.size(), Matrix::kNoBlock);
    for (uint32_t i = 0; i < blocks.size(); i++)
      for (const auto& source : blocks[i].sources)
        for (const uint32_t sublist : index_.matching(source))
          block_of[sublist] = std::min(block_of[sublist], i);
    for (size_t i = 0; i < live_.size(); i++) {
      uint32_t block = Matrix::kNoBlock;
      if (!is_protected(input_, input_.classes[i]))
        for (const uint32_t sublist : live_[i].sublists())
          block = std::min(block, block_of[sublist]);
      matrix_.outbound_block.push_back(block);
      auto& outbound = matrix_.outbound.emplace_back();
      if (block != Matrix::kNoBlock)
        outbound = {blocks[block].port, static_cast<uint16_t>(matrix_.row_of_outbound[block])};
    }
  }

  Matrix& matrix() noexcept { return matrix_; }
  Matrix take() {
    matrix_.limits = limits_.take();
    return std::move(matrix_);
  }

 private:
  ps_verdict judge(const RuleOrder& order, const LiveMembers& members) const {
    auto verdict = order.judge(members.sublists(), members.weight());
    if (verdict.action == PS_ACTION_REFUSE)
      verdict.text = text_for(order, members, verdict.rule) & 0x3fffu;
    return verdict;
  }

  // What a refused client reads: of the list that the rule matched, or of the heaviest.
  uint32_t text_for(const RuleOrder& order, const LiveMembers& members, uint32_t rule) const {
    auto sublist = order.matched_by(rule, members.sublists());
    if (!sublist && order.looks_at_weight(rule) && !members.sublists().empty())
      sublist = *std::ranges::max_element(
          members.sublists(), {}, [&](uint32_t member) { return input_.sublists[member].weight; });
    return sublist ? texts_.of_sublist(*sublist) : uint32_t{PS_TEXT_BY_POLICY};
  }

  void check_room(const PolicyPlace& place) const {
    const auto refuse = [&](const std::string& why) {
      throw BadInput(Diagnostic{.file = input_.policy.file_of(place),
                                .line = place.line,
                                .message = "this policy " + why});
    };
    if (matrix_.rows.size() == PS_MAX_POLICIES)
      refuse("is one more than the " + std::to_string(PS_MAX_POLICIES) +
             " different policies that connections may have");
    if ((matrix_.rows.size() + 1) * input_.classes.size() > PS_MAX_MATRIX_CELLS)
      refuse("needs more than " + std::to_string(PS_MAX_MATRIX_CELLS) +
             " verdicts in all: the lists overlap in " + std::to_string(input_.classes.size()) +
             " different ways; most of these are of " + names_of_most_classes());
  }

  // The lists that are in the most classes.
  std::string names_of_most_classes() const {
    constexpr size_t kShown = 3;
    std::vector<std::pair<size_t, size_t>> counts;  // classes, list
    for (size_t i = 0; i < input_.policy.lists.size(); i++) counts.emplace_back(0, i);
    for (const auto& live : live_) {
      size_t last = SIZE_MAX;
      for (const uint32_t sublist : live.sublists()) {
        const size_t list = input_.sublists[sublist].list;
        if (list != last) counts[list].first++;
        last = list;
      }
    }
    std::ranges::sort(counts, std::greater<>());
    std::string names;
    for (size_t i = 0; i < std::min(kShown, counts.size()); i++)
      names += (i ? ", " : "") + input_.policy.lists[counts[i].second].name + " (" +
               std::to_string(counts[i].first) + ")";
    return names;
  }

  const MatrixInput& input_;
  const SubListIndex index_;
  const RefusalTexts texts_;
  std::vector<LiveMembers> live_;
  LimitTable limits_;
  Matrix matrix_;
};

}  // namespace

bool is_protected(const MatrixInput& input, std::span<const uint32_t> members) {
  return std::ranges::any_of(members, [&](uint32_t member) {
    return member == input.protect_owner ||
           (input.sublists[member].is_protected && input.sublists[member].counts_at(input.now));
  });
}

Matrix build_matrix(const MatrixInput& input) {
  auto rows = rows_of(input.policy);
  MatrixBuilder builder(input);
  for (const auto& row : rows.rows) builder.add_row(row);
  builder.matrix().row_of_service = std::move(rows.of_service);
  builder.matrix().row_of_outbound = std::move(rows.of_outbound);
  if (!input.policy.signatures.empty()) builder.matrix().features |= PS_FEATURE_SIGNATURE;
  builder.assign_outbound();
  return builder.take();
}

}  // namespace postern
