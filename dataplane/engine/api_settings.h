// SPDX-License-Identifier: BSD-3-Clause
//
// ApiSettings: what an operator may set about the management API, of both engines alike.
#pragma once

#include <cstdint>
#include <string>

#include "dataplane/engine/sample_feed.h"

namespace postern {

struct ApiSettings {
  std::string socket = {};  // path of the Unix socket
  // Samples that are taken in a second while somebody asks for them, about; 0 allows none.
  uint64_t samples_per_second = SampleFeed::kDefaultPerSecond;
};

}  // namespace postern
