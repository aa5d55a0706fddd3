// SPDX-License-Identifier: BSD-3-Clause
//
// FarmSession: our side of a session with the farm (RFC 5321) as a pure state machine: commands
// are asked for and come out as bytes, the farm's bytes go in and come out as replies, one for each
// command, in order. It has no socket and no clock. One command is outstanding at a time. A farm
// that speaks unasked, or does not speak SMTP, is broken, and nothing more is sent to it.
//
// STARTTLS (RFC 3207): what came in plain is never acted on after the handshake. Bytes behind the
// reply to STARTTLS break the session, wherever they are cut; secured() begins with a reader that
// is new, and with nothing offered.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "control/smtp/envelope.h"
#include "control/smtp/forwarded_client.h"
#include "control/smtp/reply.h"

namespace postern::smtp {

// What the farm's answer to EHLO offers (RFC 1869).
struct FarmOffer {
  bool extended = false;  // it took EHLO
  bool eight_bit_mime = false;
  bool enhanced_status_codes = false;
  bool utf8 = false;
  bool chunking = false;
  bool dsn = false;
  size_t recipients = SIZE_MAX;  // per message (RFC 9422 RCPTMAX)
  bool size_known = false;
  uint64_t size = 0;  // octets; 0 where known: no limit that it would name
  bool starttls = false;
  ForwardAttributes xclient = {}, xforward = {};
  bool operator==(const FarmOffer&) const = default;
};

FarmOffer read_offer(const Reply& ehlo_reply);
// What both offer; of limits the smaller one. How they are spoken with (TLS, XCLIENT, XFORWARD)
// is each one's own and not in it.
FarmOffer common_offer(const FarmOffer& a, const FarmOffer& b);

class FarmSession {
 public:
  // The farm speaks first: at the beginning its greeting is outstanding.
  explicit FarmSession(std::string own_name) : own_name_(std::move(own_name)) {}

  // Each returns the bytes to send. Call only when nothing is outstanding.
  // By our own name, or, where the backend was told whose mail we bring, by the client's.
  std::string ehlo(std::string_view client_name = {});
  std::string helo(std::string_view client_name = {});
  // Parameters go along only where the farm offers their extension.
  std::string mail(const Sender& sender);
  std::string rcpt(const Recipient& recipient);
  // After a 354 the text follows, then text_sent().
  std::string data();
  // "BDAT octets LAST": so many octets follow, then text_sent().
  std::string bdat_last(uint64_t octets);
  // The final dot, or the last octet, has been sent by the caller; its reply is outstanding from
  // here on. What came before it, behind the 354 or BDAT, is no answer to the text, and breaks the
  // session; so does a command in the middle of one.
  void text_sent();
  std::string rset();
  std::string quit();
  std::string starttls();
  // The handshake that a 2xx to STARTTLS asks for is done: EHLO comes next.
  void secured();
  // One line of write_xclient() or write_xforward(). After a 2xx to XCLIENT EHLO comes next.
  std::string xclient(std::string line);
  std::string xforward(std::string line);

  void receive(std::string_view bytes);
  // The answer to what is outstanding. nullopt: not there yet, or broken().
  std::optional<Reply> next_reply();
  bool outstanding() const noexcept { return outstanding_ != Command::kNothing; }
  bool broken() const noexcept { return broken_ || reader_.broken(); }
  // What nobody asked for begins as a 421: it has had enough of the session.
  bool dismissed() const noexcept { return reader_.begins_with("421"); }
  // Bytes that nobody asked for have come (a 421 on an idle connection, most often).
  bool spoke_unasked() const noexcept { return !outstanding() && reader_.holds_bytes(); }
  const FarmOffer& offer() const noexcept { return offer_; }

 private:
  enum class Command : uint8_t { kNothing, kGreeting, kEhlo, kStartTls, kXclient, kData, kOther };
  std::string send(Command command, std::string text);
  std::string name_or_own(std::string_view client_name) const;

  std::string own_name_;
  ReplyReader reader_;
  Command outstanding_ = Command::kGreeting;
  FarmOffer offer_;
  bool text_due_ = false;       // until text_sent() no command is said
  bool handshake_due_ = false;  // until secured() nothing is said in plain
  bool broken_ = false;
};

}  // namespace postern::smtp
