// SPDX-License-Identifier: BSD-3-Clause
//
// ServerSession: the server's side of one SMTP session (RFC 5321) as a pure state machine. Bytes of
// the client go in, at any cut; replies come out as bytes, and what must be decided elsewhere comes
// out as events. It has no socket and no clock, and it decides nothing about mail: who may send
// what to whom, and whether a message is accepted, is answered by its user.
//
//   session.greet(); write(session.take_output());
//   loop: session.receive(bytes);
//         while (auto event = session.next()) { ... session.answer(reply) ... }
//         write(session.take_output());
//
// Limits: lines, errors, recipients, messages and commands without a message are bounded by
// ServerOptions; beyond them the client gets a 4xx or 421. Input that is not consumed yet is
// bounded by its user, who reads only when next() has nothing more and no answer is due.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "control/smtp/command.h"
#include "control/smtp/data_reader.h"
#include "control/smtp/reply.h"

namespace postern::smtp {

struct ServerOptions {
  std::string name;  // ours, in the greeting and in the answer to EHLO
  bool starttls = false;
  size_t max_command_line = 2048;  // octets with the line end; RFC 5321 §4.5.3.1.4 asks for 512
  size_t max_data_line = 65536;    // §4.5.3.1.6 asks for 1000
  BareLineEnds bare_line_ends = BareLineEnds::kRefuse;
  size_t max_recipients = 1000;         // per message; §4.5.3.1.8 asks for 100
  size_t max_refused_recipients = 100;  // per session
  size_t max_messages = 1000;           // per session
  size_t max_errors = 20;               // bad commands per session
  size_t max_idle_commands = 100;       // NOOP, RSET, EHLO, ... between messages
};

// What EHLO offers beyond PIPELINING and LIMITS (RFC 9422): what the farm can do as well.
struct Offer {
  bool eight_bit_mime = false;
  bool enhanced_status_codes = false;
  bool utf8 = false;      // SMTPUTF8
  bool chunking = false;  // BDAT
  bool dsn = false;
  uint64_t size = 0;             // octets, RFC 1870; never 0 here: we always have a limit
  size_t recipients = SIZE_MAX;  // per message, where the farm has a limit (LIMITS RCPTMAX)
  bool operator==(const Offer&) const = default;
};

// HELO or EHLO. Ends any transaction. Answer with answer_hello(), or answer() to refuse.
struct HelloEvent {
  std::string name;
  bool extended = false;  // EHLO
};
// The 220 is in the output: write it, shake hands, then tls_established(). Ends any transaction.
struct StartTlsEvent {};
struct MailEvent {  // answer(): 2xx opens a transaction
  Sender sender;
};
struct RecipientEvent {  // answer(): 2xx adds the recipient
  Recipient recipient;
};
// DATA, or the first BDAT of a message. answer(): 354 begins the text, anything else refuses (the
// octets of a refused BDAT are read and thrown away before the client hears of it).
struct DataEvent {
  Framing framing = Framing::kDots;
};
struct TextEvent {  // message text, dots taken off; no answer
  std::string bytes;
};
// The final dot, or the end of the last chunk. Where refusal is set the message cannot be taken and
// the client has been told so; otherwise answer() is what the client gets. Ends the transaction.
struct EndOfDataEvent {
  std::optional<Reply> refusal = {};
  bool ends_in_line = true;  // false: the text does not end with CRLF, only BDAT can carry it
};
struct ResetEvent {};       // RSET in a transaction; already answered
struct ClosedEvent {        // nothing more will be read; write the output and close
  std::string_view reason;  // "quit", "errors", "commands", "foreign-protocol", ...
};
using Event = std::variant<HelloEvent, StartTlsEvent, MailEvent, RecipientEvent, DataEvent,
                           TextEvent, EndOfDataEvent, ResetEvent, ClosedEvent>;

class ServerSession {
 public:
  explicit ServerSession(ServerOptions options);

  // The first line of a greeting of two ("220-"): who answers it does not read (RFC 5321 §4.2.1).
  void tease();
  void greet();
  void receive(std::string_view bytes);
  // The next event, if the input makes one. nullopt while an answer is due.
  std::optional<Event> next();

  void answer(const Reply& reply);  // to the event that awaits one
  void answer_hello(const Offer& offer);
  void tls_established();
  // Ends the session from outside (a timeout, the end of the service, overload). reason must live
  // as long as the program.
  void close(const Reply& reply, std::string_view reason);

  // The client is waited for: gives back what a burst of input took.
  void release_memory();

  std::string take_output();
  bool output_waits() const noexcept { return !output_.empty(); }
  size_t output_size() const noexcept { return output_.size(); }

  bool answer_due() const noexcept { return due_ != Due::kNothing; }
  bool closed() const noexcept { return state_ == State::kClosed; }
  bool in_data() const noexcept { return state_ == State::kData || state_ == State::kChunk; }
  bool in_transaction() const noexcept { return mail_open_; }
  bool extended() const noexcept { return extended_; }
  bool tls() const noexcept { return tls_; }
  const std::string& hello_name() const noexcept { return hello_name_; }
  size_t recipients() const noexcept { return recipients_; }
  size_t errors() const noexcept { return errors_; }
  // Lines of commands that were taken, bad ones too.
  uint64_t lines() const noexcept { return lines_; }
  // What was followed by input that cannot have been sent after the answer was read, so that the
  // client does not wait for its turn (RFC 2920 §3.1): "EHLO", "DATA"; empty: nothing. Depends on
  // how the bytes came; a client that keeps the rules is never noticed.
  std::string_view spoke_out_of_turn() const noexcept { return out_of_turn_; }

 private:
  enum class State : uint8_t { kSilent, kCommand, kData, kChunk, kTls, kClosed };
  enum class Due : uint8_t { kNothing, kHello, kMail, kRecipient, kData, kEndOfData };

  std::optional<std::string> take_line(bool& bare_line_end);
  std::optional<Event> next_in_data();
  std::optional<Event> next_in_chunk();
  std::optional<Event> end_of_text();
  TextEvent take_text(std::string_view fresh);
  std::optional<Event> handle(std::string_view line);
  std::optional<Event> handle_mail(Sender sender);
  std::string_view parameter_not_offered(const Sender& sender) const;
  std::optional<Event> handle_recipient(Recipient recipient);
  std::optional<Event> handle_data();
  std::optional<Event> handle_chunk(const Chunk& chunk);
  std::optional<Event> handle_starttls();
  std::nullopt_t error(int code, std::string_view enhanced, std::string_view text);
  bool input_waits() const noexcept { return taken_ != input_.size(); }
  void count_error();
  size_t max_recipients() const noexcept {
    return offer_.recipients < options_.max_recipients ? offer_.recipients
                                                       : options_.max_recipients;
  }
  bool too_many_idle_commands();  // then it has closed the session
  void put(const Reply& reply) { output_ += reply.wire(); }
  void end_transaction();

  ServerOptions options_;
  Offer offer_;
  State state_ = State::kSilent;
  Due due_ = Due::kNothing;
  std::string input_;
  size_t taken_ = 0;  // bytes of input_ that are done with
  std::string output_;
  std::string_view close_reason_;
  bool close_reported_ = false;
  bool overlong_ = false;  // the rest of a line that was too long is being skipped

  std::string hello_name_;
  std::string offered_name_;  // awaiting the answer
  bool extended_ = false;
  bool offered_extended_ = false;
  bool tls_ = false;
  bool mail_open_ = false;
  bool utf8_mail_ = false;  // MAIL said SMTPUTF8
  size_t recipients_ = 0;
  size_t excess_recipients_ = 0;

  std::optional<DataReader> data_;  // from the first octet of the text to its last
  uint64_t data_size_ = 0;
  Chunk chunk_;                         // octets: those that are still to come
  uint64_t chunk_size_ = 0;             // as BDAT said it
  std::optional<Reply> chunk_refusal_;  // said when the chunk has been read; its text is nobody's
  bool chunks_refused_ = false;         // an earlier chunk of this message was

  std::string_view out_of_turn_;
  uint64_t lines_ = 0;
  size_t errors_ = 0;
  size_t refused_recipients_ = 0;
  size_t messages_ = 0;
  size_t idle_commands_ = 0;
};

}  // namespace postern::smtp
