// SPDX-License-Identifier: BSD-3-Clause
//
// What can no longer matter is not kept: more unknown ones than the threshold, and more known ones
// than outweigh that. Both are short, so they lie in a row and are looked through.
#include "control/learning/harvest.h"

#include <xxhash.h>

#include <algorithm>
#include <string>

#include "control/policy/source_of.h"

namespace postern::learning {

// known / (known + threshold) >= percent / 100
HarvestTable::HarvestTable(const Options& options, uint64_t hash_key)
    : options_(options),
      hash_key_(hash_key),
      forgiving_((options.threshold * options.known_percent + 99 - options.known_percent) /
                 (100 - options.known_percent)),
      sources_(options.capacity) {}

uint64_t HarvestTable::hash(std::string_view asked) const noexcept {
  return XXH3_64bits_withSeed(asked.data(), asked.size(), hash_key_);
}

HarvestTable::Source& HarvestTable::touch(const Prefix& prefix, int64_t now) {
  Source& source = sources_.touch(prefix);
  const int64_t since = now - options_.window;
  std::erase_if(source.unknown, [&](const Asked& asked) { return asked.time <= since; });
  std::erase_if(source.known, [&](const Asked& asked) { return asked.time <= since; });
  std::erase_if(source.sessions, [&](const Evidence& session) { return session.time <= since; });
  return source;
}

void HarvestTable::note_known(const IpAddress& address, std::string_view asked, int64_t now) {
  Source& source = touch(policy::source_of(address), now);
  const uint64_t asked_hash = hash(asked);
  std::erase_if(source.known, [&](const Asked& known) { return known.hash == asked_hash; });
  source.known.push_back({now, asked_hash});
  if (source.known.size() > forgiving_) source.known.erase(source.known.begin());
}

std::optional<Finding> HarvestTable::note_unknown(const IpAddress& address, std::string_view asked,
                                                  std::string_view session, int64_t now) {
  const Prefix prefix = policy::source_of(address);
  Source& source = touch(prefix, now);
  const uint64_t asked_hash = hash(asked);
  const auto same = [&](const Asked& unknown) { return unknown.hash == asked_hash; };
  if (std::ranges::any_of(source.unknown, same)) return std::nullopt;
  source.unknown.push_back({now, asked_hash});
  if (source.unknown.size() > options_.threshold) source.unknown.erase(source.unknown.begin());
  // The same session, at its latest guess.
  if (!source.sessions.empty() && source.sessions.back().id == session)
    source.sessions.pop_back();
  else if (source.sessions.size() >= LearnedEntry::kMaxEvidence)
    source.sessions.erase(source.sessions.begin());
  source.sessions.push_back({now, std::string(session), "asked for unknown recipients"});
  if (source.unknown.size() < options_.threshold) return std::nullopt;
  const int64_t first = source.unknown.front().time;
  const auto known = static_cast<size_t>(
      std::ranges::count_if(source.known, [&](const Asked& one) { return one.time >= first; }));
  if (known >= forgiving_) return std::nullopt;
  Finding finding{"harvesting: " + std::to_string(source.unknown.size()) + " unknown recipients, " +
                      std::to_string(known) + " known in " +
                      std::to_string(std::max<int64_t>(0, now - first)) + " s",
                  std::move(source.sessions)};
  sources_.erase(prefix);
  return finding;
}

}  // namespace postern::learning
