// SPDX-License-Identifier: BSD-3-Clause
//
// The signals' handler (control/cli/interruption.h).
#include "control/cli/interruption.h"

namespace postern::cli {
namespace {

volatile std::sig_atomic_t interrupted = 0;

void remember(int) {
  interrupted = 1;
}

}  // namespace

Interruption::Interruption() noexcept {
  interrupted = 0;
  struct sigaction action {};
  action.sa_handler = remember;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, &before_int_);
  sigaction(SIGTERM, &action, &before_term_);
}

Interruption::~Interruption() {
  sigaction(SIGINT, &before_int_, nullptr);
  sigaction(SIGTERM, &before_term_, nullptr);
}

bool Interruption::happened() const noexcept {
  return interrupted != 0;
}

}  // namespace postern::cli
