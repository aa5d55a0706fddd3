// SPDX-License-Identifier: BSD-3-Clause
//
// Milter: listens for mail servers, runs a Session per connection, knows which are there, and ends
// them in an orderly way. Beyond the bound of sessions a connection is closed at once; what becomes
// of mail then is the mail server's setting (Postfix's milter_default_action, Sendmail's F=T).
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <set>
#include <utility>

#include "control/listen/accept_loop.h"
#include "control/milter/service.h"
#include "control/milter/session.h"

namespace postern::milter {

class Milter {
 public:
  // All that service refers to outlives this; the loop runs out of work only after drain().
  Milter(boost::asio::io_context& loop, Service& service);
  Milter(const Milter&) = delete;
  Milter& operator=(const Milter&) = delete;

  void add(listen::ListeningSocket socket);
  void start();
  // Accepts nothing more. Sessions end when they have no message under way, at the latest after
  // `time`; then done is called, once.
  void drain(std::chrono::milliseconds time, std::function<void()> done);
  size_t sessions() const noexcept { return sessions_.size(); }

 private:
  // A connection that was accepted, until all is done with it.
  class Connection {
   public:
    explicit Connection(Milter& milter) : milter_(&milter) { milter.connections_++; }
    Connection(Connection&& other) noexcept : milter_(std::exchange(other.milter_, nullptr)) {}
    Connection& operator=(Connection&&) = delete;
    ~Connection() {
      if (milter_ != nullptr) milter_->finished();
    }

   private:
    Milter* milter_;
  };

  boost::asio::awaitable<void> serve(Session::Socket socket, Connection connection);
  void finished();
  void finish();

  boost::asio::io_context& loop_;
  Service& service_;
  std::list<listen::AcceptLoop<boost::asio::generic::stream_protocol>> accepting_;
  std::set<Session*> sessions_;
  boost::asio::steady_timer drain_timer_;
  std::function<void()> done_;
  uint64_t next_id_ = 1;
  size_t connections_ = 0;
  bool draining_ = false;
};

}  // namespace postern::milter
