// SPDX-License-Identifier: BSD-3-Clause
//
// One printable line, as evidence is (control/policy/rule_finding.h).
#include "control/policy/rule_finding.h"

#include <algorithm>
#include <filesystem>
#include <utility>

namespace postern::policy {
namespace {

constexpr size_t kMaxEvidence = 200;

}  // namespace

std::optional<Finding> finding_of(const SessionFacts& session, const Disposition& disposition) {
  if (!session.client || disposition.learn.count() == 0) return std::nullopt;
  std::string evidence = std::filesystem::path(disposition.rule_place).filename().string() + ' ' +
                         disposition.explanation;
  evidence.resize(std::min(evidence.size(), kMaxEvidence));
  for (char& c : evidence)
    if (c < ' ' || c > '~') c = '?';
  return Finding{EvidenceTable::source_of(*session.client), std::move(evidence)};
}

}  // namespace postern::policy
