// SPDX-License-Identifier: BSD-3-Clause
//
// launch: starts a coroutine that nobody waits for. What it throws leaves through
// io_context::run(), as what a handler throws does, and ends the worker, which its parent starts
// anew (docs/operations.md): asio::detached would drop it without a word, and a worker would serve
// on that no longer checks its backends or teaches an engine.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <utility>

namespace postern::loop {

// context: an executor or what has one. What the coroutine refers to outlives it.
template <typename Context>
void launch(Context&& context, boost::asio::awaitable<void> coroutine) {
  boost::asio::co_spawn(std::forward<Context>(context), std::move(coroutine),
                        [](const std::exception_ptr& thrown) {
                          if (thrown) std::rethrow_exception(thrown);
                        });
}

}  // namespace postern::loop
