// SPDX-License-Identifier: BSD-3-Clause
//
// Session: one client connection, from accept to close: carries bytes between the socket and
// ServerSession, and answers its events through Transaction and Relay. Notices who speaks before
// the greeting or says a name that only bots say.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "control/policy/client_lookup.h"
#include "control/smtp/backscatter.h"
#include "control/smtp/client_stream.h"
#include "control/smtp/patience.h"
#include "control/smtp/relay.h"
#include "control/smtp/server_session.h"
#include "control/smtp/service.h"
#include "control/smtp/standing.h"
#include "control/smtp/transaction.h"

namespace postern::smtp {

class Session {
 public:
  Session(Service& service, boost::asio::ip::tcp::socket socket, const SessionEnds& ends,
          std::string id);

  // The whole session. The object must live until it returns.
  boost::asio::awaitable<void> run();
  // It has become crowded: what the client is still waited for is cut to what the state allows.
  void hurry();
  // The service ends: 421 as soon as no message is under way.
  void drain();
  // Now.
  void cut();

 private:
  boost::asio::awaitable<bool> greet();
  boost::asio::awaitable<bool> pause(std::chrono::milliseconds time);
  boost::asio::awaitable<void> converse();
  boost::asio::awaitable<void> work_through_input();
  boost::asio::awaitable<bool> flush();
  boost::asio::awaitable<bool> read_more();
  void watch_for_stall();

  boost::asio::awaitable<void> on(HelloEvent event);
  boost::asio::awaitable<void> on(StartTlsEvent event);
  boost::asio::awaitable<void> on(MailEvent event);
  boost::asio::awaitable<void> on(RecipientEvent event);
  boost::asio::awaitable<void> on(DataEvent event);
  boost::asio::awaitable<void> on(TextEvent event);
  boost::asio::awaitable<void> on(EndOfDataEvent event);
  boost::asio::awaitable<void> on(ResetEvent event);
  boost::asio::awaitable<void> on(ClosedEvent event);

  void end_transaction();
  bool is_exempt() const;
  bool wants_names() const;
  // id: of the session or the message, as in the log.
  void note_offence(learning::Offence offence, std::string_view what, std::string_view id);
  // Of manners, as they show in the protocol: after each round of input.
  void watch_manners();
  // nullopt: the recipient may be asked for.
  std::optional<Reply> limit_recipients(std::string_view recipient);
  bool may_try_out() const;               // recipients, as far as we know
  void note_unknown(const Reply& reply);  // where it says that there is no such recipient
  std::optional<Reply> greylist(std::string_view recipient);
  Backscatter::Mail mail_for_backscatter() const;
  // As the engine does it to packets: the session ends without a reply.
  void end_by(const Signature& signature);
  void log() const;

  Service& service_;
  ClientStream stream_;
  const SessionEnds ends_;
  const Prefix source_;  // what is remembered is remembered of this
  const std::string id_;
  ServerSession protocol_;
  Relay relay_;
  policy::ClientLookup names_;  // from the beginning on
  std::optional<Transaction> transaction_;
  // Runs while a backend is held for a client that says nothing, or next to nothing.
  Deadline stall_;
  std::optional<std::chrono::steady_clock::time_point> stall_until_;
  size_t text_since_ = 0;  // octets that came since stall_until_ was set
  std::string helo_;       // as said last
  std::string_view end_ = "lost";
  std::string offence_;
  size_t messages_ = 0;  // MAIL commands
  size_t accepted_ = 0;  // messages that the farm took, and that speak for the client
  size_t errors_seen_ = 0;
  Patience patience_;
  uint64_t lines_seen_ = 0;
  bool text_seen_ = false;  // what was waited for last was text
  bool waiting_for_client_ = false;
  bool draining_ = false;
  bool cut_ = false;
  std::chrono::steady_clock::time_point begun_;
};

}  // namespace postern::smtp
