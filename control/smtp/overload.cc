// SPDX-License-Identifier: BSD-3-Clause
//
// Thresholds are compared as fractions of whole numbers, so that they are exact however many
// sessions there may be.
#include "control/smtp/overload.h"

#include <algorithm>

namespace postern::smtp {

using State = Overload::State;

// Of n sessions, as eighths and thirty-seconds of the most; exact for any n.
State Overload::next(size_t sessions) const noexcept {
  const auto at_least = [&](size_t parts, size_t of) {
    return sessions * of >= max_sessions_ * parts;
  };
  switch (state_) {
    case State::kCalm:
      return at_least(31, 32) ? State::kFull : at_least(7, 8) ? State::kStressed : State::kCalm;
    case State::kStressed:
      return at_least(31, 32) ? State::kFull : at_least(3, 4) ? State::kStressed : State::kCalm;
    case State::kFull:
      return at_least(7, 8) ? State::kFull : at_least(3, 4) ? State::kStressed : State::kCalm;
  }
  return state_;
}

bool Overload::observe(size_t sessions) noexcept {
  const State before = state_;
  state_ = next(sessions);
  return state_ != before;
}

bool Overload::admits(Standing standing, size_t sessions) const noexcept {
  if (sessions >= max_sessions_) return false;
  switch (state_) {
    case State::kCalm:
      return true;
    case State::kStressed:
      return standing != Standing::kListed;
    case State::kFull:
      return standing == Standing::kKnown;
  }
  return true;
}

std::chrono::milliseconds Overload::patience(std::chrono::milliseconds usual) const noexcept {
  // RFC 5321 §4.5.3.2 asks for minutes; a server that can serve nobody helps nobody. Postfix's
  // stress mode waits for 10 seconds.
  constexpr std::chrono::milliseconds kShort{10'000};
  return state_ == State::kCalm ? usual : std::min(usual, kShort);
}

std::string_view word(State state) noexcept {
  switch (state) {
    case State::kCalm:
      return "calm";
    case State::kStressed:
      return "stressed";
    case State::kFull:
      return "full";
  }
  return "";
}

}  // namespace postern::smtp
