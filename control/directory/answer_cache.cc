// SPDX-License-Identifier: BSD-3-Clause
//
// A map, and its keys in the order in which they end. What has ended goes when room is needed.
#include "control/directory/answer_cache.h"

namespace postern::directory {

void AnswerCache::forget(Answers::iterator kept) {
  by_end_.erase({kept->second.kept_until, &kept->first});
  answers_.erase(kept);
}

void AnswerCache::put(const std::string& key, const Answer& answer, Time now) {
  if (answer.presence == Presence::kUnavailable) return;
  const bool known = answer.presence == Presence::kKnown;
  const Time fresh = now + (known ? options_.known_time : options_.unknown_time);
  const Time end = known ? fresh + options_.stale_time : fresh;
  if (const auto there = answers_.find(key); there != answers_.end()) forget(there);
  if (end <= now) return;
  if (answers_.size() >= options_.capacity) {
    const auto first = by_end_.begin();
    if (first->first > now) {
      forgotten_++;
      if (first->first > end) return;  // it would be the first to go itself
    }
    forget(answers_.find(*first->second));
  }
  const auto kept = answers_.emplace(key, Kept{answer, fresh, end}).first;
  by_end_.emplace(end, &kept->first);
}

std::optional<Answer> AnswerCache::find(const std::string& key, Time now) const {
  const auto kept = answers_.find(key);
  if (kept == answers_.end() || kept->second.fresh_until <= now) return std::nullopt;
  return kept->second.answer;
}

std::optional<Answer> AnswerCache::find_stale(const std::string& key, Time now) const {
  const auto kept = answers_.find(key);
  if (kept == answers_.end() || kept->second.kept_until <= now) return std::nullopt;
  if (kept->second.answer.presence != Presence::kKnown) return std::nullopt;
  Answer answer = kept->second.answer;
  answer.stale = kept->second.fresh_until <= now;
  return answer;
}

}  // namespace postern::directory
