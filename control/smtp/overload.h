// SPDX-License-Identifier: BSD-3-Clause
//
// Overload: the state of a proxy whose sessions run out, with hysteresis, so that it does not
// flutter: it is left only when there is clearly room again. In each state some are turned away
// with 421, the worst first, and all are given less time; the last places are for those who are
// known to behave. Pure: sessions are counted by its user.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace postern::smtp {

// What is thought of a client before it has said anything.
enum class Standing : uint8_t {
  kListed,  // in a list that the policy acts against
  kStranger,
  kKnown  // behaved before, is accredited, protected or allowed
};

class Overload {
 public:
  enum class State : uint8_t {
    kCalm,
    kStressed,  // from 7/8 of the sessions on, until 3/4: strangers are not paused, times are cut
    kFull       // from 31/32 on, until 7/8
  };

  explicit Overload(size_t max_sessions) : max_sessions_(max_sessions) {}

  // How many there are now. True: the state is another one than before.
  bool observe(size_t sessions) noexcept;
  State state() const noexcept { return state_; }
  // May one more of this standing begin?
  bool admits(Standing standing, size_t sessions) const noexcept;
  // The time to wait for a client who says nothing, of `usual`.
  std::chrono::milliseconds patience(std::chrono::milliseconds usual) const noexcept;

 private:
  State next(size_t sessions) const noexcept;

  size_t max_sessions_;
  State state_ = State::kCalm;
};

std::string_view word(Overload::State state) noexcept;

}  // namespace postern::smtp
