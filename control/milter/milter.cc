// SPDX-License-Identifier: BSD-3-Clause
//
// Accepting pauses when descriptors run out, and goes on when sessions have ended.
#include "control/milter/milter.h"

#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <ctime>
#include <exception>
#include <utility>

#include "control/policy/log_text.h"

namespace postern::milter {

namespace asio = boost::asio;
using boost::system::error_code;
using policy::log_value;

namespace {

constexpr std::chrono::milliseconds kAcceptPause{100};

}  // namespace

Milter::Milter(asio::io_context& loop, Service& service)
    : loop_(loop), service_(service), drain_timer_(loop) {}

void Milter::add(std::unique_ptr<Listener> listener) {
  listeners_.push_back(std::move(listener));
}

void Milter::start() {
  for (auto& listener : listeners_) asio::co_spawn(loop_, accept(*listener), asio::detached);
}

asio::awaitable<void> Milter::accept(Listener& listener) {
  asio::steady_timer pause(loop_);
  while (!draining_) {
    error_code error;
    auto socket =
        co_await listener.acceptor().async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (draining_) co_return;
    if (error) {
      if (error != asio::error::connection_aborted) {
        spdlog::error("accept error={}", log_value(error.message()));
        pause.expires_after(kAcceptPause);
        co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
      }
      continue;
    }
    if (sessions_.size() >= service_.options.max_sessions) {
      spdlog::warn("milter end=too-many-sessions");
      continue;
    }
    asio::co_spawn(loop_, serve(std::move(socket)), [](const std::exception_ptr& thrown) {
      if (!thrown) return;
      try {
        std::rethrow_exception(thrown);
      } catch (const std::exception& e) {
        spdlog::error("session failed error={}", log_value(e.what()));
      }
    });
  }
}

asio::awaitable<void> Milter::serve(Session::Socket socket) {
  Session session(service_, std::move(socket),
                  fmt::format("m{:x}-{:x}", std::time(nullptr), next_id_++));
  // Leaves the books in order even where the session ends by an exception.
  struct Entry {
    Milter& milter;
    Session* session;
    Entry(Milter& m, Session* s) : milter(m), session(s) { milter.sessions_.insert(session); }
    ~Entry() {
      milter.sessions_.erase(session);
      milter.finished();
    }
  } entry(*this, &session);
  co_await session.run();
}

void Milter::drain(std::chrono::milliseconds time, std::function<void()> done) {
  draining_ = true;
  done_ = std::move(done);
  for (auto& listener : listeners_) listener->close();
  for (Session* session : sessions_) session->drain();
  drain_timer_.expires_after(time);
  drain_timer_.async_wait([this](const error_code& error) {
    if (error) return;
    for (Session* session : sessions_) session->cut();
  });
  finished();
}

void Milter::finished() {
  if (!draining_ || !sessions_.empty() || !done_) return;
  drain_timer_.cancel();
  std::exchange(done_, nullptr)();
}

}  // namespace postern::milter
