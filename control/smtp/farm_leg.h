// SPDX-License-Identifier: BSD-3-Clause
//
// FarmLeg: one connection to the farm, carried by coroutines around ClientSession. It serves one
// message after another for the same client. Whatever goes wrong with the connection is told as
// "no reply" and an error text; what a client is then told is its user's choice (always a 4xx).
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "control/smtp/client_session.h"
#include "control/smtp/deadline.h"
#include "control/smtp/spool.h"

namespace postern::smtp {

struct FarmOptions {
  std::string host;
  std::string port;
  std::string own_name;  // said in EHLO
  // RFC 5321 §4.5.3.2 asks for at least 5, 5, 2, 3 and 10 minutes.
  std::chrono::milliseconds connect_time{30'000};
  std::chrono::milliseconds reply_time{300'000};  // greeting and commands
  std::chrono::milliseconds block_time{180'000};  // of text to be taken
  std::chrono::milliseconds final_time{600'000};  // the answer to the final dot
};

class FarmLeg {
 public:
  FarmLeg(const boost::asio::any_io_executor& executor, const FarmOptions& options);

  // Connects and says EHLO, or HELO where EHLO is not known. True when commands may follow.
  boost::asio::awaitable<bool> open();
  // nullopt: the connection is lost, error() says why.
  boost::asio::awaitable<std::optional<Reply>> mail(const Sender& sender);
  boost::asio::awaitable<std::optional<Reply>> rcpt(const Recipient& recipient);
  boost::asio::awaitable<std::optional<Reply>> rset();
  // DATA, then `head`, then the spool from its beginning, dots doubled. Returns the reply to the
  // final dot, or to DATA where that was not 354. The final dot is sent only after every byte of
  // the message: a message that cannot be sent whole ends the connection instead.
  boost::asio::awaitable<std::optional<Reply>> send(std::string head, Spool& spool);
  // The same with one BDAT, byte for byte (RFC 3030); only where the farm offers it.
  boost::asio::awaitable<std::optional<Reply>> send_chunk(std::string head, Spool& spool);
  // Says QUIT and does not wait long.
  boost::asio::awaitable<void> quit();

  bool usable() const noexcept { return usable_; }
  const FarmOffer& offer() const noexcept { return session_.offer(); }
  const std::string& error() const noexcept { return error_; }
  void close();

 private:
  boost::asio::awaitable<std::optional<Reply>> command(std::string bytes);
  boost::asio::awaitable<std::optional<Reply>> reply(std::chrono::milliseconds time);
  template <typename Encode>
  boost::asio::awaitable<bool> write_text(std::string wire, Spool& spool, Encode encode);
  boost::asio::awaitable<std::optional<Reply>> answer_to_text(bool taken);
  boost::asio::awaitable<bool> write(std::string_view bytes, std::chrono::milliseconds time);
  void fail(std::string why);

  const FarmOptions& options_;
  boost::asio::ip::tcp::resolver resolver_;
  boost::asio::ip::tcp::socket socket_;
  Deadline deadline_;
  ClientSession session_;
  bool usable_ = false;
  std::string error_;
};

}  // namespace postern::smtp
