// SPDX-License-Identifier: BSD-3-Clause
//
// The catch around a worker's loop (control/config/guarded_loop.h).
#include "control/config/guarded_loop.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <exception>

namespace postern::config {
namespace {

[[noreturn]] void end(size_t worker, const char* error) {
  spdlog::critical("worker state=failed worker={} error=\"{}\"", worker, error);
  spdlog::default_logger()->flush();
  ::_exit(kFaultStatus);
}

}  // namespace

void run_guarded(boost::asio::io_context& loop, size_t worker) {
  try {
    loop.run();
  } catch (const std::exception& error) {
    end(worker, error.what());
  } catch (...) {
    end(worker, "something that is no exception");
  }
}

}  // namespace postern::config
