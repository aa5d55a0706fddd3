// SPDX-License-Identifier: BSD-3-Clause
//
// Patience: how long a client is still waited for, by record and not by octet, so that a slow drip
// gains nothing: a command has its time from when it was waited for until its line end has come,
// and text its time for every kRecord octets. Pure: the clock is an argument.
#pragma once

#include <chrono>
#include <cstddef>

namespace postern::smtp {

class Patience {
 public:
  using Clock = std::chrono::steady_clock;
  // RFC 5321 §4.5.3.2.5 gives a block of text its minutes; a block is what TCP sends at once.
  static constexpr size_t kRecord = 1024;

  // A new record is waited for. time: for all of it.
  void begin(Clock::time_point now, std::chrono::milliseconds time) noexcept {
    until_ = now + time;
    octets_ = 0;
    waiting_ = true;
  }
  // Octets of text came. True when they make a record: begin() the next one.
  bool received(size_t octets) noexcept {
    octets_ += octets;
    if (octets_ < kRecord) return false;
    waiting_ = false;
    return true;
  }
  // The record is complete: a command was taken from the input.
  void end() noexcept { waiting_ = false; }
  bool waiting() const noexcept { return waiting_; }

  // Zero or less: it has run out.
  std::chrono::milliseconds left(Clock::time_point now) const noexcept {
    return std::chrono::ceil<std::chrono::milliseconds>(until_ - now);
  }

 private:
  Clock::time_point until_{};
  size_t octets_ = 0;
  bool waiting_ = false;
};

}  // namespace postern::smtp
