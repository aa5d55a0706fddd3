// SPDX-License-Identifier: BSD-3-Clause
//
// The order of the checks is that of their cost.
#include "control/learning/learning.h"

#include <algorithm>
#include <utility>

#include "control/policy/source_of.h"

namespace postern::learning {
namespace {

std::string printable(std::string_view text) {
  std::string result;
  for (const char c : text.substr(0, LearnedEntry::kMaxText))
    result += c >= ' ' && c <= '~' ? c : '?';
  return result;
}

bool has_length_of_ours(const Prefix& prefix) noexcept {
  constexpr int kV4[] = {32, 24};
  constexpr int kV6[] = {64, 56, 48};
  if (prefix.family() == Family::kV4) return std::ranges::count(kV4, prefix.length()) > 0;
  return std::ranges::count(kV6, prefix.length()) > 0;
}

}  // namespace

Learning::Learning(Options options, Exempt exempt, LearningObserver& observer)
    : options_(std::move(options)),
      exempt_(std::move(exempt)),
      observer_(observer),
      entries_(options_.capacity),
      trusted_(options_.trust) {}

Unlearned Learning::why_not(const IpAddress& source, const std::optional<policy::LocalPlace>& local,
                            int64_t now, std::string& because) {
  const auto names_it = [&](const Prefix& prefix) { return prefix.contains(source); };
  if (std::ranges::any_of(options_.never, names_it)) return Unlearned::kExempt;
  if (exempt_(source, local, now)) return Unlearned::kExempt;
  if (const auto* domain = trusted_.domain_of(policy::source_of(source), now)) {
    because = *domain;
    return Unlearned::kTrusted;
  }
  return Unlearned::kNothing;
}

// The wide network where that is wanted and hits nobody who is not to be hit.
Prefix Learning::prefix_for(const IpAddress& source, const std::optional<policy::LocalPlace>& local,
                            int64_t now) {
  const Prefix narrow = policy::source_of(source);
  const int length = source.is_v4() ? options_.v4_length : options_.v6_length;
  if (length >= narrow.length()) return narrow;
  const Prefix wide = *Prefix::make(source, length, Prefix::HostBits::kMask);
  if (trusted_.any_within(wide, now) != nullptr) return narrow;
  const auto overlaps = [&](const Prefix& prefix) {
    return prefix.contains(wide.first()) || wide.contains(prefix.first());
  };
  if (std::ranges::any_of(options_.never, overlaps)) return narrow;
  if (source.is_v4()) {
    std::optional<IpAddress> neighbour = wide.first();
    for (; neighbour && wide.contains(*neighbour); neighbour = neighbour->next())
      if (exempt_(*neighbour, local, now)) return narrow;
  }
  return wide;
}

Unlearned Learning::learn(Lesson lesson, int64_t now,
                          std::optional<std::chrono::seconds> learn_for) {
  std::string because;
  const auto why = lesson.evidence.empty() ? Unlearned::kNoEvidence
                                           : why_not(lesson.source, lesson.local, now, because);
  if (why != Unlearned::kNothing) {
    observer_.spared(lesson, why, because);
    return why;
  }
  LearnedEntry entry;
  entry.prefix = prefix_for(lesson.source, lesson.local, now);
  entry.learned = now;
  const auto seconds = std::max<int64_t>(1, learn_for.value_or(options_.learn_for).count());
  entry.expires = now + seconds;
  // What is known for longer stays so long.
  if (const auto* known = entries_.find(entry.prefix, now))
    entry.expires = std::max(entry.expires, known->expires);
  entry.rule = printable(lesson.rule);
  entry.reason = printable(lesson.reason.empty() ? lesson.rule : lesson.reason);
  const size_t left_out = lesson.evidence.size() > LearnedEntry::kMaxEvidence
                              ? lesson.evidence.size() - LearnedEntry::kMaxEvidence
                              : 0;
  for (size_t i = left_out; i < lesson.evidence.size(); i++) {
    const auto& one = lesson.evidence[i];
    entry.evidence.push_back({one.time, printable(one.id), printable(one.what)});
  }
  entries_.put(entry.prefix, entry, entry.expires);
  observer_.learned(entry);
  return Unlearned::kNothing;
}

void Learning::note_good_mail(const IpAddress& source, std::string_view domain, double reputation,
                              int64_t now) {
  const Prefix prefix = policy::source_of(source);
  if (trusted_.note(prefix, domain, reputation, now))
    observer_.trusted(prefix, domain, trusted_.expiry(now));
}

void Learning::restore(LearnedEntry entry, int64_t now) {
  if (entry.expires <= now || entry.evidence.empty() || !has_length_of_ours(entry.prefix)) return;
  // What came meanwhile is newer.
  if (entries_.find(entry.prefix, now) != nullptr) return;
  // By the policy of today, at whatever service.
  if (exempt_(entry.prefix.first(), std::nullopt, now)) return observer_.removed(entry.prefix);
  entries_.put(entry.prefix, entry, entry.expires);
  observer_.learned(entry);
}

bool Learning::remove(const Prefix& prefix) {
  const bool known = entries_.erase(prefix);
  observer_.removed(prefix);
  return known;
}

std::vector<Prefix> Learning::prefixes(int64_t now) {
  entries_.expire(now);
  std::vector<Prefix> all;
  all.reserve(entries_.size());
  entries_.for_each(
      [&](const Prefix& prefix, const LearnedEntry&, int64_t) { all.push_back(prefix); });
  std::ranges::reverse(all);
  return all;
}

std::string_view word(Unlearned why) noexcept {
  switch (why) {
    case Unlearned::kNothing:
      return "nothing";
    case Unlearned::kNoEvidence:
      return "no-evidence";
    case Unlearned::kExempt:
      return "exempt";
    case Unlearned::kTrusted:
      return "trusted";
  }
  return "unknown";
}

}  // namespace postern::learning
