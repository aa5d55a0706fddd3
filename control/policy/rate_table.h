// SPDX-License-Identifier: BSD-3-Clause
//
// RateTable: how often each of many may do a thing, by the generic cell rate algorithm (as the
// engines limit connections): N in a time, all at once or spread, and then one after the other as
// the time goes by. One timestamp for each key, in a bounded table; when that is full, the key that
// would be free again first is forgotten, which lets it do more: the table fails towards passing.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "control/policy/expiring_table.h"

namespace postern::policy {

struct Rate {
  uint32_t count = 0;        // 0: without limit
  int64_t milliseconds = 0;  // the time in which count is allowed
};

// Milliseconds of the steady clock, as all rates of a process take them.
inline int64_t rate_time() noexcept {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

template <typename Key>
class RateTable {
 public:
  explicit RateTable(size_t capacity) : free_at_(capacity) {}

  // Once more. False: that is one too many, and does not count. now: milliseconds of any clock that
  // does not go back. A key has the same rate each time.
  bool take(const Key& key, const Rate& rate, int64_t now) {
    if (rate.count == 0) return true;
    // In units of 1/count millisecond, so that no rate is rounded.
    const int64_t scaled = now * rate.count;
    const int64_t* known = free_at_.find(key, now);
    const int64_t arrival = known == nullptr ? scaled : std::max(*known, scaled);
    // One costs rate.milliseconds of these units; count of them may be owed.
    const int64_t next = arrival + rate.milliseconds;
    if (next > scaled + rate.milliseconds * rate.count) return false;
    free_at_.put(key, next, next / rate.count + 1);
    return true;
  }

  // Whether take() would say no.
  bool is_used_up(const Key& key, const Rate& rate, int64_t now) {
    if (rate.count == 0) return false;
    const int64_t* known = free_at_.find(key, now);
    const int64_t scaled = now * rate.count;
    return known != nullptr && *known + rate.milliseconds > scaled + rate.milliseconds * rate.count;
  }

  size_t size() const noexcept { return free_at_.size(); }

 private:
  ExpiringTable<Key, int64_t> free_at_;  // theoretical arrival time
};

}  // namespace postern::policy
