// SPDX-License-Identifier: BSD-3-Clause
//
// Proxy: listens, starts a Session per connection, knows which are there, and ends them in an
// orderly way. At the bounds of sessions, in all and per source, a client gets a 421 at once.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <list>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "control/listen/accept_loop.h"
#include "control/smtp/proxy_header.h"
#include "control/smtp/service.h"
#include "control/smtp/session.h"

namespace postern::smtp {

class Proxy {
 public:
  // All that service refers to outlives this; the loop runs out of work only after drain().
  Proxy(boost::asio::io_context& loop, Service& service);
  ~Proxy();
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  void add(listen::ListeningSocket socket);
  // Begins to accept, and the farm's health to be watched.
  void start();
  // Accepts nothing more. Sessions go on for `patience`, then end when they have no message under
  // way, at the latest after `time`; then done is called, once.
  void drain(std::chrono::milliseconds patience, std::chrono::milliseconds time,
             std::function<void()> done);
  size_t sessions() const noexcept { return sessions_.size(); }

 private:
  // A connection that was accepted, until all is done with it.
  class Connection {
   public:
    explicit Connection(Proxy& proxy) : proxy_(&proxy) { proxy.connections_++; }
    Connection(Connection&& other) noexcept : proxy_(std::exchange(other.proxy_, nullptr)) {}
    Connection& operator=(Connection&&) = delete;
    ~Connection() {
      if (proxy_ != nullptr) proxy_->finished();
    }

   private:
    Proxy* proxy_;
  };

  boost::asio::awaitable<void> serve(boost::asio::ip::tcp::socket socket, Connection connection);
  std::string_view no_room_for(const SessionEnds& ends, const Prefix& source);
  void watch_load();
  boost::asio::awaitable<void> turn_away(boost::asio::ip::tcp::socket socket, Reply reply);
  // From a named load balancer: whose connection it is. False: it does not say so, or too late.
  boost::asio::awaitable<bool> read_proxy_header(boost::asio::ip::tcp::socket& socket,
                                                 SessionEnds& ends);
  void hurry(std::chrono::milliseconds time);
  void finished();
  void finish();

  boost::asio::io_context& loop_;
  Service& service_;
  std::list<listen::AcceptLoop<boost::asio::ip::tcp>> accepting_;
  std::set<Session*> sessions_;
  std::map<Prefix, size_t> per_source_;
  boost::asio::steady_timer drain_timer_;
  std::function<void()> done_;
  uint64_t next_id_ = 1;
  std::shared_ptr<char> turned_away_ = std::make_shared<char>();  // its users are at work
  size_t unnamed_ = 0;  // connections of balancers whose header is to come
  size_t connections_ = 0;
  bool draining_ = false;
  bool hurrying_ = false;
};

}  // namespace postern::smtp
