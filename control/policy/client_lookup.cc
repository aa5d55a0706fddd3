// SPDX-License-Identifier: BSD-3-Clause
//
// The look-up is a coroutine of its own, which shares its state with the object that may die first.
#include "control/policy/client_lookup.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <chrono>
#include <exception>
#include <utility>

#include "control/dns/patient_resolver.h"
#include "control/dns/reverse_lookup.h"

namespace postern::policy {

namespace asio = boost::asio;
using std::chrono::steady_clock;

struct ClientLookup::State {
  State(const asio::any_io_executor& executor, steady_clock::time_point until)
      : ended(executor, steady_clock::time_point::max()), deadline(until) {}
  asio::steady_timer ended;  // cancelled when it has
  const steady_clock::time_point deadline;
  asio::cancellation_signal cancel;
  dns::ReverseLookup found;
  bool running = true;
};

ClientLookup::ClientLookup(asio::any_io_executor executor, JudgeServices& services)
    : executor_(std::move(executor)), services_(services), classes_(services.names) {}

void ClientLookup::begin(const IpAddress& client) {
  cancel();
  classes_ = services_.names;
  state_ = std::make_shared<State>(executor_, steady_clock::now() + services_.options.reverse_time);
  state_->found.detail = "no answer yet";
  asio::co_spawn(executor_, run(state_, services_, client),
                 asio::bind_cancellation_slot(state_->cancel.slot(),
                                              [state = state_](const std::exception_ptr&) {
                                                state->running = false;
                                                state->ended.cancel();
                                              }));
}

void ClientLookup::cancel() {
  if (state_ && state_->running) state_->cancel.emit(asio::cancellation_type::terminal);
  state_ = nullptr;
}

asio::awaitable<void> ClientLookup::run(std::shared_ptr<State> state, JudgeServices& services,
                                        IpAddress client) {
  const auto slot = co_await LookupSlots::take(services.lookup_slots, state->deadline);
  if (!slot) {
    state->found.detail = "too many look-ups at a time";
    co_return;
  }
  dns::PatientResolver resolver(services.resolver, services.silent_zones, state->deadline);
  state->found = co_await dns::look_up_reverse(resolver, client);
}

asio::awaitable<void> ClientLookup::wait() {
  const auto state = state_;
  if (!state || !state->running) co_return;
  boost::system::error_code error;
  co_await state->ended.async_wait(asio::redirect_error(asio::use_awaitable, error));
  // Cancelled, but not by the end of the look-up.
  if (state->running) throw boost::system::system_error(error);
}

ClientNames ClientLookup::names(std::string_view helo) const {
  ClientNames names = client_names(state_ ? state_->found : dns::ReverseLookup{}, classes_.get());
  names.helo = classify_helo(helo, classes_.get());
  return names;
}

}  // namespace postern::policy
