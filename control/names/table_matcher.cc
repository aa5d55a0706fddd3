// SPDX-License-Identifier: BSD-3-Clause
//
// The rules to look at are those whose pattern was found, and the few that need no match: negated
// ones, and those whose pattern only PCRE2 knows. They are tried in the order of the table.
// Conditions have a database of their own, which is searched only for a name that some rule inside
// a condition would take: most names are taken by none, and conditions are mostly there to spare
// Postfix the rules.
#include "control/names/table_matcher.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace postern::names {
namespace {

std::vector<PcrePattern> patterns_of(const auto& statements) {
  std::vector<PcrePattern> patterns;
  for (const auto& statement : statements) patterns.push_back(statement.pattern);
  return patterns;
}

}  // namespace

TableMatcher::Patterns::Patterns(const std::vector<PcrePattern>& patterns, DatabaseCache* cache)
    : database(patterns, cache), fallback_of(patterns.size()) {
  for (const auto& fallback : database.fallbacks()) {
    fallback_of[fallback.pattern] = static_cast<uint32_t>(compiled.size());
    compiled.emplace_back(patterns[fallback.pattern]);
    compiled.back().make_fast();
  }
}

TableMatcher::Patterns TableMatcher::compiled(const PcreTable& table,
                                              const std::vector<PcrePattern>& patterns,
                                              DatabaseCache* cache) {
  try {
    return Patterns(patterns, cache);
  } catch (const PatternSet::Refused& refused) {
    throw BadInput(Diagnostic{
        .file = table.file,
        .message = std::string("Hyperscan cannot compile the patterns: ") + refused.what()});
  }
}

TableMatcher::TableMatcher(PcreTable table, DatabaseCache* cache)
    : table_(std::move(table)),
      rules_(compiled(table_, patterns_of(table_.rules), cache)),
      conditions_(compiled(table_, patterns_of(table_.conditions), cache)) {
  for (uint32_t i = 0; i < table_.rules.size(); i++)
    if (table_.rules[i].negated || rules_.database.mode(i) == PatternDatabase::Mode::kUnfiltered)
      always_.push_back(i);
}

bool TableMatcher::is_cached() const noexcept {
  return rules_.database.origin() == PatternDatabase::Origin::kCache &&
         conditions_.database.origin() == PatternDatabase::Origin::kCache;
}

std::string TableMatcher::cache_complaint() const {
  const auto& first = rules_.database.cache_complaint();
  return first.empty() ? conditions_.database.cache_complaint() : first;
}

void TableMatcher::add_fallbacks(std::vector<Fallback>& all, const Patterns& patterns,
                                 const auto& statements) const {
  for (const auto& fallback : patterns.database.fallbacks()) {
    const auto& statement = statements[fallback.pattern];
    all.push_back({.line = statement.line,
                   .pattern = statement.pattern.text(),
                   .prefiltered = fallback.mode == PatternDatabase::Mode::kPrefilter,
                   .reason = fallback.reason});
  }
}

std::vector<TableMatcher::Fallback> TableMatcher::fallbacks() const {
  std::vector<Fallback> all;
  add_fallbacks(all, rules_, table_.rules);
  add_fallbacks(all, conditions_, table_.conditions);
  std::ranges::sort(all, {}, &Fallback::line);
  return all;
}

TableMatcher::Tried::Tried(const Patterns& patterns)
    : search_(patterns.database),
      may_match_(patterns.database.size()),
      states_(patterns.compiled.size(), State::kUnknown) {
  for (const auto& pattern : patterns.compiled) groups_.emplace_back(pattern);
}

void TableMatcher::Tried::begin(const Patterns& patterns, std::string_view name) {
  has_begun = true;
  found = patterns.database.search(name, search_);
  for (const uint32_t pattern : found) may_match_[pattern] = 1;
}

void TableMatcher::Tried::end() noexcept {
  for (const uint32_t pattern : found) may_match_[pattern] = 0;
  found = {};
  std::ranges::fill(states_, State::kUnknown);
  has_begun = false;
}

bool TableMatcher::Tried::holds(const Patterns& patterns, uint32_t pattern, bool negated,
                                std::string_view name) {
  using Mode = PatternDatabase::Mode;
  const auto mode = patterns.database.mode(pattern);
  const bool may_match = may_match_[pattern] != 0;
  if (mode == Mode::kExact) return may_match != negated;
  if (mode == Mode::kPrefilter && !may_match) return negated;
  const auto fallback = patterns.fallback_of[pattern];
  auto& state = states_[fallback];
  if (state == State::kUnknown) {
    const auto outcome = patterns.compiled[fallback].match(name, groups_[fallback]);
    if (outcome == CompiledPattern::Outcome::kFault) faults++;
    state = outcome == CompiledPattern::Outcome::kYes  ? State::kYes
            : outcome == CompiledPattern::Outcome::kNo ? State::kNo
                                                       : State::kFault;
  }
  return state != State::kFault && (state == State::kYes) != negated;
}

bool TableMatcher::is_reached(const PcreRule& rule, std::string_view name,
                              Tried& conditions) const {
  if (rule.within && !conditions.has_begun) conditions.begin(conditions_, name);
  for (auto within = rule.within; within; within = table_.conditions[*within].within)
    if (!conditions.holds(conditions_, *within, table_.conditions[*within].negated, name))
      return false;
  return true;
}

std::optional<uint32_t> TableMatcher::first(std::string_view name, Scratch& scratch) const {
  auto& rules = scratch.rules_;
  rules.begin(rules_, name);
  auto next = rules.found.begin();
  auto always = always_.begin();
  std::optional<uint32_t> winner;
  while (!winner && (next != rules.found.end() || always != always_.end())) {
    // Those of both rows in one order; a rule that is in both comes once.
    uint32_t rule = next == rules.found.end() ? UINT32_MAX : *next;
    if (always != always_.end() && *always <= rule) {
      if (*always == rule) ++next;
      rule = *always++;
    } else {
      ++next;
    }
    const auto& tried = table_.rules[rule];
    if (rules.holds(rules_, rule, tried.negated, name) &&
        is_reached(tried, name, scratch.conditions_))
      winner = rule;
  }
  rules.end();
  scratch.conditions_.end();
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
