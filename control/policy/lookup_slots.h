// SPDX-License-Identifier: BSD-3-Clause
//
// LookupSlots: how many clients' names are looked up at a time, by all sessions of one loop. Who
// finds no slot waits for one until its own deadline; the names are then not known, which may defer
// mail and nothing else.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <list>
#include <memory>

namespace postern::policy {

class LookupSlots {
 public:
  static constexpr size_t kDefaultMost = 1000;
  explicit LookupSlots(size_t most = kDefaultMost) : most_(most) {}

  // Given back when it goes.
  class Slot {
   public:
    Slot() = default;
    explicit Slot(std::shared_ptr<LookupSlots> slots) : slots_(std::move(slots)) {}
    Slot(Slot&&) = default;
    Slot& operator=(Slot&&) = delete;
    ~Slot() {
      if (slots_) slots_->give_back();
    }
    explicit operator bool() const noexcept { return slots_ != nullptr; }

   private:
    std::shared_ptr<LookupSlots> slots_;
  };

  // An empty one when there was none until the deadline. Throws when the awaiting coroutine is
  // cancelled.
  static boost::asio::awaitable<Slot> take(std::shared_ptr<LookupSlots> slots,
                                           std::chrono::steady_clock::time_point deadline);

  size_t taken() const noexcept { return taken_; }
  size_t waiting() const noexcept { return waiting_.size(); }

 private:
  struct Waiting;
  void give_back();

  size_t most_;
  size_t taken_ = 0;  // those that are on their way to who waited included
  std::list<Waiting*> waiting_;
};

}  // namespace postern::policy
