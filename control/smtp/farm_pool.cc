// SPDX-License-Identifier: BSD-3-Clause
//
// Parts are counted in hundredths of a weight, so that a slow start is not lost in rounding.
#include "control/smtp/farm_pool.h"

#include <algorithm>

namespace postern::smtp {
namespace {

constexpr int64_t kWhole = 100;
constexpr int64_t kLeast = 10;  // of kWhole, at the beginning of a slow start

}  // namespace

FarmPool::FarmPool(const std::vector<Member>& members, const Options& options) : options_(options) {
  for (const auto& member : members) {
    State state;
    state.member = member;
    state.member.weight = std::clamp<uint32_t>(member.weight, 1, kMaxWeight);
    states_.push_back(state);
  }
}

bool FarmPool::any_live() const {
  return std::any_of(states_.begin(), states_.end(),
                     [](const State& state) { return state.health == Health::kLive; });
}

int64_t FarmPool::part_of(const State& state, Time now) const {
  int64_t share = kWhole;
  if (state.rising && options_.slow_start.count() > 0)
    share = std::clamp<int64_t>(
        (now - state.live_since).count() * kWhole / options_.slow_start.count(), kLeast, kWhole);
  return share * static_cast<int64_t>(state.member.weight);
}

std::optional<size_t> FarmPool::round_robin(const std::vector<bool>& tried, Time now, bool backup) {
  std::optional<size_t> best;
  int64_t total = 0;
  for (size_t i = 0; i < states_.size(); i++) {
    State& state = states_[i];
    if (tried[i] || state.member.backup != backup || state.health == Health::kDown) continue;
    const int64_t part = part_of(state, now);
    total += part;
    state.current += part;
    if (!best || state.current > states_[*best].current) best = i;
  }
  if (best) states_[*best].current -= total;
  return best;
}

std::optional<size_t> FarmPool::choose(const std::vector<bool>& tried, Time now) {
  for (const bool backup : {false, true})
    if (const auto chosen = round_robin(tried, now, backup)) return chosen;
  if (any_live()) return std::nullopt;
  for (const bool backup : {false, true}) {
    for (size_t i = 0; i < states_.size(); i++) {
      State& state = states_[i];
      if (tried[i] || state.member.backup != backup || state.on_trial) continue;
      if (state.health != Health::kDown) continue;
      state.on_trial = true;
      return i;
    }
  }
  return std::nullopt;
}

bool FarmPool::succeeded(size_t member, Time now) {
  State& state = states_[member];
  state.on_trial = false;
  if (state.health == Health::kLive) {
    state.row = 0;
    return false;
  }
  const bool was_down = state.health == Health::kDown;
  if (was_down && any_live() && ++state.row < options_.rise) return false;
  // Mail that has nowhere else to go gets all of it at once.
  state.rising = was_down && any_live();
  state.health = Health::kLive;
  state.row = 0;
  state.live_since = now;
  // Or what it was short of before would come all at once.
  state.current = 0;
  return true;
}

bool FarmPool::failed(size_t member, Time) {
  State& state = states_[member];
  state.on_trial = false;
  if (state.health == Health::kDown) {
    state.row = 0;
    return false;
  }
  if (state.health == Health::kLive && ++state.row < options_.fall) return false;
  state.health = Health::kDown;
  state.row = 0;
  state.rising = false;
  return true;
}

void FarmPool::abandoned(size_t member) {
  states_[member].on_trial = false;
}

}  // namespace postern::smtp
