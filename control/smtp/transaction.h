// SPDX-License-Identifier: BSD-3-Clause
//
// Transaction: one message, from MAIL to the answer to its final dot. While the text comes in it is
// authenticated, freed of forged results and spooled; at its end a policy::MessageJudge decides,
// and its disposition is carried out. At the door for the site's own mail (Outbound) it is signed
// instead, and goes out.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "control/auth/dkim_sign.h"
#include "control/policy/message_judge.h"
#include "control/smtp/header_filter.h"
#include "control/smtp/relay.h"
#include "control/smtp/service.h"
#include "control/smtp/spool.h"

namespace postern::smtp {

// Of the session, as it is when the message comes.
struct ClientFacts {
  IpAddress address;
  uint16_t port = 0;
  std::string helo;
  bool extended = false;
  std::string tls;  // description; empty: plain
  policy::ClientNames names = {};
  bool exempt = false;  // nothing is learned of it
};

class Transaction {
 public:
  Transaction(Service& service, Relay& relay, ClientFacts client, Sender sender, std::string id);

  // What the policy says of a recipient; nullopt: others may be asked.
  std::optional<Reply> refuse_recipient(std::string_view recipient);
  boost::asio::awaitable<Reply> recipient(Recipient recipient);
  // A recipient that is a spamtrap: answered as others are, and never relayed.
  Reply trap();
  // After finish(): one was written to, by somebody whom it counts against.
  bool hit_trap() const noexcept;
  // It has no recipient that the farm has accepted.
  bool only_traps() const noexcept { return traps_ > 0 && envelope_.recipients().empty(); }
  // The answer to DATA or to the first BDAT: 354, or 452 where there is no room.
  Reply begin_text(Framing framing);
  void text(std::string_view bytes);
  // The answer to the end of the text, which came at that time; it has been logged. ends_in_line:
  // see EndOfDataEvent.
  boost::asio::awaitable<Reply> finish(bool ends_in_line,
                                       std::chrono::steady_clock::time_point ended);
  // The text could not be taken; the client was told so.
  void refuse(const Reply& refusal);

  const std::string& id() const noexcept { return id_; }
  const std::string& sender() const noexcept { return sender_.address; }
  // The farm took it, and that speaks for its sender.
  bool speaks_well() const noexcept { return speaks_well_; }

 private:
  boost::asio::awaitable<Reply> send_out();  // in outbound.cc
  boost::asio::awaitable<Reply> carry_out(const policy::Judgement& judgement);
  policy::SessionFacts session_facts() const;
  std::string received_field(int64_t now) const;
  std::string new_fields(const policy::Judgement& judgement) const;
  void remember(const policy::Judgement& judgement, const Reply& reply);
  // What the rule that decided says is to be learned.
  void learn(const policy::SessionFacts& session, const policy::Disposition& disposition);
  void log(const policy::Judgement& judgement, const Reply& reply) const;

  Service& service_;
  Relay& relay_;
  const ClientFacts client_;
  const Sender sender_;
  const std::string id_;
  policy::EnvelopeJudge envelope_;
  size_t traps_ = 0;
  bool automatic_ = false;  // the header says that nobody wrote it
  policy::MessageJudge judge_;
  std::optional<auth::DkimSigner> signer_;
  HeaderFilter filter_;
  Spool spool_;
  TextShape shape_;
  AnswerTime time_;
  bool learned_ = false;  // once is enough
  bool speaks_well_ = false;
  std::chrono::steady_clock::time_point begun_;
};

}  // namespace postern::smtp
