// SPDX-License-Identifier: BSD-3-Clause
//
// The look-up races a timer, and the one that loses is cancelled (control/dns/patient_resolver.h).
#include "control/dns/patient_resolver.h"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <ctime>
#include <utility>
#include <variant>

namespace postern::dns {

namespace asio = boost::asio;
using std::chrono::steady_clock;

asio::awaitable<Answer> PatientResolver::query(std::string name, RecordType type) {
  using namespace asio::experimental::awaitable_operators;
  Answer answer;
  answer.origin = Origin::kNotAsked;
  answer.detail = "no time was left to ask";
  const auto begun = steady_clock::now();
  if (begun < deadline_) {
    asio::steady_timer timer(co_await asio::this_coro::executor, deadline_);
    auto first = co_await (resolver_.query(name, type) || timer.async_wait(asio::use_awaitable));
    if (first.index() == 0) {
      answer = std::get<0>(std::move(first));
    } else {
      answer.origin = Origin::kReached;
      answer.detail = "no answer within the time that there was";
    }
    note(answer, name, type,
         first.index() == 0 ? steady_clock::duration::max() : steady_clock::now() - begun);
  }
  co_return answer;
}

// waited: for an answer that did not come; one that did come is always worth noting.
void PatientResolver::note(Answer& answer, const std::string& name, RecordType type,
                           steady_clock::duration waited) {
  if (zones_ == nullptr || answer.origin == Origin::kNotAsked) return;
  if (answer.status != Status::kFailed)
    zones_->note_answer(name, type, std::time(nullptr), answer.origin);
  else if (waited >= zones_->fair_wait())
    answer.given_up = zones_->note_failure(name, type, std::time(nullptr));
}

}  // namespace postern::dns
