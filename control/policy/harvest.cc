// SPDX-License-Identifier: BSD-3-Clause
//
// A list in the order of the last recipient, and an index into it; both bounded by the capacity.
// What can no longer matter is not kept: more unknown ones than the threshold, and more known ones
// than outweigh that.
#include "control/policy/harvest.h"

#include <algorithm>
#include <functional>
#include <string>

namespace postern::policy {

// known / (known + threshold) >= percent / 100
HarvestTable::HarvestTable(const Options& options)
    : options_(options),
      forgiving_((options.threshold * options.known_percent + 99 - options.known_percent) /
                 (100 - options.known_percent)) {}

HarvestTable::Source& HarvestTable::touch(const IpAddress& address, int64_t now) {
  const Prefix prefix = EvidenceTable::source_of(address);
  auto known = by_prefix_.find(prefix);
  if (known == by_prefix_.end()) {
    if (sources_.size() >= options_.capacity) {
      by_prefix_.erase(sources_.front().prefix);
      sources_.pop_front();
      forgotten_++;
    }
    known =
        by_prefix_.emplace(prefix, sources_.insert(sources_.end(), Source{prefix, {}, {}})).first;
  } else {
    sources_.splice(sources_.end(), sources_, known->second);
  }
  Source& source = *known->second;
  const int64_t since = now - options_.window;
  std::erase_if(source.unknown, [&](const Unknown& unknown) { return unknown.time <= since; });
  std::erase_if(source.known, [&](int64_t time) { return time <= since; });
  return source;
}

void HarvestTable::note_known(const IpAddress& address, int64_t now) {
  Source& source = touch(address, now);
  source.known.push_back(now);
  if (source.known.size() > forgiving_) source.known.pop_front();
}

std::optional<Finding> HarvestTable::note_unknown(const IpAddress& address, std::string_view asked,
                                                  int64_t now) {
  Source& source = touch(address, now);
  const uint64_t hash = std::hash<std::string_view>{}(asked);
  const auto same = [&](const Unknown& unknown) { return unknown.address == hash; };
  if (std::ranges::any_of(source.unknown, same)) return std::nullopt;
  source.unknown.push_back({now, hash});
  if (source.unknown.size() > options_.threshold) source.unknown.pop_front();
  if (source.unknown.size() < options_.threshold) return std::nullopt;
  const int64_t first = source.unknown.front().time;
  const auto known = static_cast<size_t>(
      std::ranges::count_if(source.known, [&](int64_t time) { return time >= first; }));
  if (known >= forgiving_) return std::nullopt;
  Finding finding{source.prefix, "harvesting: " + std::to_string(source.unknown.size()) +
                                     " unknown recipients, " + std::to_string(known) +
                                     " known in " +
                                     std::to_string(std::max<int64_t>(0, now - first)) + " s"};
  const auto place = by_prefix_.find(source.prefix);
  sources_.erase(place->second);
  by_prefix_.erase(place);
  return finding;
}

}  // namespace postern::policy
