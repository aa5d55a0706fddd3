// SPDX-License-Identifier: BSD-3-Clause
//
// WorkerShare: what part a worker has of what is bounded for the whole program: sessions, the
// spool, connections to one backend or smarthost, mail of the null sender to one domain. The parts
// of all workers together are the whole. What bounds one source is not shared out, as a source
// meets one worker only (control/listen/steering.h).
#pragma once

#include <cstddef>
#include <cstdint>

#include "control/config/options.h"

namespace postern::config {

class WorkerShare {
 public:
  // Worker `number` of `workers`, counted from 0.
  WorkerShare(size_t workers, size_t number) : workers_(workers), number_(number) {}

  // The first workers take what does not divide evenly. 0 ("without limit") stays 0; of a smaller
  // bound than there are workers some have nothing, so such bounds are refused (refuse_too_small).
  uint64_t of(uint64_t whole) const noexcept {
    return whole / workers_ + (number_ < whole % workers_ ? 1 : 0);
  }
  Options of(Options options) const;

 private:
  size_t workers_;
  size_t number_;
};

// Throws UsageError naming a setting that is too small for options.workers to share.
void refuse_too_small(const Options& options);

}  // namespace postern::config
