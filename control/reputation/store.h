// SPDX-License-Identifier: BSD-3-Clause
//
// Store: what is remembered of each signing domain, in SQLite. Counts are kept in memory and
// written behind, every few seconds and at the end; a crash loses at most that much, and a store
// that cannot be written never defers or rejects anything.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace postern::reputation {

struct DomainRecord {
  uint64_t messages = 0;
  uint64_t accepted = 0;   // the farm said 250
  uint64_t rejected = 0;   // the farm, or a rule of ours, said 5xx
  int64_t first_seen = 0;  // Unix seconds
  int64_t last_seen = 0;
};

// Mean of a Beta(1 + accepted, 1 + rejected) posterior: 0.5 for a stranger, towards 1 or 0 with
// evidence. The first, simple score; docs/reputation.md.
double score(const DomainRecord& record) noexcept;

enum class Outcome { kAccepted, kRejected, kDeferred };

class Store {
 public:
  // path ":memory:" keeps nothing. Throws std::runtime_error when the file is not a store.
  explicit Store(const std::string& path);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  struct LookUp {
    std::optional<DomainRecord> record;  // nullopt: nothing is known
    bool failed = false;  // the file could not be read: record is what waits to be written there
  };
  LookUp look_up(std::string_view domain) const;
  std::optional<DomainRecord> find(std::string_view domain) const { return look_up(domain).record; }
  void record(std::string_view domain, Outcome outcome, int64_t now);
  // Writes what has gathered. False, and it is kept for the next time, when the file refuses.
  bool flush();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace postern::reputation
