// SPDX-License-Identifier: BSD-3-Clause
//
// AttemptCount: attempts, and those of them that were stopped.
#pragma once

#include <cstdint>

namespace postern {

struct AttemptCount {
  uint64_t attempts = 0, stopped = 0;
  bool operator==(const AttemptCount&) const = default;
};

}  // namespace postern
