// SPDX-License-Identifier: BSD-3-Clause
//
// RuleOrder: one block of connection rules, prepared so that a class is judged by looking at its
// sub-lists once: for every sub-list it is known which rule is the first to match it. Rules that
// end the search, limits and observed rules are three orders of their own.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "rules/abi/verdict.h"
#include "rules/compile/sublists.h"
#include "rules/policy/policy.h"

namespace postern {

// Which sub-lists a rule means. One for all blocks of a policy.
class SubListIndex {
 public:
  SubListIndex(const Policy& policy, const std::vector<SubList>& sublists);
  // Of InList and InCategory.
  std::span<const uint32_t> matching(const AddressMatch& match) const;
  size_t size() const noexcept { return size_; }

 private:
  size_t size_;
  std::vector<std::vector<uint32_t>> of_list_;
  std::unordered_map<std::string, std::vector<uint32_t>> of_category_;
};

// limit_numbers: per rule, the number of its limit in the snapshot, 0 for other rules.
class RuleOrder {
 public:
  RuleOrder(std::span<const ConnectionRule> rules, std::vector<uint8_t> limit_numbers,
            const SubListIndex& index);

  // sublists: those of a class that count. weight: the sum over their lists.
  ps_verdict judge(std::span<const uint32_t> sublists, int weight) const;
  // The number of the rule (from 1) whose limit that verdict has; 0: it has none.
  uint32_t limited_by(std::span<const uint32_t> sublists, int weight) const;
  // The first of these sub-lists that an ending rule (1-based, as in a verdict) matches by list or
  // category; nullopt: it matches anybody, or by weight.
  std::optional<uint32_t> matched_by(uint32_t rule, std::span<const uint32_t> sublists) const;

  bool looks_at_weight(uint32_t rule) const {
    return std::holds_alternative<WeightIs>(rules_[rule - 1].match);
  }

 private:
  enum Kind : uint8_t { kEnding, kLimit, kObservedLimit, kObserved, kKinds };
  static Kind kind_of(const ConnectionRule& rule) noexcept;

  struct WeightRule {
    size_t index;
    WeightIs weight;
  };
  struct Order {
    std::vector<size_t> of_sublist;  // index of the first rule that matches it
    size_t of_any;
    std::vector<WeightRule> of_weight;  // in order
  };
  size_t first(const Order& order, std::span<const uint32_t> sublists, int weight) const;
  // The index of the limit that is met before rule `ending`; rules_.size(): none is.
  size_t limit_before(size_t ending, std::span<const uint32_t> sublists, int weight) const;

  std::span<const ConnectionRule> rules_;
  std::vector<uint8_t> limit_numbers_;
  Order orders_[kKinds];
};

}  // namespace postern
