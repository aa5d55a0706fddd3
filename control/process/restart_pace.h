// SPDX-License-Identifier: BSD-3-Clause
//
// RestartPace: when a worker that has died is started again. At once where it had lived for a
// while; one that dies soon after its start waits longer each time, so that a fault that comes back
// does not keep the host busy.
#pragma once

#include <algorithm>
#include <chrono>

namespace postern::process {

class RestartPace {
 public:
  using Duration = std::chrono::milliseconds;
  static constexpr Duration kSoon{10'000};
  static constexpr Duration kFirst{1000}, kMost{30'000};

  // lived: from its start on. How long to wait before the next start.
  Duration after_death(Duration lived) noexcept {
    if (lived >= kSoon) {
      next_ = Duration{0};
      return next_;
    }
    const Duration wait = next_;
    next_ = std::min(std::max(next_ * 2, kFirst), kMost);
    return wait;
  }

 private:
  Duration next_{0};
};

}  // namespace postern::process
