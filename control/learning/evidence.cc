// SPDX-License-Identifier: BSD-3-Clause
//
// A sum of weights that all decay at the same rate decays at that rate itself: one number and its
// time are all that a source needs, however much it did.
#include "control/learning/evidence.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "control/policy/source_of.h"

namespace postern::learning {
namespace {

constexpr size_t kMaxWhat = 60;
constexpr size_t kMaxReason = 200;
// Less than this is nothing: who did no more than that starts anew.
constexpr double kNothing = 1.0 / 256;

constexpr std::array<std::string_view, kOffences> kWords = {
    "early-talker", "bot-name", "out-of-turn", "errors", "foreign-protocol", "spamtrap"};

std::string printable(std::string_view text, size_t most) {
  std::string result;
  for (const char c : text.substr(0, most)) result += c >= ' ' && c <= '~' ? c : '?';
  return result;
}

// Kinds in the order of their first time, each with how often.
std::string summary(const std::vector<Evidence>& evidence) {
  std::vector<std::pair<std::string_view, size_t>> kinds;
  for (const auto& one : evidence) {
    const auto same =
        std::ranges::find_if(kinds, [&](const auto& kind) { return kind.first == one.what; });
    if (same == kinds.end())
      kinds.emplace_back(one.what, 1);
    else
      same->second++;
  }
  std::string text;
  for (const auto& [what, count] : kinds) {
    text += text.empty() ? "" : ", ";
    text.append(what).append(" (").append(std::to_string(count)).append(")");
  }
  return text;
}

}  // namespace

std::string_view word(Offence offence) noexcept {
  return kWords[static_cast<size_t>(offence)];
}

std::optional<Offence> offence_from(std::string_view word) noexcept {
  const auto found = std::ranges::find(kWords, word);
  if (found == kWords.end()) return std::nullopt;
  return static_cast<Offence>(found - kWords.begin());
}

EvidenceTable::EvidenceTable(const Options& options)
    : options_(options), sources_(options.capacity) {
  options_.threshold = std::max(options_.threshold, 2u);
  options_.half_life = std::max<int64_t>(options_.half_life, 1);
  for (auto& weight : options_.weights) weight = std::min(weight, options_.threshold - 1);
}

std::optional<Finding> EvidenceTable::note(const IpAddress& address, Offence offence,
                                           Evidence evidence) {
  const auto weight = options_.weights[static_cast<size_t>(offence)];
  if (weight == 0) return std::nullopt;
  const int64_t now = evidence.time;
  const Prefix prefix = policy::source_of(address);
  Source& source = sources_.touch(prefix);
  // A clock that was set back makes nothing older, and nothing heavier.
  const auto age = static_cast<double>(std::max<int64_t>(0, now - source.scored));
  source.score *= std::exp2(-age / static_cast<double>(options_.half_life));
  if (source.score < kNothing) source = {};
  if (source.offences == 0) source.first = now;
  source.score += weight;
  source.scored = now;
  source.offences++;
  evidence.what = printable(evidence.what, kMaxWhat);
  if (source.evidence.size() >= LearnedEntry::kMaxEvidence)
    source.evidence.erase(source.evidence.begin());
  source.evidence.push_back(std::move(evidence));
  if (source.offences < 2 || std::round(source.score) < options_.threshold) return std::nullopt;

  Finding finding{std::to_string(source.offences) + " offences in " +
                      std::to_string(std::max<int64_t>(0, now - source.first)) +
                      " s: " + summary(source.evidence),
                  std::move(source.evidence)};
  if (finding.reason.size() > kMaxReason) {
    finding.reason.resize(kMaxReason - 3);
    finding.reason += "...";
  }
  sources_.erase(prefix);
  return finding;
}

void note_offence(EvidenceTable& table, Learning& learning, const IpAddress& source,
                  const std::optional<policy::LocalPlace>& local, Offence offence,
                  Evidence evidence) {
  const int64_t now = evidence.time;
  auto finding = table.note(source, offence, std::move(evidence));
  if (!finding) return;
  learning.learn({.source = source,
                  .local = local,
                  .rule = "offences",
                  .reason = std::move(finding->reason),
                  .evidence = std::move(finding->evidence)},
                 now);
}

}  // namespace postern::learning
