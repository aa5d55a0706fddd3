// SPDX-License-Identifier: BSD-3-Clause
//
// Worker: all parts of postern-control that serve, put together on one loop, on one thread, in a
// process without privileges: sockets and keys come from its parent (control/process/supervisor.h).
#pragma once

#include "control/config/options.h"
#include "control/listen/steering.h"
#include "control/process/supervisor.h"

namespace postern::config {

// What the sockets that a worker is given are for.
inline constexpr const char* kSmtp = "smtp";
inline constexpr const char* kMilter = "milter";
inline constexpr const char* kOutbound = "outbound";
inline constexpr const char* kStatus = "status";

// Serves until SIGTERM or SIGINT, or until another one takes over, and an orderly end. Throws what
// the operator is to be told when it cannot begin. With options.only_check it ends when all is
// there.
void run_worker(const Options& options, const listen::Steering& steering,
                process::Assignment assignment);

}  // namespace postern::config
