// SPDX-License-Identifier: BSD-3-Clause
//
// ClientStream: the connection of a client, plain at first and TLS from secure() on, with a time
// limit on every operation. No byte is read ahead: what the kernel holds when secure() begins goes
// to the handshake and never to SMTP. Nothing is held for a client that is waited for: a buffer to
// read into is touched only when there is something to put there, and may be anybody's until then.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "control/smtp/deadline.h"
#include "control/smtp/tls_server.h"

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
  // What is put into the buffer is put there just before this returns: it is the caller's until
  // its next co_await.
  boost::asio::awaitable<Read> read(std::span<char> buffer, std::chrono::milliseconds time);
  boost::asio::awaitable<Outcome> write(std::string_view bytes, std::chrono::milliseconds time);
  // Waits until there is something to read (or the other side closed); kTimeout when there is not.
  boost::asio::awaitable<Outcome> wait_readable(std::chrono::milliseconds time);
  // TLS handshake as the server.
  boost::asio::awaitable<Outcome> secure(std::shared_ptr<const TlsServer> server,
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
  // What stands in the way of an operation.
  enum class Block { kNothing, kRead, kWrite, kEnd };
  Block block_of(int ssl_result) const;
  Block try_read(std::span<char> buffer, size_t& count);
  Block try_receive(std::span<char> buffer, size_t& count);  // past TLS
  Block try_write(std::string_view bytes, size_t& count);
  boost::asio::awaitable<boost::system::error_code> wait(Block block);
  Outcome outcome_of(const boost::system::error_code& error) const;

  boost::asio::ip::tcp::socket socket_;
  std::shared_ptr<const TlsServer> server_;  // outlives tls_
  UniqueSsl tls_;
  Deadline deadline_;
};

}  // namespace postern::smtp
