// SPDX-License-Identifier: BSD-3-Clause
//
// Worker: all parts of postern-control that serve, put together on one loop, on one thread. What
// needs privileges (ports, the key) is taken first, then they are dropped, then anything is said to
// anybody.
#pragma once

#include "control/config/options.h"

namespace postern::config {

// Serves until SIGTERM or SIGINT and an orderly end. Throws what the operator is to be told when it
// cannot begin.
void run_worker(const Options& options);

}  // namespace postern::config
