// SPDX-License-Identifier: BSD-3-Clause
//
// AnswerTime: until when the end of a message must have been answered, whatever happens in between:
// judging, connecting to the farm, saying the envelope again, the text, the farm's own answer. A
// client that waited for ten minutes may come again (RFC 5321 §4.5.3.2.6), and an answer after that
// makes two messages of one (RFC 1047). So does a text that the farm has whole while nobody waits
// for its answer any more: its last octet is sent only while a third of the time is left.
#pragma once

#include <chrono>

namespace postern::smtp {

struct AnswerTime {
  using Clock = std::chrono::steady_clock;
  static constexpr int kParts = 3;

  Clock::time_point send_by = Clock::time_point::max();  // the last octet goes to the farm
  Clock::time_point answer_by = Clock::time_point::max();

  static AnswerTime from(Clock::time_point end_of_text, std::chrono::milliseconds time) {
    return {.send_by = end_of_text + time - time / kParts, .answer_by = end_of_text + time};
  }
  bool too_late_to_send() const { return Clock::now() >= send_by; }
};

}  // namespace postern::smtp
