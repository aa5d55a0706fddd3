// SPDX-License-Identifier: BSD-3-Clause
//
// A list in the order of the last failure, and an index into it; both bounded by the capacity
// (control/dns/silent_zones.h).
#include "control/dns/silent_zones.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include "control/dns/domain_name.h"

namespace postern::dns {
namespace {

constexpr int64_t kDay = 86400;
constexpr std::string_view kAnswered = "answered";

// The last `count` labels of a name.
std::string_view last_labels(std::string_view name, size_t count) {
  size_t begin = name.size();
  for (size_t i = 0; i < count; i++) {
    const size_t dot = begin == 0 ? std::string_view::npos : name.rfind('.', begin - 1);
    if (dot == std::string_view::npos) return name;
    begin = dot;
  }
  return name.substr(begin + 1);
}

size_t labels_of(std::string_view name) {
  return name.empty() ? 0 : static_cast<size_t>(std::ranges::count(name, '.')) + 1;
}

// Behind the last label that begins with an underscore (RFC 8552).
std::string_view without_service_labels(std::string_view name) {
  for (size_t dot = name.size(); dot > 0;) {
    dot = name.rfind('.', dot - 1);
    const size_t label = dot == std::string_view::npos ? 0 : dot + 1;
    if (name.substr(label).starts_with('_')) {
      const size_t end = name.find('.', label);
      return end == std::string_view::npos ? name : name.substr(end + 1);
    }
    if (dot == std::string_view::npos) break;
  }
  return name;
}

// co.uk, com.au: what nobody's name server answers for as a whole. Those that this misses only
// share their silence with their neighbours.
bool is_registry(std::string_view zone) {
  const size_t dot = zone.find('.');
  return labels_of(zone) == 2 && dot <= 3 && zone.size() - dot - 1 == 2;
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (!line.empty()) {
    const size_t end = std::min(line.find(' '), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return words;
}

std::optional<int64_t> time_of(std::string_view text) {
  int64_t time = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), time);
  if (error != std::errc() || end != text.data() + text.size() || time < 0) return std::nullopt;
  return time;
}

}  // namespace

void SilentZones::insert(Zone zone) {
  if (zones_.size() >= std::max<size_t>(options_.capacity, 1)) {
    erase(zones_.begin());
    forgotten_++;
  }
  zones_.push_back(std::move(zone));
  by_name_.emplace(zones_.back().name, std::prev(zones_.end()));
}

void SilentZones::erase(Zones::iterator zone) {
  by_name_.erase(zone->name);
  zones_.erase(zone);
}

bool SilentZones::note_failure(const std::string& zone, int64_t now) {
  changes_++;
  // Whoever is deferred comes again within a day.
  const int64_t kept = now - options_.patience - kDay;
  while (!zones_.empty() && zones_.front().last < kept) erase(zones_.begin());
  const auto known = by_name_.find(zone);
  if (known == by_name_.end()) {
    insert({zone, now, now});
    return false;
  }
  Zone& silent = *known->second;
  silent.last = now;
  zones_.splice(zones_.end(), zones_, known->second);
  return options_.patience > 0 && answered_ - silent.since >= options_.patience;
}

void SilentZones::note_answer(const std::string& zone, int64_t now, Origin origin) {
  if (origin == Origin::kReached) answered_ = std::max(answered_, now);
  const auto known = by_name_.find(zone);
  if (known == by_name_.end()) return;
  erase(known->second);
  changes_++;
}

std::string SilentZones::text() const {
  std::string text = std::string(kAnswered) + ' ' + std::to_string(answered_) + '\n';
  for (const auto& zone : zones_)
    text += zone.name + ' ' + std::to_string(zone.since) + ' ' + std::to_string(zone.last) + '\n';
  return text;
}

size_t SilentZones::read(std::string_view text, int64_t now) {
  size_t bad = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const auto words = words_of(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (words.size() == 2 && words[0] == kAnswered && time_of(words[1])) {
      answered_ = std::min(*time_of(words[1]), now);
      continue;
    }
    const auto since = words.size() == 3 ? time_of(words[1]) : std::nullopt;
    const auto last = words.size() == 3 ? time_of(words[2]) : std::nullopt;
    const bool sound = since && last && *since <= *last && *last <= now &&
                       words[0].size() <= kMaxNameLength && !by_name_.contains(words[0]) &&
                       (zones_.empty() || zones_.back().last <= *last);
    if (sound)
      insert({std::string(words[0]), *since, *last});
    else
      bad++;
  }
  return bad;
}

std::string SilentZones::zone_of(std::string_view name, RecordType type) {
  if (name.ends_with('.')) name.remove_suffix(1);
  const std::string lower = ascii_lower(name);
  std::string_view zone = lower;
  if (zone.ends_with(".in-addr.arpa")) return std::string(last_labels(zone, 5));
  if (zone.ends_with(".ip6.arpa")) return std::string(last_labels(zone, 18));
  zone = without_service_labels(zone);
  // Hosts are many, and who answers for them is the domain above.
  const bool is_host = type == RecordType::kA || type == RecordType::kAaaa;
  if (is_host && zone.size() == lower.size() && labels_of(zone) > 2) {
    const auto above = zone.substr(zone.find('.') + 1);
    if (!is_registry(above)) zone = above;
  }
  return std::string(zone);
}

}  // namespace postern::dns
