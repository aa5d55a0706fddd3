// SPDX-License-Identifier: BSD-3-Clause
//
// The order of the checks is that of their cost.
#include "control/learning/learning.h"

#include <algorithm>
#include <span>
#include <utility>

#include "control/policy/source_of.h"

namespace postern::learning {

using policy::LocalPlace;
using policy::source_of;

namespace {

std::string printable(std::string_view text) {
  std::string result;
  for (const char c : text.substr(0, LearnedEntry::kMaxText))
    result += c >= ' ' && c <= '~' ? c : '?';
  return result;
}

std::span<const int> lengths_of_ours(Family family) noexcept {
  static constexpr int kV4[] = {32, 24};
  static constexpr int kV6[] = {64, 56, 48};
  if (family == Family::kV4) return kV4;
  return kV6;
}

bool has_length_of_ours(const Prefix& prefix) noexcept {
  return std::ranges::count(lengths_of_ours(prefix.family()), prefix.length()) > 0;
}

}  // namespace

Learning::Learning(Options options, Exempt exempt, LearningObserver& observer)
    : options_(std::move(options)),
      exempt_(std::move(exempt)),
      observer_(observer),
      entries_(options_.capacity),
      trusted_(options_.trust) {}

// Of all addresses of the network.
Unlearned Learning::why_not(const Prefix& network, const std::optional<LocalPlace>& local,
                            int64_t now, std::string& because) {
  const auto overlaps = [&](const Prefix& prefix) {
    return prefix.contains(network.first()) || network.contains(prefix.first());
  };
  if (std::ranges::any_of(options_.never, overlaps)) return Unlearned::kExempt;
  if (exempt_(network, local, now)) return Unlearned::kExempt;
  if (const auto* domain = trusted_.any_within(network, now)) {
    because = *domain;
    return Unlearned::kTrusted;
  }
  return Unlearned::kNothing;
}

// Of one that is there: at whatever service.
Unlearned Learning::why_not(const LearnedEntry& entry, int64_t now, std::string& because) {
  const Prefix& prefix = entry.prefix;
  const bool v4 = prefix.family() == Family::kV4;
  const int narrow = source_of(prefix.first()).length();
  if (prefix.length() != narrow &&
      prefix.length() != (v4 ? options_.v4_length : options_.v6_length))
    return Unlearned::kWidth;
  if (entry.evidence.empty()) return Unlearned::kNoEvidence;
  return why_not(prefix, std::nullopt, now, because);
}

// The wide network where that is wanted and hits nobody who is not to be hit.
Prefix Learning::prefix_for(const IpAddress& source, const std::optional<LocalPlace>& local,
                            int64_t now) {
  const Prefix narrow = source_of(source);
  const int length = source.is_v4() ? options_.v4_length : options_.v6_length;
  if (length >= narrow.length()) return narrow;
  const Prefix wide = *Prefix::make(source, length, Prefix::HostBits::kMask);
  std::string because;
  return why_not(wide, local, now, because) == Unlearned::kNothing ? wide : narrow;
}

Unlearned Learning::learn(Lesson lesson, int64_t now,
                          std::optional<std::chrono::seconds> learn_for) {
  std::string because;
  const auto why = lesson.evidence.empty()
                       ? Unlearned::kNoEvidence
                       : why_not(source_of(lesson.source), lesson.local, now, because);
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
  const Prefix prefix = source_of(source);
  if (!trusted_.note(prefix, domain, reputation, now)) return;
  observer_.trusted(prefix, domain, trusted_.expiry(now));
  withdraw_over(prefix, now);
}

void Learning::restore_trusted(const Prefix& source, std::string domain, int64_t expires,
                               int64_t now) {
  if (trusted_.restore(source, std::move(domain), expires, now)) withdraw_over(source, now);
}

void Learning::restore(LearnedEntry entry, int64_t now) {
  if (entry.expires <= now) return;
  // What came meanwhile is newer.
  if (entries_.find(entry.prefix, now) != nullptr) return;
  std::string because;
  if (const auto why = why_not(entry, now, because); why != Unlearned::kNothing) {
    observer_.withdrawn(entry, why, because);
    if (has_length_of_ours(entry.prefix)) observer_.removed(entry.prefix);
    return;
  }
  entries_.put(entry.prefix, entry, entry.expires);
  observer_.learned(entry);
}

// True: it was taken back.
bool Learning::review(const Prefix& prefix, int64_t now) {
  const auto* entry = entries_.find(prefix, now);
  if (entry == nullptr) return false;
  std::string because;
  const auto why = why_not(*entry, now, because);
  if (why == Unlearned::kNothing) return false;
  observer_.withdrawn(*entry, why, because);
  remove(prefix);
  return true;
}

size_t Learning::review(int64_t now) {
  size_t withdrawn = 0;
  for (const auto& prefix : prefixes(now)) withdrawn += review(prefix, now);
  return withdrawn;
}

// Entries may have been made by another worker, before, or for a neighbour.
void Learning::withdraw_over(const Prefix& source, int64_t now) {
  for (const int length : lengths_of_ours(source.family()))
    review(*Prefix::make(source.first(), length, Prefix::HostBits::kMask), now);
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
    case Unlearned::kWidth:
      return "width";
  }
  return "unknown";
}

}  // namespace postern::learning
