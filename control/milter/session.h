// SPDX-License-Identifier: BSD-3-Clause
//
// Session: one connection of a mail server, from accept to close: carries bytes between the socket
// and FilterSession, and answers its events. The judge is the SMTP proxy's (control/policy), so
// the same mail meets the same fate at either door. The site's own mail, which are authenticated
// submissions and what comes from its own networks, is not judged: it loses forged results, and is
// signed where there is a key.
#pragma once

#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "control/milter/filter_session.h"
#include "control/milter/service.h"
#include "control/policy/message_judge.h"

namespace postern::milter {

class Session {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;

  Session(Service& service, Socket socket, std::string id);

  // The whole session. The object must live until it returns.
  boost::asio::awaitable<void> run();
  // The service ends: now where no message is under way, else after it.
  void drain();
  // Now.
  void cut();

 private:
  struct Client {
    std::optional<IpAddress> address;
    uint16_t port = 0;
    std::string helo;
    bool offended = false;  // noted once
  };
  struct Message {
    Message(policy::JudgeServices& judging, MailEvent event);
    MailEvent mail;
    policy::MessageJudge judge;
    policy::EnvelopeJudge envelope;
    std::optional<auth::DkimSigner> signer;  // of the site's own mail
    ForgedResults forged;
    std::string queue_id;
    size_t recipients = 0;  // that were not refused here
    uint64_t size = 0;
    std::chrono::steady_clock::time_point begun;
  };

  struct Judging {
    bool reachable = true;  // the mail server
    std::optional<policy::Judgement> judgement;
  };

  boost::asio::awaitable<bool> work_through_input();
  boost::asio::awaitable<bool> flush();
  boost::asio::awaitable<bool> read_more();

  void on(const ConnectEvent& event);
  void on(const HeloEvent& event);
  void on(MailEvent event);
  void on(RecipientEvent event);
  void on(const HeaderEvent& event);
  void on(const EndOfHeaderEvent& event);
  void on(const BodyEvent& event);
  void on(const AbortEvent& event);
  void on(const ClientGoneEvent& event);
  void on(const ClosedEvent& event);
  boost::asio::awaitable<bool> end_message();

  // judgement is empty where it failed, or where the mail server is lost.
  boost::asio::awaitable<Judging> judge();
  void carry_out(const policy::Judgement& judgement);
  bool is_own_mail() const;
  void let_own_mail_by();
  void refuse(const policy::Judgement& judgement, const policy::Refusal& refusal);
  std::optional<policy::Refusal> refusal_of_recipient(const std::string& recipient);
  // Who says a name that only bots say, and has not logged in, is told so at MAIL.
  std::optional<policy::Refusal> refusal_of_helo();
  void note_offence(const Signature* signature);
  std::string message_id() const;
  policy::SessionFacts session_facts() const;
  void log_message(const policy::Judgement& judgement, std::string_view reply) const;
  void log() const;

  Service& service_;
  Socket socket_;
  const std::string id_;
  FilterSession protocol_;
  Client client_;
  std::optional<Message> message_;
  std::array<char, 16384> buffer_;
  std::string_view end_ = "lost";
  size_t clients_ = 0;
  size_t messages_ = 0;
  bool waiting_for_server_ = false;
  bool draining_ = false;
  std::chrono::steady_clock::time_point begun_;
};

}  // namespace postern::milter
