// SPDX-License-Identifier: BSD-3-Clause
//
// Remembering counters and taking differences (dataplane/engine/counter_history.h).
#include "dataplane/engine/counter_history.h"

namespace postern {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

bool is_attempt(size_t reason) noexcept {
  switch (reason) {
    case PS_REASON_NO_RULE:
    case PS_REASON_PROTECTED:
    case PS_REASON_RULE_ALLOW:
    case PS_REASON_RULE_INSPECT:
    case PS_REASON_LEARNED_ALLOW:
    case PS_REASON_LEARNED_INSPECT:
    case PS_REASON_RULE_DROP:
    case PS_REASON_RULE_RESET:
    case PS_REASON_RULE_REFUSE:
    case PS_REASON_LEARNED_DROP:
    case PS_REASON_LEARNED_RESET:
    case PS_REASON_LEARNED_REFUSE:
    case PS_REASON_LIMIT_DROP:
    case PS_REASON_LIMIT_RESET:
    case PS_REASON_LIMIT_REFUSE:
    case PS_REASON_NEVER_ANSWERED:
    case PS_REASON_BAD_CHECKSUM:
    case PS_REASON_ANSWER_LIMIT:
    case PS_REASON_NO_REPLY_ROOM:
      return true;
    default:
      return false;
  }
}

}  // namespace

AttemptCount attempts_of(const ps_counters& counters) noexcept {
  AttemptCount count;
  for (const auto& port : counters.packets)
    for (size_t reason = 0; reason < PS_REASON_COUNT; reason++) {
      if (!is_attempt(reason)) continue;
      count.attempts += port[reason];
      if (ps_reason_stops(static_cast<uint32_t>(reason))) count.stopped += port[reason];
    }
  return count;
}

void CounterHistory::add(uint64_t now_ns, const AttemptCount& count) {
  for (size_t i = 0; i < kWindows.size(); i++) {
    auto& ring = rings_[i];
    const size_t room = kWindows[i].seconds / kWindows[i].step + 1;
    if (!ring.moments.empty()) {
      const auto& last = ring.moments.size() < room ? ring.moments.back()
                                                    : ring.moments[(ring.next + room - 1) % room];
      // A tick that comes a little early is still the next one.
      if (now_ns - last.at_ns + kSecond / 2 < kWindows[i].step * kSecond) continue;
    }
    if (ring.moments.size() < room) {
      ring.moments.push_back({now_ns, count});
    } else {
      ring.moments[ring.next] = {now_ns, count};
      ring.next = (ring.next + 1) % room;
    }
  }
}

// From the oldest moment that is still within the window, and a step more, as ticks come late.
CounterHistory::Share CounterHistory::share(size_t window, uint64_t now_ns,
                                            const AttemptCount& now) const noexcept {
  const auto& ring = rings_[window];
  const auto reach = (kWindows[window].seconds + kWindows[window].step) * kSecond;
  for (size_t i = 0; i < ring.moments.size(); i++) {
    const auto& moment = ring.moments[(ring.next + i) % ring.moments.size()];
    if (now_ns - moment.at_ns > reach) continue;
    return {(now_ns - moment.at_ns + kSecond / 2) / kSecond,
            {now.attempts - moment.count.attempts, now.stopped - moment.count.stopped}};
  }
  return {};
}

}  // namespace postern
