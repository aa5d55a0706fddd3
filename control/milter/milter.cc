// SPDX-License-Identifier: BSD-3-Clause
//
// Who is let in, and how it ends.
#include "control/milter/milter.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <ctime>
#include <utility>

namespace postern::milter {

namespace asio = boost::asio;
using boost::system::error_code;

Milter::Milter(asio::io_context& loop, Service& service)
    : loop_(loop), service_(service), drain_timer_(loop) {}

void Milter::add(listen::ListeningSocket socket) {
  accepting_.emplace_back(loop_, std::move(socket), [this](Session::Socket server) {
    return serve(std::move(server), Connection(*this));
  });
}

void Milter::start() {
  for (auto& accepting : accepting_) accepting.start();
}

asio::awaitable<void> Milter::serve(Session::Socket socket, Connection) {
  if (sessions_.size() >= service_.options.max_sessions) {
    spdlog::warn("milter end=too-many-sessions");
    co_return;
  }
  Session session(service_, std::move(socket),
                  fmt::format("m{:x}-{:x}-{:x}", std::time(nullptr), ::getpid(), next_id_++));
  // Leaves the books in order even where the session ends by an exception.
  struct Entry {
    Milter& milter;
    Session* session;
    Entry(Milter& m, Session* s) : milter(m), session(s) { milter.sessions_.insert(session); }
    ~Entry() { milter.sessions_.erase(session); }
  } entry(*this, &session);
  if (draining_) session.drain();
  co_await session.run();
}

void Milter::drain(std::chrono::milliseconds time, std::function<void()> done) {
  draining_ = true;
  done_ = std::move(done);
  for (auto& accepting : accepting_) accepting.stop();
  for (Session* session : sessions_) session->drain();
  drain_timer_.expires_after(time);
  drain_timer_.async_wait([this](const error_code& error) {
    if (error) return;
    for (Session* session : sessions_) session->cut();
  });
  if (connections_ == 0) finish();
}

void Milter::finished() {
  connections_--;
  if (draining_ && connections_ == 0) finish();
}

void Milter::finish() {
  if (!done_) return;
  drain_timer_.cancel();
  std::exchange(done_, nullptr)();
}

}  // namespace postern::milter
