// SPDX-License-Identifier: BSD-3-Clause
//
// Relay: the farm's side of one client session. The connection is made at the first recipient, kept
// for later messages, and made anew where it went stale in between. Its replies are those that the
// client gets: the farm's own, with code and text, or a 451 of ours where the farm cannot be asked.
// A 421 of the farm concerns our connection and reaches the client as 451.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <string>

#include "control/smtp/farm_leg.h"
#include "control/smtp/service.h"

namespace postern::smtp {

class Relay {
 public:
  Relay(const boost::asio::any_io_executor& executor, Service& service)
      : executor_(executor), service_(service) {}

  // RCPT, after MAIL where this is the first one of the message.
  boost::asio::awaitable<Reply> recipient(const Sender& sender, const Recipient& recipient);
  // The message: head, then what is in the spool. 2xx only when the farm said so.
  boost::asio::awaitable<Reply> deliver(std::string head, Spool& spool, TextShape shape);
  // The message comes to nothing.
  void reset();
  boost::asio::awaitable<void> end();
  void close();

 private:
  boost::asio::awaitable<Reply> begin(const Sender& sender);
  boost::asio::awaitable<std::optional<Reply>> reuse(const Sender& sender);
  Reply unavailable();

  boost::asio::any_io_executor executor_;
  Service& service_;
  std::unique_ptr<FarmLeg> leg_;
  bool mail_open_ = false;        // MAIL of this message was accepted
  bool needs_reset_ = false;      // the farm still has an earlier message open
  std::optional<Reply> refusal_;  // of MAIL: every recipient hears it
};

}  // namespace postern::smtp
