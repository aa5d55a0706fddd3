// SPDX-License-Identifier: BSD-3-Clause
//
// answer_budget: one worker's share of the replies that an engine may send in a second
// (dataplane/core/budget.h). Shares are equal: where all attempts come to one of many workers, it
// sends no more than its own.
#pragma once

#include <algorithm>
#include <cstdint>

#include "dataplane/core/budget.h"

namespace postern {

inline constexpr uint64_t kDefaultAnswersPerSecond = 100'000;
inline constexpr uint64_t kMaxAnswersPerSecond = 1'000'000'000;

// workers: at least 1. A burst may use up a tenth of a second's.
constexpr ps_budget answer_budget(uint64_t per_second, unsigned workers) noexcept {
  if (per_second == 0) return {.interval_ns = 0, .ahead_ns = 0};
  return {.interval_ns = std::max<uint64_t>(1'000'000'000u * uint64_t{workers} / per_second, 1),
          .ahead_ns = 100'000'000};
}

}  // namespace postern
