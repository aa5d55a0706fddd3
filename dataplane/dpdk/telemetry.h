// SPDX-License-Identifier: BSD-3-Clause
//
// The engine's counters where DPDK people look: `dpdk-telemetry.py` and its commands
// /postern/counters and, under --profile, /postern/profile. The words are those of the management
// API, with _ for -.
#pragma once

#include "dataplane/dpdk/dpdk_engine.h"

namespace postern::dpdk {

// Answers from `engine` as long as this lives. One at a time; the command itself stays registered
// until EAL ends, and without an engine it answers with an error.
class Telemetry {
 public:
  explicit Telemetry(const DpdkEngine& engine);
  ~Telemetry();
  Telemetry(const Telemetry&) = delete;
  Telemetry& operator=(const Telemetry&) = delete;
};

}  // namespace postern::dpdk
