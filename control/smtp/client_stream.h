// SPDX-License-Identifier: BSD-3-Clause
//
// ClientStream: the connection of a client, plain at first and TLS from secure() on, with a time
// limit on every operation. No byte is read ahead: what the kernel holds when secure() begins goes
// to the handshake and never to SMTP.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "control/smtp/deadline.h"

namespace postern::smtp {

class ClientStream {
 public:
  enum class Outcome {
    kDone,
    kTimeout,
    kLost
  };  // kLost: the other side is gone, or cut() was called

  explicit ClientStream(boost::asio::ip::tcp::socket socket);

  boost::asio::any_io_executor executor() { return socket_.get_executor(); }

  struct Read {
    Outcome outcome;
    size_t count;
  };
  boost::asio::awaitable<Read> read(std::span<char> buffer, std::chrono::milliseconds time);
  boost::asio::awaitable<Outcome> write(std::string_view bytes, std::chrono::milliseconds time);
  // Waits until there is something to read (or the other side closed); kTimeout when there is not.
  boost::asio::awaitable<Outcome> wait_readable(std::chrono::milliseconds time);
  // TLS handshake as the server.
  boost::asio::awaitable<Outcome> secure(boost::asio::ssl::context& context,
                                         std::chrono::milliseconds time);
  // Sends FIN and reads on for a short while, so that the kernel does not answer late input with an
  // RST that would take our last reply away from the client.
  boost::asio::awaitable<void> linger(std::chrono::milliseconds time);

  // "TLSv1.3 TLS_AES_256_GCM_SHA384"; empty in plain.
  std::string tls_description() const;
  // Ends a read that is under way as kLost; later operations work.
  void interrupt();
  void close();
  // The same with an RST, so that the other side learns of it at once, and loses what is on its
  // way.
  void abort();

 private:
  Outcome outcome_of(const boost::system::error_code& error) const;

  boost::asio::ip::tcp::socket socket_;
  std::optional<boost::asio::ssl::stream<boost::asio::ip::tcp::socket&>> tls_;
  Deadline deadline_;
};

}  // namespace postern::smtp
