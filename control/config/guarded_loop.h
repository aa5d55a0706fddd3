// SPDX-License-Identifier: BSD-3-Clause
//
// Running a worker's loop so that a fault of ours ends the worker at once. The parts of a worker
// refer to each other and to sessions that still wait in the loop: unwinding them in the middle of
// it would call into what is gone. A process that ends loses nothing that was acknowledged, its
// clients come again, and its parent starts it anew (control/process/restart_pace.h).
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstddef>

namespace postern::config {

inline constexpr int kFaultStatus = 70;  // EX_SOFTWARE of sysexits.h

// Runs the loop until it stops. What is thrown out of it is logged, and the process ends with
// kFaultStatus without destructors.
void run_guarded(boost::asio::io_context& loop, size_t worker);

}  // namespace postern::config
