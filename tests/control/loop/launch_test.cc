// SPDX-License-Identifier: BSD-3-Clause
//
// What a launched coroutine throws ends the loop, at once or after it waited, and the loop can say
// why; one that ends well does not.
#include "control/loop/launch.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <stdexcept>

namespace postern::loop {
namespace {

namespace asio = boost::asio;

asio::awaitable<void> wait_and(asio::io_context& loop, bool is_to_throw, int& done) {
  co_await asio::post(loop, asio::use_awaitable);
  if (is_to_throw) throw std::runtime_error("no file descriptors");
  done++;
}

TEST(Launch, WhatThrowsEndsTheLoopAndSaysWhy) {
  asio::io_context loop{1};
  int done = 0;
  launch(loop, wait_and(loop, true, done));
  try {
    loop.run();
    FAIL() << "it ended without a word";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "no file descriptors");
  }
  EXPECT_EQ(done, 0);
}

TEST(Launch, WhatEndsWellIsDone) {
  asio::io_context loop{1};
  int done = 0;
  for (int i = 0; i < 3; i++) launch(loop.get_executor(), wait_and(loop, false, done));
  loop.run();
  EXPECT_EQ(done, 3);
}

}  // namespace
}  // namespace postern::loop
