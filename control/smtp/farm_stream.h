// SPDX-License-Identifier: BSD-3-Clause
//
// FarmStream: a connection to a backend, plain at first and TLS from secure() on, with a time limit
// on every operation. What fails closes it; error() says why. No byte is read ahead in plain: what
// the kernel holds when secure() begins goes to the handshake and never to SMTP.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control/dns/host_lookup.h"
#include "control/smtp/deadline.h"
#include "control/smtp/farm_tls.h"

namespace postern::smtp {

class FarmStream {
 public:
  explicit FarmStream(const boost::asio::any_io_executor& executor);
  ~FarmStream() { end_tls(); }
  FarmStream(const FarmStream&) = delete;
  FarmStream& operator=(const FarmStream&) = delete;

  // The addresses of a host, at most kMaxAddresses; none: error() says why.
  static constexpr size_t kMaxAddresses = 8;
  boost::asio::awaitable<std::vector<boost::asio::ip::tcp::endpoint>> resolve(
      std::string host, std::string port, std::chrono::milliseconds time);
  // Anew, in plain, whatever was before. Each of these: true when it was done.
  boost::asio::awaitable<bool> connect(boost::asio::ip::tcp::endpoint endpoint,
                                       std::chrono::milliseconds time);
  boost::asio::awaitable<bool> secure(FarmTls& tls, const Backend& backend, TlsSessionSlot& slot,
                                      std::chrono::milliseconds time);
  boost::asio::awaitable<bool> write(std::string_view bytes, std::chrono::milliseconds time);
  // How many octets came; 0: none will.
  boost::asio::awaitable<size_t> read(std::span<char> buffer, std::chrono::milliseconds time);

  // True while the other side has neither said anything nor closed, as it should be with a
  // connection that waits to be used, and before the last octets of a text. What it said is still
  // there to be read. Not while anything else is under way here.
  bool quiet();
  bool is_open() const { return socket_.is_open(); }
  bool timed_out() const noexcept { return deadline_.expired(); }
  bool is_tls() const noexcept { return tls_.has_value(); }
  bool tls_resumed();
  const std::string& error() const noexcept { return error_; }
  void close();

 private:
  void end_tls();
  bool check(const boost::system::error_code& error, std::string_view late);

  dns::HostLookUp look_up_;
  boost::asio::ip::tcp::socket socket_;
  std::optional<boost::asio::ssl::stream<boost::asio::ip::tcp::socket&>> tls_;
  Deadline deadline_;
  std::optional<char> ahead_;  // what quiet() took from TLS
  std::string error_;
};

}  // namespace postern::smtp
