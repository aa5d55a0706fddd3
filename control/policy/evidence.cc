// SPDX-License-Identifier: BSD-3-Clause
//
// A list in the order of the last offence, and an index into it; both bounded by the capacity.
#include "control/policy/evidence.h"

#include <algorithm>
#include <utility>

namespace postern::policy {
namespace {

constexpr size_t kMaxWhat = 60;
constexpr size_t kMaxEvidence = 200;

std::string printable(std::string_view text, size_t most) {
  std::string result;
  for (const char c : text.substr(0, most)) result += c >= ' ' && c <= '~' ? c : '?';
  return result;
}

}  // namespace

Prefix EvidenceTable::source_of(const IpAddress& address) {
  return *Prefix::make(address, address.is_v4() ? 32 : 64, Prefix::HostBits::kMask);
}

std::optional<Finding> EvidenceTable::note(const IpAddress& source, std::string_view what,
                                           int64_t now) {
  const Prefix prefix = source_of(source);
  auto known = by_prefix_.find(prefix);
  if (known == by_prefix_.end()) {
    if (sources_.size() >= options_.capacity) {
      by_prefix_.erase(sources_.front().prefix);
      sources_.pop_front();
      forgotten_++;
    }
    known = by_prefix_.emplace(prefix, sources_.insert(sources_.end(), Source{prefix, {}})).first;
  } else {
    sources_.splice(sources_.end(), sources_, known->second);
  }
  auto& offences = known->second->offences;
  std::erase_if(offences, [&](const Offence& o) { return o.time <= now - options_.window; });
  offences.push_back({now, printable(what, kMaxWhat)});
  if (offences.size() < options_.threshold) return std::nullopt;

  Finding finding{prefix, std::to_string(offences.size()) + " offences in " +
                              std::to_string(std::max<int64_t>(0, now - offences.front().time)) +
                              " s: "};
  std::vector<std::pair<std::string, size_t>> kinds;  // in the order of their first time
  for (const auto& offence : offences) {
    const auto same = std::find_if(kinds.begin(), kinds.end(),
                                   [&](const auto& kind) { return kind.first == offence.what; });
    if (same == kinds.end())
      kinds.emplace_back(offence.what, 1);
    else
      same->second++;
  }
  for (size_t i = 0; i < kinds.size(); i++) {
    if (i > 0) finding.evidence += ", ";
    finding.evidence += kinds[i].first + " (" + std::to_string(kinds[i].second) + ")";
  }
  if (finding.evidence.size() > kMaxEvidence) {
    finding.evidence.resize(kMaxEvidence - 3);
    finding.evidence += "...";
  }
  sources_.erase(known->second);
  by_prefix_.erase(known);
  return finding;
}

}  // namespace postern::policy
