// SPDX-License-Identifier: BSD-3-Clause
//
// Times are counted in units of 1/count millisecond, so that no rate is rounded.
#include "control/policy/source_limits.h"

#include <algorithm>

namespace postern::policy {

bool SourceLimits::take(Limited thing, const Prefix& source, int64_t now) {
  const SourceRate& rate = rates_[static_cast<size_t>(thing)];
  if (rate.count == 0) return true;
  const int64_t scaled = now * rate.count;
  const std::pair key{source, thing};
  const int64_t* known = free_at_.find(key, now);
  const int64_t arrival = known == nullptr ? scaled : std::max(*known, scaled);
  // One costs rate.milliseconds of these units; count of them may be owed.
  const int64_t next = arrival + rate.milliseconds;
  if (next > scaled + rate.milliseconds * rate.count) return false;
  free_at_.put(key, next, next / rate.count + 1);
  return true;
}

}  // namespace postern::policy
