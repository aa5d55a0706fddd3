// SPDX-License-Identifier: BSD-3-Clause
//
// A fault in the loop ends the process, says why, and runs no destructor.
#include "control/config/guarded_loop.h"

#include <gtest/gtest.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <stdexcept>

namespace postern::config {
namespace {

namespace asio = boost::asio;

struct EndsOtherwise {
  ~EndsOtherwise() { ::_exit(99); }
};

// In a process of its own; standard error is what death tests look at.
template <typename Handler>
void serve(Handler handler) {
  spdlog::set_default_logger(spdlog::stderr_logger_st("guarded-loop"));
  asio::io_context loop{1};
  const EndsOtherwise last;
  asio::post(loop, handler);
  run_guarded(loop, 3);
}

TEST(GuardedLoopDeathTest, AFaultEndsTheProcessAndIsTold) {
  EXPECT_EXIT(serve([] { throw std::runtime_error("no such luck"); }),
              testing::ExitedWithCode(kFaultStatus),
              "worker state=failed worker=3 error=\"no such luck\"");
  EXPECT_EXIT(serve([] { throw 5; }), testing::ExitedWithCode(kFaultStatus),
              "something that is no exception");
}

TEST(GuardedLoop, ALoopThatEndsReturns) {
  asio::io_context loop{1};
  bool ran = false;
  asio::post(loop, [&] { ran = true; });
  run_guarded(loop, 0);
  EXPECT_TRUE(ran);
}

}  // namespace
}  // namespace postern::config
