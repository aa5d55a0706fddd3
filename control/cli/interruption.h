// SPDX-License-Identifier: BSD-3-Clause
//
// Interruption: while this lives, SIGINT and SIGTERM do not end the program but are remembered, so
// that a command which runs until it is interrupted can say what it has, and close its file. One at
// a time.
#pragma once

#include <csignal>

namespace postern::cli {

class Interruption {
 public:
  Interruption() noexcept;
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  bool happened() const noexcept;

 private:
  struct sigaction before_int_ {
  }, before_term_{};
};

}  // namespace postern::cli
