// SPDX-License-Identifier: BSD-3-Clause
//
// PostfixTwin: the naive twin of TableMatcher. Every pattern by itself, by PCRE2, one after the
// other as they stand in the table, as dict_pcre(3) does.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "control/names/pcre_table.h"

namespace postern::names {

class PostfixTwin {
 public:
  explicit PostfixTwin(const PcreTable& table) : table_(table) {
    for (const auto& condition : table.conditions) conditions_.emplace_back(condition.pattern);
    for (const auto& rule : table.rules) rules_.emplace_back(rule.pattern);
  }
  void make_fast() {
    for (auto* patterns : {&conditions_, &rules_})
      for (auto& one : *patterns) one.pattern.make_fast();
  }

  std::optional<uint32_t> first(std::string_view name) {
    std::vector<bool> holds;
    for (size_t i = 0; i < conditions_.size(); i++) {
      const auto& condition = table_.conditions[i];
      const bool is_reached = !condition.within || holds[*condition.within];
      holds.push_back(is_reached && conditions_[i].holds(name, condition.negated));
    }
    for (uint32_t i = 0; i < rules_.size(); i++) {
      const auto& rule = table_.rules[i];
      if (rule.within && !holds[*rule.within]) continue;
      if (rules_[i].holds(name, rule.negated)) return i;
    }
    return std::nullopt;
  }

 private:
  struct Tried {
    explicit Tried(const PcrePattern& read) : pattern(read), groups(pattern) {}
    bool holds(std::string_view name, bool negated) {
      const auto outcome = pattern.match(name, groups);
      if (outcome == CompiledPattern::Outcome::kFault) return false;
      return (outcome == CompiledPattern::Outcome::kYes) != negated;
    }
    CompiledPattern pattern;
    CompiledPattern::Groups groups;
  };

  const PcreTable& table_;
  std::vector<Tried> conditions_, rules_;
};

}  // namespace postern::names
