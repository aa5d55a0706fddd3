// SPDX-License-Identifier: BSD-3-Clause
//
// Relay: the farm's side of one client session. A backend is taken at the first recipient, kept for
// later messages, and given back when the client stalls; then, or when the connection is lost
// before any of the text was sent, MAIL and the recipients that were accepted are said again, to
// whichever backend there is. Where an answer then differs from what the client was told, the
// client gets 451 for the message and nothing of it is delivered. Its replies are those that the
// client gets: the farm's own, with code and text, or a 451 of ours where the farm cannot be asked.
// A 421 of the farm concerns our connection and reaches the client as 451.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/smtp/answer_time.h"
#include "control/smtp/farm.h"
#include "control/smtp/farm_leg.h"
#include "control/smtp/service.h"

namespace postern::smtp {

class Relay {
 public:
  explicit Relay(Service& service) : service_(service) {}

  // Whose messages follow, for backends that are told.
  void client_is(ForwardedClient client) { client_ = std::move(client); }
  // RCPT, after MAIL where this is the first one of the message.
  boost::asio::awaitable<Reply> recipient(const Sender& sender, const Recipient& recipient);
  // The message: head, then what is in the spool. 2xx only when the farm said so. The answer is
  // there in time; a 451 for want of it leaves the farm without the end of the text, unless only
  // its own answer is missing.
  boost::asio::awaitable<Reply> deliver(std::string head, Spool& spool, TextShape shape,
                                        AnswerTime time);
  // The message comes to nothing.
  void reset();
  // The client stalls, or is gone: others may have the backend. Not while anything of this is
  // awaited.
  void release();
  bool holds_leg() const noexcept { return leg_ != nullptr; }
  void close();

 private:
  boost::asio::awaitable<Reply> begin();
  boost::asio::awaitable<std::optional<Reply>> replay();
  boost::asio::awaitable<Reply> deliver_now(std::string head, Spool& spool, TextShape shape);
  boost::asio::awaitable<bool> take_up();
  void lose();

  Service& service_;
  ForwardedClient client_;
  std::unique_ptr<FarmLeg> leg_;
  Sender sender_;
  std::vector<Recipient> accepted_;  // as the client was told
  bool open_ = false;                // leg_ has MAIL and all of accepted_
  bool differs_ = false;             // it would not accept all of them again
  Farm::Retry retry_;                // what failed for this message
  AnswerTime time_;                  // of the end of the text, once that is there
  std::optional<Reply> refusal_;     // every further recipient of the message hears it
  bool closed_ = false;
};

}  // namespace postern::smtp
