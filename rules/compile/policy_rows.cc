// SPDX-License-Identifier: BSD-3-Clause
//
// Numbering rows (rules/compile/policy_rows.h).
#include "rules/compile/policy_rows.h"

#include <algorithm>
#include <map>
#include <string>

namespace postern {
namespace {

constexpr uint32_t kUnjudged = UINT32_MAX;

class Numbering {
 public:
  uint32_t row_of(std::span<const ConnectionRule> rules, const PolicyPlace& place) {
    std::vector<std::string> texts;
    for (const auto& rule : rules) texts.push_back(rule.text);
    const auto [known, is_new] =
        numbers_.try_emplace(std::move(texts), static_cast<uint32_t>(rows_.size()));
    if (is_new) rows_.push_back({rules, place});
    return known->second;
  }
  std::vector<PolicyRow> take() { return std::move(rows_); }

 private:
  std::map<std::vector<std::string>, uint32_t> numbers_;  // by the texts of the rules
  std::vector<PolicyRow> rows_;
};

}  // namespace

PolicyRows rows_of(const Policy& policy) {
  Numbering numbering;
  PolicyRows rows;
  rows.of_service.assign(policy.services.size(), kUnjudged);
  for (const auto& block : policy.connections) {
    const auto row = numbering.row_of(block.rules, block.place);
    for (const size_t service : block.services) rows.of_service[service] = row;
  }
  // A service that no block names is judged too: no rule matches, and learned entries apply.
  const auto unjudged = std::ranges::find(rows.of_service, kUnjudged);
  if (unjudged != rows.of_service.end()) {
    const auto service = static_cast<size_t>(unjudged - rows.of_service.begin());
    const auto row = numbering.row_of({}, policy.services[service].place);
    std::replace(unjudged, rows.of_service.end(), kUnjudged, row);
  }
  for (const auto& block : policy.outbound)
    rows.of_outbound.push_back(numbering.row_of(block.rules, block.place));
  rows.rows = numbering.take();
  return rows;
}

}  // namespace postern
