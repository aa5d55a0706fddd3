// SPDX-License-Identifier: BSD-3-Clause
//
// FilterSession: the filter's side of one connection of the milter protocol, versions 2 to 6, as a
// pure state machine. Bytes of the mail server go in, at any cut; answers come out as bytes, and
// what must be decided elsewhere comes out as events. It has no socket and no clock. One connection
// carries any number of SMTP clients one after the other, and of each any number of messages.
//
//   loop: session.receive(bytes);
//         while (auto event = session.next()) { ... session.answer(...) ... }
//         write(session.take_output());
//
// Limits: a packet has at most kMaxPacket octets, a macro's value kMaxMacro. Input that is not
// consumed yet is bounded by its user, who reads only when next() has nothing more and no answer is
// due. Whatever is no milter protocol ends the session: the mail server then does with its mail
// what it was told to do without us.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "control/milter/forged_results.h"
#include "control/milter/negotiation.h"
#include "control/milter/packet.h"
#include "control/policy/disposition_text.h"
#include "rules/address/address.h"

namespace postern::milter {

struct ConnectEvent {                // a new SMTP client
  std::string host;                  // as the mail server calls it
  std::optional<IpAddress> address;  // nullopt: a Unix socket, or not known
  uint16_t port = 0;
};
struct HeloEvent {  // answer()
  std::string name;
};
// answer(). A message begins; one that was under way has been aborted.
struct MailEvent {
  std::string sender;         // without angle brackets; empty: the null sender
  std::string authenticated;  // {auth_authen}: who logged in; empty: nobody
};
struct RecipientEvent {  // answer(): a refusal is about this recipient only
  std::string recipient;
};
struct HeaderEvent {
  std::string name;   // as the mail server gave it
  std::string field;  // as it was on the wire, with its CRLF
};
struct EndOfHeaderEvent {};  // the empty line. Now is the time for skip_body()
struct BodyEvent {           // a piece, cut anywhere
  std::string bytes;
};
struct EndOfMessageEvent {};  // finish()
struct AbortEvent {};         // the message comes to nothing
struct ClientGoneEvent {};    // another may follow on this connection
struct ClosedEvent {          // nothing more will be read; write the output and close
  std::string_view reason;    // "quit", or what was wrong
};
using Event =
    std::variant<ConnectEvent, HeloEvent, MailEvent, RecipientEvent, HeaderEvent, EndOfHeaderEvent,
                 BodyEvent, EndOfMessageEvent, AbortEvent, ClientGoneEvent, ClosedEvent>;

// How a command is answered. Refusal: the SMTP client hears exactly that.
enum class Verdict : uint8_t { kContinue, kAccept, kTempFail };
using Answer = std::variant<Verdict, policy::Refusal>;

// What is done to a message that is let through.
struct Changes {
  std::vector<FieldPlace> remove;  // in the order of the message
  std::string insert;              // whole fields with their CRLF, to stand on top in this order
  std::optional<std::string> quarantine;  // why; held by the mail server. Needs may_quarantine()
};

class FilterSession {
 public:
  static constexpr size_t kMaxMacro = 512;

  void receive(std::string_view bytes);
  // The next event, if the input makes one. nullopt while an answer is due.
  std::optional<Event> next();

  void answer(const Answer& answer);  // to HeloEvent, MailEvent and RecipientEvent
  void skip_body();                   // this message's body makes no difference
  void progress();                    // while finish() is due: it takes longer
  void finish(const Changes& changes, const Answer& answer);
  // Ends the session from outside. reason must live as long as the program.
  void close(std::string_view reason);

  std::string take_output();
  bool output_waits() const noexcept { return !output_.empty(); }

  bool answer_due() const noexcept { return due_ != Due::kNothing; }
  bool closed() const noexcept { return state_ == State::kClosed; }
  bool in_message() const noexcept { return stage_ != Stage::kNone; }
  const Terms& terms() const noexcept { return terms_; }
  bool exact_fields() const noexcept { return includes(terms_.protocol, Protocol::kLeadingSpace); }
  bool may_quarantine() const noexcept { return includes(terms_.actions, Actions::kQuarantine); }
  // The mail server's name for the message, {i}, and its TLS, as far as they were told.
  const std::string& queue_id() const noexcept { return message_macros_.queue_id; }
  std::string tls_description() const;  // "TLSv1.3 CIPHER"; empty: plain

 private:
  enum class State : uint8_t { kNew, kOpen, kClosed };
  enum class Due : uint8_t { kNothing, kHelo, kMail, kRecipient, kMessage };
  enum class Stage : uint8_t { kNone, kEnvelope, kHeader, kBody };
  struct SessionMacros {
    std::string tls_version, cipher;
  };
  struct MessageMacros {
    std::string queue_id, authenticated;
  };

  void handle(const Packet& packet);
  void handle_negotiation(Cursor data);
  void handle_macros(Cursor data);
  void handle_connect(Cursor data);
  void handle_mail(Cursor data);
  void handle_header(Cursor data);
  void handle_body(std::string_view data);
  void end_message();
  void set_macro(bool of_message, std::string_view name, std::string_view value);
  void reply(Response response) { append_packet(output_, response, {}); }
  void reply_unless(Protocol unanswered);
  void put(const Answer& answer);
  void put_insertions(std::string_view fields);

  State state_ = State::kNew;
  Due due_ = Due::kNothing;
  Stage stage_ = Stage::kNone;
  bool skipping_ = false;
  Terms terms_;
  PacketReader reader_;
  std::deque<Event> waiting_;  // at most what one packet makes
  std::string output_;
  SessionMacros session_macros_;
  MessageMacros message_macros_;
};

}  // namespace postern::milter
