// SPDX-License-Identifier: BSD-3-Clause
//
// Running coroutines of directories in tests: to their end on a loop, with a generous bound that
// only ends a hang.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <utility>

#include "control/directory/directory.h"

namespace postern::directory {

constexpr std::chrono::seconds kPatience{60};

template <typename Condition>
void run_until(boost::asio::io_context& loop, Condition reached) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  loop.restart();
  while (!reached() && std::chrono::steady_clock::now() < end)
    if (loop.run_one_for(std::chrono::milliseconds(100)) == 0) loop.restart();
  ASSERT_TRUE(reached()) << "waited too long";
}

// Where a coroutine that runs meanwhile leaves its result.
template <typename Value>
struct Outcome {
  std::optional<Value> value;
  std::exception_ptr error;
  bool done() const { return value || error; }
};

template <typename Value>
void start(boost::asio::io_context& loop, boost::asio::awaitable<Value> work,
           Outcome<Value>& outcome) {
  boost::asio::co_spawn(loop, std::move(work), [&](std::exception_ptr error, Value value) {
    outcome.error = error;
    if (!error) outcome.value = std::move(value);
  });
}

template <typename Value>
Value finish(boost::asio::io_context& loop, boost::asio::awaitable<Value> work) {
  Outcome<Value> outcome;
  start(loop, std::move(work), outcome);
  run_until(loop, [&] { return outcome.done(); });
  if (outcome.error) std::rethrow_exception(outcome.error);
  return outcome.value.value_or(Value{});
}

inline Answer ask(boost::asio::io_context& loop, Directory& directory, std::string address) {
  return finish(loop, directory.look_up(std::move(address)));
}

// "known user@example.org", "unknown", "unavailable".
inline std::string told(const Answer& answer) {
  std::string text(word(answer.presence));
  if (answer.presence == Presence::kKnown) text += " " + answer.primary;
  if (answer.stale) text += " (stale)";
  return text;
}

}  // namespace postern::directory
