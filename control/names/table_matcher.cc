// SPDX-License-Identifier: BSD-3-Clause
//
// The rules to look at are those whose pattern was found, and the few that need no match: negated
// ones, and those whose pattern only PCRE2 knows. They are tried in the order of the table, and
// conditions only for a rule that would win.
#include "control/names/table_matcher.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace postern::names {
namespace {

std::vector<PcrePattern> patterns_of(const PcreTable& table) {
  std::vector<PcrePattern> patterns;
  for (const auto& condition : table.conditions) patterns.push_back(condition.pattern);
  for (const auto& rule : table.rules) patterns.push_back(rule.pattern);
  return patterns;
}

PatternDatabase database_of(const PcreTable& table, DatabaseCache* cache) {
  try {
    return PatternDatabase(patterns_of(table), cache);
  } catch (const PatternSet::Refused& refused) {
    throw BadInput(Diagnostic{
        .file = table.file,
        .message = std::string("Hyperscan cannot compile the patterns: ") + refused.what()});
  }
}

}  // namespace

TableMatcher::TableMatcher(PcreTable table, DatabaseCache* cache)
    : table_(std::move(table)), database_(database_of(table_, cache)), fallback_of_(size()) {
  for (uint32_t i = 0; i < table_.rules.size(); i++)
    if (table_.rules[i].negated ||
        database_.mode(pattern_of_rule(i)) == PatternDatabase::Mode::kUnfiltered)
      always_.push_back(i);
  const auto patterns = patterns_of(table_);
  for (const auto& fallback : database_.fallbacks()) {
    fallback_of_[fallback.pattern] = static_cast<uint32_t>(compiled_.size());
    compiled_.emplace_back(patterns[fallback.pattern]);
    compiled_.back().make_fast();
  }
}

std::vector<TableMatcher::Fallback> TableMatcher::fallbacks() const {
  std::vector<Fallback> all;
  const size_t conditions = table_.conditions.size();
  for (const auto& fallback : database_.fallbacks()) {
    const size_t i = fallback.pattern;
    const bool is_condition = i < conditions;
    const auto& pattern =
        is_condition ? table_.conditions[i].pattern : table_.rules[i - conditions].pattern;
    all.push_back(
        {.line = is_condition ? table_.conditions[i].line : table_.rules[i - conditions].line,
         .pattern = pattern.text(),
         .prefiltered = fallback.mode == PatternDatabase::Mode::kPrefilter,
         .reason = fallback.reason});
  }
  std::ranges::stable_sort(all, {}, &Fallback::line);
  return all;
}

TableMatcher::Scratch::Scratch(const TableMatcher& matcher)
    : search_(matcher.database_),
      may_match_(matcher.size()),
      states_(matcher.compiled_.size(), State::kUnknown) {
  for (const auto& pattern : matcher.compiled_) tries_.emplace_back(pattern);
}

bool TableMatcher::holds(uint32_t pattern, bool negated, std::string_view name,
                         Scratch& scratch) const {
  using State = Scratch::State;
  const auto mode = database_.mode(pattern);
  const bool may_match = scratch.may_match_[pattern] != 0;
  if (mode == PatternDatabase::Mode::kExact) return may_match != negated;
  if (mode == PatternDatabase::Mode::kPrefilter && !may_match) return negated;
  const auto fallback = fallback_of_[pattern];
  auto& state = scratch.states_[fallback];
  if (state == State::kUnknown) {
    const auto outcome = compiled_[fallback].match(name, scratch.tries_[fallback]);
    if (outcome == CompiledPattern::Outcome::kFault) scratch.faults_++;
    state = outcome == CompiledPattern::Outcome::kYes  ? State::kYes
            : outcome == CompiledPattern::Outcome::kNo ? State::kNo
                                                       : State::kFault;
  }
  return state != State::kFault && (state == State::kYes) != negated;
}

bool TableMatcher::is_reached(const PcreRule& rule, std::string_view name, Scratch& scratch) const {
  for (auto within = rule.within; within; within = table_.conditions[*within].within)
    if (!holds(*within, table_.conditions[*within].negated, name, scratch)) return false;
  return true;
}

std::optional<uint32_t> TableMatcher::first(std::string_view name, Scratch& scratch) const {
  const auto found = database_.search(name, scratch.search_);
  for (const uint32_t pattern : found) scratch.may_match_[pattern] = 1;
  const auto conditions = table_.conditions.size();
  auto next = std::ranges::lower_bound(found, conditions);
  auto always = always_.begin();
  std::optional<uint32_t> winner;
  while (!winner && (next != found.end() || always != always_.end())) {
    // Those of both rows in one order; a rule that is in both comes once.
    auto rule = next == found.end() ? UINT32_MAX : static_cast<uint32_t>(*next - conditions);
    if (always != always_.end() && *always <= rule) {
      if (*always == rule) ++next;
      rule = *always++;
    } else {
      ++next;
    }
    const auto& tried = table_.rules[rule];
    if (holds(pattern_of_rule(rule), tried.negated, name, scratch) &&
        is_reached(tried, name, scratch))
      winner = rule;
  }
  for (const uint32_t pattern : found) scratch.may_match_[pattern] = 0;
  std::ranges::fill(scratch.states_, Scratch::State::kUnknown);
  return winner;
}

std::string TableMatcher::result(uint32_t rule, std::string_view name) const {
  const auto& matched = table_.rules[rule];
  if (matched.result.groups() == 0) return matched.result.literal();
  const CompiledPattern pattern(matched.pattern);
  CompiledPattern::Groups groups(pattern);
  if (pattern.match(name, groups) != CompiledPattern::Outcome::kYes)
    return matched.result.literal();
  return matched.result.expanded([&](uint32_t n) { return groups.at(n, name); });
}

}  // namespace postern::names
