// SPDX-License-Identifier: BSD-3-Clause
//
// A list of zones in the order of the last failure, each with the few questions that failed, and an
// index into it; all bounded by the capacity (control/dns/silent_zones.h).
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
constexpr std::string_view kAnsweredSince = "-";  // in place of a time

// As zones and questions are named here: a name may have octets that a line of text() must not.
std::string canonical(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  std::string lower = ascii_lower(name);
  std::ranges::replace_if(
      lower, [](char octet) { return octet <= ' ' || octet > '~'; }, '?');
  return lower;
}

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

SilentZones::Zone& SilentZones::insert(Zone zone) {
  zones_.push_back(std::move(zone));
  by_name_.emplace(zones_.back().name, std::prev(zones_.end()));
  names_++;
  return zones_.back();
}

void SilentZones::erase(Zones::iterator zone) {
  names_ -= 1 + zone->questions.size();
  by_name_.erase(zone->name);
  zones_.erase(zone);
}

// The last one stays: it is what has just failed.
void SilentZones::make_room() {
  while (names_ > options_.capacity && zones_.size() > 1) {
    erase(zones_.begin());
    forgotten_++;
  }
}

SilentZones::Question& SilentZones::question_of(Zone& zone, std::string name, RecordType type,
                                                int64_t now) {
  auto& questions = zone.questions;
  for (auto& question : questions)
    if (question.type == type && question.name == name) return question;
  if (questions.size() >= kQuestions)
    return *std::ranges::min_element(questions, {}, &Question::last) = {std::move(name), type, now,
                                                                        now};
  names_++;
  return questions.emplace_back(std::move(name), type, now, now);
}

bool SilentZones::note_failure(std::string_view name, RecordType type, int64_t now) {
  changes_++;
  // Whoever is deferred comes again within a day.
  const int64_t kept = now - options_.patience - kDay;
  while (!zones_.empty() && zones_.front().last < kept) erase(zones_.begin());
  const auto zone_name = zone_of(name, type);
  const auto known = by_name_.find(zone_name);
  if (known != by_name_.end()) zones_.splice(zones_.end(), zones_, known->second);
  Zone& zone = known != by_name_.end() ? zones_.back() : insert({zone_name, now, now, {}});
  if (!zone.since) zone.since = now;
  zone.last = now;
  Question& question = question_of(zone, canonical(name), type, now);
  if (question.last < kept) question.since = now;
  question.last = now;
  const int64_t since = std::min(*zone.since, question.since);
  make_room();
  return options_.patience > 0 && answered_ - since >= options_.patience;
}

void SilentZones::note_answer(std::string_view name, RecordType type, int64_t now, Origin origin) {
  if (origin == Origin::kReached) answered_ = std::max(answered_, now);
  const auto known = by_name_.find(zone_of(name, type));
  if (known == by_name_.end()) return;
  Zone& zone = *known->second;
  const auto gone = std::erase_if(zone.questions, [&, lower = canonical(name)](const auto& one) {
    return one.type == type && one.name == lower;
  });
  names_ -= gone;
  if (gone == 0 && !zone.since) return;
  changes_++;
  zone.since.reset();
  if (zone.questions.empty()) erase(known->second);
}

std::string SilentZones::text() const {
  std::string text = std::string(kAnswered) + ' ' + std::to_string(answered_) + '\n';
  for (const auto& zone : zones_) {
    text += zone.name + ' ' +
            (zone.since ? std::to_string(*zone.since) : std::string(kAnsweredSince)) + ' ' +
            std::to_string(zone.last) + '\n';
    for (const auto& question : zone.questions)
      text += std::to_string(static_cast<unsigned>(question.type)) + ' ' + question.name + ' ' +
              std::to_string(question.since) + ' ' + std::to_string(question.last) + '\n';
  }
  return text;
}

bool SilentZones::read_zone(std::string_view name, std::string_view since, std::string_view last,
                            int64_t now) {
  const auto first = time_of(since);
  const auto end = time_of(last);
  if ((!first && since != kAnsweredSince) || !end || first.value_or(0) > *end || *end > now)
    return false;
  if (name.size() > kMaxNameLength || by_name_.contains(name)) return false;
  if (!zones_.empty() && zones_.back().last > *end) return false;
  insert({std::string(name), first, *end, {}});
  make_room();
  return true;
}

bool SilentZones::read_question(std::string_view type, std::string_view name,
                                std::string_view since, std::string_view last) {
  const auto number = time_of(type);
  const auto first = time_of(since);
  const auto end = time_of(last);
  if (!number || *number > UINT16_MAX || name.size() > kMaxNameLength || zones_.empty())
    return false;
  Zone& zone = zones_.back();
  const auto record_type = static_cast<RecordType>(*number);
  if (zone_of(name, record_type) != zone.name || zone.questions.size() >= kQuestions) return false;
  if (!first || !end || *first > *end || *end > zone.last) return false;
  auto& question = question_of(zone, canonical(name), record_type, *first);
  question.last = *end;
  make_room();
  return true;
}

size_t SilentZones::read(std::string_view text, int64_t now) {
  size_t bad = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const auto words = words_of(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    bool sound = false;
    if (words.size() == 2 && words[0] == kAnswered && time_of(words[1])) {
      answered_ = std::min(*time_of(words[1]), now);
      sound = true;
    } else if (words.size() == 3) {
      sound = read_zone(words[0], words[1], words[2], now);
    } else if (words.size() == 4) {
      sound = read_question(words[0], words[1], words[2], words[3]);
    }
    if (!sound) bad++;
  }
  return bad;
}

std::string SilentZones::zone_of(std::string_view name, RecordType type) {
  const std::string lower = canonical(name);
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
