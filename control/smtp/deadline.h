// SPDX-License-Identifier: BSD-3-Clause
//
// Deadline: ends an asynchronous operation that takes too long, by calling what cancels it. An
// expiry that was on its way already when disarm() was called, or when the Deadline died, does
// nothing: it never hits the operation after.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

namespace postern::smtp {

class Deadline {
 public:
  Deadline(const boost::asio::any_io_executor& executor, std::function<void()> cancel)
      : state_(std::make_shared<State>(executor, std::move(cancel))) {}
  ~Deadline() { disarm(); }
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  void arm(std::chrono::milliseconds time) {
    disarm();
    state_->expired = false;
    state_->timer.expires_after(time);
    state_->timer.async_wait(
        [state = std::weak_ptr<State>(state_), armed = state_->arming](const auto& error) {
          const auto alive = state.lock();
          if (error || !alive || alive->arming != armed) return;
          alive->expired = true;
          alive->cancel();
        });
  }
  void disarm() {
    state_->arming++;
    state_->timer.cancel();
  }
  // Since it was armed last.
  bool expired() const noexcept { return state_->expired; }

 private:
  struct State {
    State(const boost::asio::any_io_executor& executor, std::function<void()> cancel_operation)
        : timer(executor), cancel(std::move(cancel_operation)) {}
    boost::asio::steady_timer timer;
    std::function<void()> cancel;
    uint64_t arming = 0;
    bool expired = false;
  };
  std::shared_ptr<State> state_;
};

}  // namespace postern::smtp
