// SPDX-License-Identifier: BSD-3-Clause
//
// Channel: what the parent and one worker tell each other: a word, and with some of them a
// descriptor, over a pair of Unix sockets that keeps words apart. An old worker and a new parent
// may be of two versions of the program: the numbers of words stay what they are.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "control/listen/descriptor.h"

namespace postern::process {

enum class Word : uint8_t {
  // From the worker.
  kPrepared = 1,      // all is there that is needed to serve
  kServing = 2,       // connections are accepted
  kHandedOver = 3,    // accepts no more, and what is remembered of sources is written
  kRefusedCalls = 4,  // with the descriptor that tells of system calls
  // From the parent.
  kBegin = 16,     // serve
  kHandOver = 17,  // stop serving, for a new worker in this place; then end as after SIGTERM
  kFiles = 18,     // with the files that were read anew, because one was replaced
  kReload = 19,    // the same, and everything is to be read anew (SIGHUP)
};

struct Message {
  Word word;
  listen::Descriptor descriptor;  // none with most
};

class Channel {
 public:
  // The two ends. Throws std::system_error.
  static std::pair<Channel, Channel> make();
  Channel() = default;
  explicit Channel(listen::Descriptor socket) : socket_(std::move(socket)) {}

  int fd() const noexcept { return socket_.get(); }
  // False: the other end is gone, or does not listen. Does not block.
  bool send(Word word, int descriptor = -1) noexcept;
  enum class Received : uint8_t { kWord, kNothing, kEnd };
  // Does not block. Words that are not known are skipped by whoever asks.
  Received receive(Message& message) noexcept;

 private:
  listen::Descriptor socket_;
};

}  // namespace postern::process
