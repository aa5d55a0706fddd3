// SPDX-License-Identifier: BSD-3-Clause
//
// WorkerShare: what a worker has of the limits that the site sets for all of them. What bounds the
// host, or somebody else's server, is shared out; what bounds one source is whole in each worker,
// as a source meets one of them only (control/listen/steering.h).
#pragma once

#include <cstddef>
#include <string>

#include "control/config/options.h"

namespace postern::config {

// The options of worker `number` (from 0) of `workers`. The parts of all workers together are what
// the site has set, but that nobody has less than one look-up, waiting connection or report, which
// would be none at all, or no bound.
Options share_of(Options options, size_t workers, size_t number);

// "max of farm 192.0.2.10:25": the first limit of which some worker would have nothing; empty:
// there is none.
std::string limit_below_workers(const Options& options);

// One line where a worker's part of the spool could never hold a message that is offered to be
// taken; empty: it can.
std::string spool_below_message(const Options& options);

}  // namespace postern::config
