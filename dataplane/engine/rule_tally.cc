// SPDX-License-Identifier: BSD-3-Clause
//
// Cells -> names (dataplane/engine/rule_tally.h).
#include "dataplane/engine/rule_tally.h"

#include <algorithm>
#include <set>
#include <utility>

#include "rules/compile/policy_rows.h"

namespace postern {
namespace {

constexpr std::string_view kDomains = "domains";  // a list of these judges no attempt

// Leaves of `totals` what `names` has, and gives what is new a count of nothing.
template <typename Map>
void keep_only(Map& totals, Map names) {
  for (auto& [name, count] : names)
    if (const auto known = totals.find(name); known != totals.end()) count = known->second;
  totals = std::move(names);
}

bool stops(uint64_t action) {
  return action != PS_ACTION_ALLOW && action != PS_ACTION_INSPECT;
}

// What a cell's attempts are held to; nullptr where nothing.
const ps_limit* limit_of(const std::vector<ps_limit>& limits, const ps_verdict& verdict) {
  return verdict.limit > 0 && verdict.limit < limits.size() ? &limits[verdict.limit] : nullptr;
}

}  // namespace

void RuleTally::adopt(std::shared_ptr<const Snapshot> snapshot) {
  snapshot_ = std::move(snapshot);
  const auto& header = snapshot_->header();
  const auto* first =
      reinterpret_cast<const ps_verdict*>(snapshot_->image().blocks + header.matrix);
  cells_.assign(first, first + size_t{header.policy_count} * header.class_count);
  const auto* limits = reinterpret_cast<const ps_limit*>(snapshot_->image().blocks + header.limits);
  limits_.assign(limits, limits + header.limit_count);
  limit_rules_.clear();
  now_ = snapshot_->created();
  settled_ = {};
  rules_.clear();
  const auto& policy = snapshot_->policy();

  RuleTotals names;
  for (const auto& list : snapshot_->lists())
    if (list.format != kDomains) names.lists[list.name] = {list.category, {}};
  for (const auto& sublist : snapshot_->sublists())
    if (!sublist.category.empty()) names.categories[sublist.category] = {};
  for (const auto& row : rows_of(policy).rows) {
    auto& rules = rules_.emplace_back();
    for (const auto& rule : row.rules) {
      rules.push_back({policy.file_of(rule.place), rule.place.line, rule.text});
      names.rules[rules.back()].observed = rule.observe;
    }
  }
  for (const auto& signature : policy.signatures) names.signatures[signature.name] = 0;

  keep_only(totals_.lists, std::move(names.lists));
  for (const auto& list : snapshot_->lists())
    if (const auto kept = totals_.lists.find(list.name); kept != totals_.lists.end())
      kept->second.category = list.category;
  keep_only(totals_.categories, std::move(names.categories));
  keep_only(totals_.rules, std::move(names.rules));
  keep_only(totals_.signatures, std::move(names.signatures));
}

void RuleTally::change(const MatrixAt& matrix) {
  cells_ = matrix.cells;
  limit_rules_ = matrix.limit_rules;
  now_ = matrix.now;
}

void RuleTally::settle(const RuleCounts& counts) {
  if (!snapshot_) return;
  const uint32_t classes = snapshot_->header().class_count;
  settled_.cells.resize(counts.cells.size());
  settled_.signatures.resize(counts.signatures.size());
  for (size_t i = 0; i < std::min(counts.cells.size(), cells_.size()); i++) {
    auto& settled = settled_.cells[i];
    const auto& counted = counts.cells[i];
    if (counted.attempts == settled.attempts && counted.over_limit == settled.over_limit) continue;
    // Engines count what is over the limit first, and then the attempt: of one that is just being
    // counted the former may be seen without the latter, and is taken up the next time.
    const auto attempts = counted.attempts - settled.attempts;
    const auto over_limit = std::min(counted.over_limit - settled.over_limit, attempts);
    add_cell(static_cast<uint32_t>(i / classes), static_cast<ClassId>(i % classes),
             {attempts, over_limit});
    settled.attempts += attempts;
    settled.over_limit += over_limit;
  }
  const auto& signatures = snapshot_->policy().signatures;
  for (size_t i = 0; i < std::min(counts.signatures.size(), signatures.size()); i++) {
    totals_.signatures[signatures[i].name] += counts.signatures[i] - settled_.signatures[i];
    settled_.signatures[i] = counts.signatures[i];
  }
}

void RuleTally::add_cell(uint32_t row, ClassId address_class, const ps_cell_count& counted) {
  const auto& verdict = cells_[size_t{row} * snapshot_->header().class_count + address_class];
  const auto* limit = limit_of(limits_, verdict);
  const auto limited = limit && !limit->observe ? counted.over_limit : 0;
  const auto stopped = stops(verdict.action) ? counted.attempts : limited;  // as all limits do
  const auto add = [&](AttemptCount& to) {
    to.attempts += counted.attempts;
    to.stopped += stopped;
  };
  std::set<std::string_view> categories;
  for (const size_t list : snapshot_->lists_of(address_class, now_))
    add(totals_.lists[snapshot_->lists()[list].name].count);
  for (const uint32_t number : snapshot_->sublists_of(address_class)) {
    const auto& sublist = snapshot_->sublists()[number];
    if (sublist.counts_at(now_) && !sublist.category.empty()) categories.insert(sublist.category);
  }
  for (const auto category : categories) add(totals_.categories[std::string(category)]);
  add_rules(row, address_class, counted);
}

void RuleTally::add_rules(uint32_t row, ClassId address_class, const ps_cell_count& counted) {
  const auto& verdict = cells_[size_t{row} * snapshot_->header().class_count + address_class];
  const auto* limit = limit_of(limits_, verdict);
  if (counted.over_limit == 0 || !limit) {
    add_rule(row, verdict.rule, counted.attempts);
    add_rule(row, verdict.observed_rule, counted.attempts);
    return;
  }
  const auto by = limit_rule(row, address_class);
  const auto rest = counted.attempts - (limit->observe ? 0 : counted.over_limit);
  add_rule(row, by, counted.over_limit);
  add_rule(row, verdict.rule, rest);
  // An observed rule before the limit would have decided before it, one behind it what it left.
  add_rule(row, verdict.observed_rule, verdict.observed_rule < by ? counted.attempts : rest);
}

// The number of the rule whose limit the cell has.
uint32_t RuleTally::limit_rule(uint32_t row, ClassId address_class) {
  if (limit_rules_.empty()) limit_rules_ = matrix_at(*snapshot_, now_).limit_rules;
  const auto& of_row = limit_rules_.at(row);
  return address_class < of_row.size() ? of_row[address_class] : 0;
}

void RuleTally::add_rule(uint32_t row, uint32_t number, uint64_t attempts) {
  if (number == 0 || row >= rules_.size() || number > rules_[row].size()) return;
  totals_.rules[rules_[row][number - 1]].attempts += attempts;
}

}  // namespace postern
