// SPDX-License-Identifier: BSD-3-Clause
//
// AcceptLoop: takes connections from a listening socket and begins to serve each. It does not end
// before it is told to: where a connection cannot be accepted, mostly for want of descriptors, or
// not be served, for want of memory, it says so, pauses, and goes on when sessions have ended.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <string>

#include "control/listen/listening_socket.h"

namespace postern::listen {

// Protocol: tcp or generic::stream_protocol.
template <typename Protocol>
class AcceptLoop {
 public:
  using Socket = typename Protocol::socket;
  using Serve = std::function<boost::asio::awaitable<void>(Socket)>;

  // serve: what is done with a connection; a coroutine of its own for each. What it throws is
  // logged. This outlives the loop's work: after stop() a last handler may be waiting there.
  AcceptLoop(boost::asio::io_context& loop, ListeningSocket socket, Serve serve);

  void start();
  // Accepts nothing more: what waits in the socket is left to whoever else has it.
  void stop();

 private:
  boost::asio::awaitable<void> run();
  std::string accept_some();

  boost::asio::io_context& loop_;
  boost::asio::basic_socket_acceptor<Protocol> acceptor_;
  Serve serve_;
  bool stopped_ = false;
};

extern template class AcceptLoop<boost::asio::ip::tcp>;
extern template class AcceptLoop<boost::asio::generic::stream_protocol>;

}  // namespace postern::listen
