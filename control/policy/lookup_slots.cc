// SPDX-License-Identifier: BSD-3-Clause
//
// A slot that is given back goes to who has waited longest, without being free in between.
#include "control/policy/lookup_slots.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <utility>

namespace postern::policy {

namespace asio = boost::asio;

struct LookupSlots::Waiting {
  Waiting(const std::shared_ptr<LookupSlots>& from, const asio::any_io_executor& executor,
          std::chrono::steady_clock::time_point deadline)
      : slots(from), timer(executor, deadline) {
    slots->waiting_.push_back(this);
  }
  ~Waiting() {
    slots->waiting_.remove(this);
    // It was given one, and is gone.
    if (has_slot) slots->give_back();
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

  std::shared_ptr<LookupSlots> slots;
  asio::steady_timer timer;
  bool has_slot = false;
};

asio::awaitable<LookupSlots::Slot> LookupSlots::take(
    std::shared_ptr<LookupSlots> slots, std::chrono::steady_clock::time_point deadline) {
  if (slots->taken_ < slots->most_) {
    slots->taken_++;
    co_return Slot(std::move(slots));
  }
  Waiting waiting(slots, co_await asio::this_coro::executor, deadline);
  boost::system::error_code error;
  co_await waiting.timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
  if (std::exchange(waiting.has_slot, false)) co_return Slot(std::move(slots));
  if (error) throw boost::system::system_error(error);
  co_return Slot();
}

void LookupSlots::give_back() {
  if (waiting_.empty()) {
    taken_--;
    return;
  }
  Waiting* next = waiting_.front();
  waiting_.pop_front();
  next->has_slot = true;
  next->timer.cancel();
}

}  // namespace postern::policy
