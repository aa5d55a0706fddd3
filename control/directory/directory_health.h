// SPDX-License-Identifier: BSD-3-Clause
//
// DirectoryHealth: whether the recipient directory answers, as the answers show it one after the
// other. It is down with the first look-up that fails, and up again with one that does not, when
// none has failed for kQuiet: a directory that fails now and then is told of twice in that time,
// not with every recipient. What a cache or a file says shows nothing. No clock of its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "control/directory/directory.h"

namespace postern::directory {

class DirectoryHealth {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds kQuiet{10};

  struct Change {
    bool available;
    uint64_t unanswered;  // look-ups that failed meanwhile; where it is available again
  };
  // nullopt: it is as it was.
  std::optional<Change> note(const Answer& answer, Time now) {
    if (answer.contact == Contact::kFailed) {
      failed_last_ = now;
      unanswered_++;
      if (!available_) return std::nullopt;
      available_ = false;
      return Change{false, 0};
    }
    if (answer.contact == Contact::kNone || available_ || now - failed_last_ < kQuiet)
      return std::nullopt;
    available_ = true;
    const Change change{true, unanswered_};
    unanswered_ = 0;
    return change;
  }

 private:
  bool available_ = true;
  Time failed_last_{};
  uint64_t unanswered_ = 0;  // since it is down
};

}  // namespace postern::directory
