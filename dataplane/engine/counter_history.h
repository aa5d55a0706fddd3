// SPDX-License-Identifier: BSD-3-Clause
//
// CounterHistory: how many attempts there were, and how many of them were stopped, over the last
// minute, ten minutes and hour: the difference between what is counted now and what was then.
// Remembers a bounded number of moments, at steps that grow with the window. Told the time; no
// clock of its own.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "dataplane/engine/attempt_count.h"
#include "rules/abi/counters.h"

namespace postern {

// Attempts to a service (or, under outbound rules, from inside) that were judged, by their reasons.
// Each that the cells of the matrix count is one, also where the reply that was due could not be
// sent, unless it passed and the other port did not take it: that reason is of all that passes.
// Those that an entry decided are, too. Under `hard`, each segment that was stopped is one; what a
// refused session says afterwards is none, unless its reply could not be sent.
AttemptCount attempts_of(const ps_counters& counters) noexcept;

class CounterHistory {
 public:
  struct Window {
    std::string_view name;  // as in JSON and metrics
    uint64_t seconds;
    uint64_t step;  // seconds between two remembered moments
  };
  static constexpr std::array<Window, 3> kWindows = {
      {{"1m", 60, 1}, {"10m", 600, 10}, {"1h", 3600, 60}}};

  struct Share {
    uint64_t seconds =
        0;  // how far it reaches: less than the window at first; 0: nothing known yet
    AttemptCount count;
  };

  // now_ns: CLOCK_MONOTONIC, never less than before. To be called about once a second.
  void add(uint64_t now_ns, const AttemptCount& count);
  // Up to `now_ns`, by what has been counted now. window: index into kWindows.
  Share share(size_t window, uint64_t now_ns, const AttemptCount& now) const noexcept;

 private:
  struct Moment {
    uint64_t at_ns = 0;
    AttemptCount count;
  };
  // The oldest first, from `next` on, once it is full.
  struct Ring {
    std::vector<Moment> moments;
    size_t next = 0;
  };
  std::array<Ring, kWindows.size()> rings_;
};

}  // namespace postern
