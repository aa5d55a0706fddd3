// SPDX-License-Identifier: BSD-3-Clause
//
// AnswerCache: what a directory said of addresses, for a while. Known and unknown addresses have a
// time each; known ones are kept beyond it, to be used when the directory is unavailable. When the
// cache is full, the answer goes that would be of no use first, so that a flood of unknown
// addresses pushes out its own kind before any recipient that exists. No clock of its own.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "control/directory/directory.h"

namespace postern::directory {

struct CacheOptions {
  size_t capacity = 100'000;  // answers; at least 1
  std::chrono::milliseconds known_time{3'600'000};
  std::chrono::milliseconds unknown_time{60'000};
  // How long after known_time a known address is still let pass while there is no better answer.
  std::chrono::milliseconds stale_time{86'400'000};
};

class AnswerCache {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit AnswerCache(const CacheOptions& options) : options_(options) {}

  // key: the address as MailAddress::text() has it. Of an unavailable directory nothing is kept.
  void put(const std::string& key, const Answer& answer, Time now);
  // What is within its time.
  std::optional<Answer> find(const std::string& key, Time now) const;
  // A known address, also beyond its time; Answer::stale then says so.
  std::optional<Answer> find_stale(const std::string& key, Time now) const;

  size_t size() const noexcept { return answers_.size(); }
  uint64_t forgotten() const noexcept { return forgotten_; }  // for want of room

 private:
  struct Kept {
    Answer answer;
    Time fresh_until, kept_until;
  };
  using Answers = std::unordered_map<std::string, Kept>;
  void forget(Answers::iterator kept);

  CacheOptions options_;
  Answers answers_;
  std::set<std::pair<Time, const std::string*>> by_end_;  // the keys stay where they are
  uint64_t forgotten_ = 0;
};

}  // namespace postern::directory
