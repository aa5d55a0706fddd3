// SPDX-License-Identifier: BSD-3-Clause
//
// Attempts over windows of time, against sums over all that was ever counted.
#include "dataplane/engine/counter_history.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

#include "tests/packets/core_judge.h"
#include "tests/packets/corpus.h"

namespace postern {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

AttemptCount counters(uint64_t passed, uint64_t stopped) {
  return {passed + stopped, stopped};
}

TEST(Attempts, AreWhatIsJudged) {
  ps_counters all{};
  for (auto& port : all.packets)
    for (auto& count : port) count = 1;
  const auto count = attempts_of(all);
  EXPECT_EQ(count.attempts, 2u * 19u);
  EXPECT_EQ(count.stopped, 2u * 13u);
  ps_counters none{};
  for (const auto reason : {PS_REASON_NOT_IP, PS_REASON_NOT_SERVICE, PS_REASON_NOT_ATTEMPT,
                            PS_REASON_FROM_INSIDE, PS_REASON_REFUSAL_TEXT, PS_REASON_BAD_IP_HEADER})
    none.packets[PS_PORT_WAN][reason] = 5;
  EXPECT_EQ(attempts_of(none).attempts, 0u);
}

// Whatever a cell counts, whatever becomes of its reply; what a cell does not count is what an
// entry decided, what `hard` stops besides attempts, and replies of refused sessions.
TEST(Attempts, AreThoseThatCellsCount) {
  namespace ps = packets;
  int of_cells = 0, without_reply = 0;
  for (const auto& c : ps::corpus()) {
    ps::CoreJudge core(ps::corpus_world());
    ps_counters counters{};
    std::set<Reason> reasons;
    for (int i = 0; i <= c.before; i++) {
      const auto reason = core.judge(c.port, c.frame, c.now_ns, c.with_rules).reason;
      counters.packets[c.port][static_cast<size_t>(reason)]++;
      reasons.insert(reason);
    }
    uint64_t counted = 0;
    for (const auto& cell : core.cells()) counted += cell.attempts;
    if (counted == 0) continue;
    EXPECT_EQ(attempts_of(counters).attempts, counted) << c.name;
    of_cells++;
    without_reply += reasons.contains(Reason::BAD_CHECKSUM);
  }
  EXPECT_GT(of_cells, 50);
  EXPECT_GT(without_reply, 0);
  ps_counters no_room{};
  no_room.packets[PS_PORT_WAN][PS_REASON_NO_REPLY_ROOM] = 3;
  EXPECT_EQ(attempts_of(no_room).stopped, 3u);
}

TEST(CounterHistory, KnowsNothingBeforeItsFirstMoment) {
  const CounterHistory history;
  for (size_t window = 0; window < CounterHistory::kWindows.size(); window++) {
    const auto share = history.share(window, 5 * kSecond, counters(10, 10));
    EXPECT_EQ(share.seconds, 0u);
    EXPECT_EQ(share.count.attempts, 0u);
  }
}

TEST(CounterHistory, ReachesAsFarAsItIsOld) {
  CounterHistory history;
  history.add(100 * kSecond, counters(1000, 1000));  // before this engine was looked at
  const auto share = history.share(2, 105 * kSecond, counters(1030, 1010));
  EXPECT_EQ(share.seconds, 5u);
  EXPECT_EQ(share.count.attempts, 40u);
  EXPECT_EQ(share.count.stopped, 10u);
}

// Two hours of uneven traffic and ticks that come late; each window is compared with what the
// second from which it says to reach had.
TEST(CounterHistory, AgreesWithAllThatWasCounted) {
  std::mt19937_64 random(42);
  CounterHistory history;
  std::vector<std::pair<uint64_t, AttemptCount>> all;
  uint64_t now = 7 * kSecond, passed = 0, stopped = 0;
  for (int i = 0; i < 7200; i++) {
    passed += random() % 100;
    stopped += i / 600 % 2 ? random() % 1000 : 0;
    all.emplace_back(now, counters(passed, stopped));
    history.add(now, all.back().second);
    for (size_t window = 0; window < CounterHistory::kWindows.size(); window++) {
      const auto& [name, seconds, step] = CounterHistory::kWindows[window];
      const auto share = history.share(window, now, all.back().second);
      ASSERT_LE(share.seconds, seconds + step);
      if (now - all[0].first >= (seconds + step) * kSecond) {
        ASSERT_GE(share.seconds, seconds - step) << name << " at " << i;
      }
      bool found = false;
      for (auto then = all.rbegin(); then != all.rend() && !found; ++then)
        found = (now - then->first + kSecond / 2) / kSecond == share.seconds &&
                passed + stopped - then->second.attempts == share.count.attempts &&
                stopped - then->second.stopped == share.count.stopped;
      ASSERT_TRUE(found) << name << " at " << i;
    }
    now += kSecond + random() % (kSecond / 50);
  }
}

TEST(CounterHistory, AfterASleepOldMomentsAreNoWindow) {
  CounterHistory history;
  history.add(1 * kSecond, counters(10, 10));
  const auto share = history.share(0, 1000 * kSecond, counters(500, 500));
  EXPECT_EQ(share.seconds, 0u);
  EXPECT_EQ(history.share(2, 1000 * kSecond, counters(500, 500)).seconds, 999u);
}

}  // namespace
}  // namespace postern
