// SPDX-License-Identifier: BSD-3-Clause
//
// FarmPool: which backend gets the next connection. Purely a choice: it is told how connections
// went, and when, and has no clock and no socket of its own.
//
// Weights: smooth weighted round robin (as nginx has it): in any row of as many choices as the
// weights sum up to, each backend comes up as often as its weight says, spread evenly. Health: so
// many failures in a row take a live backend out, so many successes in a row bring it back; then it
// gets little at first and its whole part after some time (slow start). Order: live backends, then
// the backups, then, where nothing is live, the ones that are down, each by one trial at a time:
// its success makes it live at once. All in memory bounded by the number of backends.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace postern::smtp {

class FarmPool {
 public:
  using Time = std::chrono::milliseconds;  // since any fixed moment; never goes back
  struct Member {
    uint32_t weight = 1;  // 1..kMaxWeight
    bool backup = false;
  };
  static constexpr uint32_t kMaxWeight = 1000;
  struct Options {
    uint32_t fall = 2;        // failures in a row
    uint32_t rise = 2;        // successes in a row
    Time slow_start{30'000};  // 0: none
  };
  enum class Health : uint8_t {
    kUnknown,  // not asked yet: chosen like a live one
    kLive,
    kDown,
  };

  // members: at least one.
  FarmPool(const std::vector<Member>& members, const Options& options);

  // The backend to connect to, none of those in `tried` (of the size of members, true: tried).
  // nullopt: there is none. What is chosen must end in succeeded() or failed(), or abandoned().
  std::optional<size_t> choose(const std::vector<bool>& tried, Time now);
  // A connection to it was made and answered EHLO, or did its work since. True when its health is
  // another one now; the same for failed().
  bool succeeded(size_t member, Time now);
  // It could not be connected to, or broke off in the middle of its work.
  bool failed(size_t member, Time now);
  // Nothing was learned.
  void abandoned(size_t member);

  Health health(size_t member) const { return states_[member].health; }
  bool any_live() const;
  size_t size() const noexcept { return states_.size(); }

 private:
  struct State {
    Member member;
    Health health = Health::kUnknown;
    uint32_t row = 0;  // of what speaks against its health
    bool on_trial = false;
    bool rising = false;  // slow start since `live_since`
    Time live_since{0};
    int64_t current = 0;  // of the round robin
  };
  int64_t part_of(const State& state, Time now) const;
  std::optional<size_t> round_robin(const std::vector<bool>& tried, Time now, bool backup);

  std::vector<State> states_;
  Options options_;
};

}  // namespace postern::smtp
