// SPDX-License-Identifier: BSD-3-Clause
//
// next() works through the input until something has to be decided elsewhere. The order of states:
// silent until greet(), commands and text in turn, TLS in between at most once, closed for good.
#include "control/smtp/server_session.h"

#include <algorithm>
#include <utility>

namespace postern::smtp {

namespace {

// A chunk that cannot be taken is read to its end, so that the next command is found, unless it is
// larger than this and than twice what a message may have: then the session ends.
constexpr uint64_t kMostToThrowAway = 1u << 20;

}  // namespace

ServerSession::ServerSession(ServerOptions options) : options_(std::move(options)) {}

void ServerSession::tease() {
  output_ += "220-" + options_.name + " ESMTP Postern\r\n";
}

void ServerSession::greet() {
  put(make_reply(220, "", options_.name + " ESMTP Postern"));
  state_ = State::kCommand;
}

void ServerSession::receive(std::string_view bytes) {
  // What comes in plain while TLS is being agreed upon, or behind the end, is nobody's command.
  if (state_ == State::kTls || state_ == State::kClosed) return;
  input_.erase(0, taken_);
  taken_ = 0;
  input_ += bytes;
}

void ServerSession::release_memory() {
  constexpr size_t kWorthIt = 1024;
  input_.erase(0, std::exchange(taken_, 0));
  if (input_.capacity() > kWorthIt && input_.size() < input_.capacity() / 2) input_.shrink_to_fit();
}

std::string ServerSession::take_output() {
  return std::exchange(output_, {});
}

std::optional<Event> ServerSession::next() {
  while (due_ == Due::kNothing) {
    if (state_ == State::kClosed && !std::exchange(close_reported_, true))
      return ClosedEvent{.reason = close_reason_};
    if (state_ == State::kData) return next_in_data();
    if (state_ == State::kChunk) {
      if (auto event = next_in_chunk()) return event;
      if (state_ == State::kChunk) return std::nullopt;  // the rest is still to come
      continue;
    }
    if (state_ != State::kCommand) return std::nullopt;
    bool bare_line_end = false;
    const auto line = take_line(bare_line_end);
    if (!line) return std::nullopt;
    if (std::exchange(overlong_, false)) {
      error(500, "5.5.2", "line too long");
    } else if (bare_line_end) {
      error(500, "5.5.2", "end lines with CR LF (RFC 5321 section 2.3.8)");
    } else if (auto event = handle(*line)) {
      return event;
    }
  }
  return std::nullopt;
}

// The next line without its end. A bare LF ends one too, so that a client who sends nothing else
// hears of it instead of waiting; such a line is never acted on.
std::optional<std::string> ServerSession::take_line(bool& bare_line_end) {
  const size_t end = input_.find('\n', taken_);
  const size_t length = (end == std::string::npos ? input_.size() : end + 1) - taken_;
  if (length > options_.max_command_line) overlong_ = true;
  if (end == std::string::npos) {
    // A part of a line that is too long already: forget it, and remember that.
    if (overlong_) taken_ = input_.size();
    return std::nullopt;
  }
  std::string_view line(input_.data() + taken_, end - taken_);
  taken_ = end + 1;
  lines_++;
  if (overlong_) return std::string();
  if (line.ends_with('\r'))
    line.remove_suffix(1);
  else
    bare_line_end = true;
  if (line.find('\r') != std::string_view::npos) bare_line_end = true;
  return std::string(line);
}

TextEvent ServerSession::take_text(std::string_view fresh) {
  TextEvent text;
  taken_ += data_->consume(fresh, text.bytes);
  return text;
}

std::optional<Event> ServerSession::next_in_data() {
  if (!data_->done()) {
    TextEvent text = take_text(std::string_view(input_).substr(taken_));
    data_size_ += text.bytes.size();
    if (!text.bytes.empty() && data_size_ <= offer_.size) return text;
    if (!data_->done()) return std::nullopt;
  }
  return end_of_text();
}

// nullopt with state kCommand: the chunk has been answered.
std::optional<Event> ServerSession::next_in_chunk() {
  const auto fresh = std::string_view(input_).substr(taken_);
  const auto piece =
      fresh.substr(0, static_cast<size_t>(std::min<uint64_t>(chunk_.octets, fresh.size())));
  chunk_.octets -= piece.size();
  if (chunk_refusal_) {
    taken_ += piece.size();
  } else if (!piece.empty()) {
    TextEvent text = take_text(piece);
    data_size_ += text.bytes.size();
    if (!text.bytes.empty() && data_size_ <= offer_.size) return text;
  }
  if (chunk_.octets > 0) return std::nullopt;
  state_ = State::kCommand;
  if (chunk_refusal_) {
    put(*std::exchange(chunk_refusal_, std::nullopt));
    return std::nullopt;
  }
  if (!chunk_.last) {
    put(make_reply(250, "2.0.0", std::to_string(chunk_size_) + " octets"));
    return std::nullopt;
  }
  TextEvent rest;
  data_->finish(rest.bytes);
  if (rest.bytes.empty()) return end_of_text();
  // A last octet that stood alone; the end of the text comes with the next call.
  data_size_ += rest.bytes.size();
  state_ = State::kData;
  return rest;
}

std::optional<Event> ServerSession::end_of_text() {
  EndOfDataEvent end{.refusal = std::nullopt, .ends_in_line = data_->ends_in_line()};
  if (data_->bare_line_end() && options_.bare_line_ends == BareLineEnds::kRefuse) {
    end.refusal =
        make_reply(550, "5.5.2", "message holds a bare CR or LF (RFC 5321 section 2.3.8)");
  } else if (data_->line_too_long()) {
    end.refusal = make_reply(
        550, "5.6.0",
        "message holds a line of more than " + std::to_string(options_.max_data_line) + " octets");
  } else if (data_size_ > offer_.size) {
    end.refusal =
        make_reply(552, "5.3.4", "message larger than " + std::to_string(offer_.size) + " octets");
  }
  state_ = State::kCommand;
  messages_++;
  if (end.refusal) {
    put(*end.refusal);
    end_transaction();
  } else {
    data_.reset();
    due_ = Due::kEndOfData;
  }
  return end;
}

std::optional<Event> ServerSession::handle(std::string_view line) {
  auto [command, bad] = parse_command(line);
  if (command.verb == Verb::kForeign) {
    close(make_reply(421, "4.7.0", "this is SMTP"), "foreign-protocol");
    return std::nullopt;
  }
  if (bad && command.verb == Verb::kBdat) {
    // How many octets of text follow is not known: the next command cannot be found any more.
    close(make_reply(bad->code, bad->enhanced, bad->text), "bdat");
    return std::nullopt;
  }
  if (bad) return error(bad->code, bad->enhanced, bad->text);
  switch (command.verb) {
    case Verb::kHelo:
    case Verb::kEhlo:
      if (too_many_idle_commands()) return std::nullopt;
      offered_name_ = std::move(command.name);
      offered_extended_ = command.verb == Verb::kEhlo;
      if (input_waits()) out_of_turn_ = offered_extended_ ? "EHLO" : "HELO";
      end_transaction();
      due_ = Due::kHello;
      return HelloEvent{.name = offered_name_, .extended = offered_extended_};
    case Verb::kStartTls:
      return handle_starttls();
    case Verb::kMail:
      return handle_mail(std::move(command.sender));
    case Verb::kRcpt:
      return handle_recipient(std::move(command.recipient));
    case Verb::kData:
      return handle_data();
    case Verb::kBdat:
      return handle_chunk(command.chunk);
    case Verb::kRset: {
      if (too_many_idle_commands()) return std::nullopt;
      put(make_reply(250, "2.0.0", "forgotten"));
      const bool was_open = mail_open_;
      end_transaction();
      if (was_open) return ResetEvent{};
      return std::nullopt;
    }
    case Verb::kNoop:
      if (too_many_idle_commands()) return std::nullopt;
      put(make_reply(250, "2.0.0", "fine"));
      return std::nullopt;
    case Verb::kHelp:
      if (too_many_idle_commands()) return std::nullopt;
      put(make_reply(214, "2.0.0", "see RFC 5321; mail to postmaster reaches a person"));
      return std::nullopt;
    case Verb::kVrfy:  // RFC 5321 §7.3: 252, so as not to look like a confirmation
      if (too_many_idle_commands()) return std::nullopt;
      put(make_reply(252, "2.0.0", "cannot verify; send the message and see"));
      return std::nullopt;
    case Verb::kQuit:
      close(make_reply(221, "2.0.0", options_.name + " goodbye"), "quit");
      return std::nullopt;
    case Verb::kExpn:
    case Verb::kAuth:
      return error(502, "5.5.1", "command not implemented");
    case Verb::kForeign:
    case Verb::kUnknown:
      break;
  }
  return error(500, "5.5.1", "command not recognised");
}

std::optional<Event> ServerSession::handle_mail(Sender sender) {
  if (hello_name_.empty()) return error(503, "5.5.1", "say EHLO first");
  if (mail_open_) return error(503, "5.5.1", "a transaction is open already");
  if (const auto missing = parameter_not_offered(sender); !missing.empty())
    return error(555, "5.5.4", std::string(missing) + " was not offered");
  if (needs_utf8(sender.address) && !sender.utf8)
    return error(553, "5.6.7", "such an address needs SMTPUTF8");
  if (sender.size.value_or(0) > offer_.size) {
    put(make_reply(552, "5.3.4", "message larger than " + std::to_string(offer_.size) + " octets"));
    return std::nullopt;
  }
  if (messages_ >= options_.max_messages) {
    close(make_reply(421, "4.7.0", "enough messages for one session"), "messages");
    return std::nullopt;
  }
  if (too_many_idle_commands()) return std::nullopt;
  due_ = Due::kMail;
  utf8_mail_ = sender.utf8;
  return MailEvent{std::move(sender)};
}

// The name of the first parameter that this client was not offered; empty: none.
std::string_view ServerSession::parameter_not_offered(const Sender& sender) const {
  if (sender.size && !extended_) return "SIZE";
  if (sender.body && !(extended_ && (offer_.eight_bit_mime || sender.body == BodyType::kSevenBit)))
    return "8BITMIME";
  if (sender.utf8 && !(extended_ && offer_.utf8)) return "SMTPUTF8";
  const bool dsn = sender.dsn_return || !sender.envelope_id.empty();
  if (dsn && !(extended_ && offer_.dsn)) return "DSN";
  return {};
}

std::optional<Event> ServerSession::handle_recipient(Recipient recipient) {
  if (!mail_open_) return error(503, "5.5.1", "say MAIL first");
  if (data_ || chunks_refused_) return error(503, "5.5.1", "BDAT has begun the text");
  const bool dsn = !recipient.notify.empty() || !recipient.original.empty();
  if (dsn && !(extended_ && offer_.dsn)) return error(555, "5.5.4", "DSN was not offered");
  if (needs_utf8(recipient.address) && !utf8_mail_)
    return error(553, "5.6.7", "such an address needs SMTPUTF8");
  if (recipients_ >= max_recipients()) {
    // RFC 5321 §4.5.3.1.10: the client sends the rest in another transaction.
    put(make_reply(452, "4.5.3", "too many recipients"));
    if (++excess_recipients_ > max_recipients())
      close(make_reply(421, "4.7.0", "too many recipients"), "recipients");
    return std::nullopt;
  }
  due_ = Due::kRecipient;
  return RecipientEvent{std::move(recipient)};
}

std::optional<Event> ServerSession::handle_data() {
  if (!mail_open_) return error(503, "5.5.1", "say MAIL first");
  // RFC 3030 §3: the two are not mixed in one message.
  if (data_ || chunks_refused_) return error(503, "5.5.1", "BDAT has begun the text");
  if (recipients_ == 0) {
    // With PIPELINING a client says DATA before it knows that its recipients were refused.
    put(make_reply(554, "5.5.1", "no valid recipients"));
    return std::nullopt;
  }
  if (input_waits()) out_of_turn_ = "DATA";
  due_ = Due::kData;
  return DataEvent{Framing::kDots};
}

std::optional<Event> ServerSession::handle_chunk(const Chunk& chunk) {
  chunk_ = chunk;
  chunk_size_ = chunk.octets;
  if (chunk.octets > kMostToThrowAway && chunk.octets / 2 > offer_.size) {
    close(
        make_reply(552, "5.3.4", "message larger than " + std::to_string(offer_.size) + " octets"),
        "bdat");
    return std::nullopt;
  }
  state_ = State::kChunk;
  if (!extended_ || !offer_.chunking)
    chunk_refusal_ = make_reply(502, "5.5.1", "command not implemented");
  else if (!mail_open_)
    chunk_refusal_ = make_reply(503, "5.5.1", "say MAIL first");
  else if (recipients_ == 0)
    chunk_refusal_ = make_reply(554, "5.5.1", "no valid recipients");
  else if (chunks_refused_)
    chunk_refusal_ = make_reply(503, "5.5.1", "an earlier chunk was refused; say RSET");
  if (!chunk_refusal_ && !data_) {
    due_ = Due::kData;
    return DataEvent{Framing::kChunks};
  }
  if (chunk_refusal_) count_error();
  return std::nullopt;
}

std::optional<Event> ServerSession::handle_starttls() {
  if (!options_.starttls) return error(502, "5.5.1", "command not implemented");
  if (tls_) return error(503, "5.5.1", "TLS is in use already");
  if (input_waits()) {
    // RFC 3207 §4: nothing may follow before the handshake. What did may be an attacker's, sent
    // ahead in plain to be taken for the client's words later.
    close(make_reply(554, "5.5.1", "nothing may follow STARTTLS before the handshake"),
          "starttls-injection");
    return std::nullopt;
  }
  put(make_reply(220, "2.0.0", "go ahead"));
  end_transaction();
  hello_name_.clear();
  extended_ = false;
  input_.clear();
  taken_ = 0;
  state_ = State::kTls;
  return StartTlsEvent{};
}

void ServerSession::tls_established() {
  if (state_ != State::kTls) return;
  tls_ = true;
  state_ = State::kCommand;
}

void ServerSession::answer_hello(const Offer& offer) {
  if (due_ != Due::kHello) return;
  due_ = Due::kNothing;
  hello_name_ = std::move(offered_name_);
  extended_ = offered_extended_;
  offer_ = offer;
  if (!extended_) {
    put(make_reply(250, "", options_.name));
    return;
  }
  std::string text = options_.name + "\nPIPELINING\nSIZE " + std::to_string(offer_.size);
  if (offer_.eight_bit_mime) text += "\n8BITMIME";
  if (offer_.enhanced_status_codes) text += "\nENHANCEDSTATUSCODES";
  if (offer_.utf8) text += "\nSMTPUTF8";
  if (offer_.chunking) text += "\nCHUNKING";
  if (offer_.dsn) text += "\nDSN";
  text += "\nLIMITS MAILMAX=" + std::to_string(options_.max_messages) +
          " RCPTMAX=" + std::to_string(max_recipients());
  if (options_.starttls && !tls_) text += "\nSTARTTLS";
  put(make_reply(250, "", text));
}

void ServerSession::answer(const Reply& reply) {
  const Due due = std::exchange(due_, Due::kNothing);
  switch (due) {
    case Due::kNothing:
      return;
    case Due::kHello:
      break;
    case Due::kMail:
      mail_open_ = reply.positive();
      break;
    case Due::kRecipient:
      if (reply.positive())
        recipients_++;
      else
        refused_recipients_++;
      break;
    case Due::kData: {
      const bool in_chunks = state_ == State::kChunk;
      const bool begins = reply.code == 354;
      if (begins) {
        data_.emplace(in_chunks ? Framing::kChunks : Framing::kDots, options_.bare_line_ends,
                      options_.max_data_line);
        data_size_ = 0;
        if (!in_chunks) state_ = State::kData;
      } else if (in_chunks) {
        chunk_refusal_ = reply;
        chunks_refused_ = true;
      }
      if (in_chunks) return;  // said when the chunk has been read
      break;
    }
    case Due::kEndOfData:
      end_transaction();
      idle_commands_ = 0;
      break;
  }
  put(reply);
  if (due == Due::kRecipient && refused_recipients_ > options_.max_refused_recipients)
    close(make_reply(421, "4.7.0", "too many refused recipients"), "recipients");
}

void ServerSession::close(const Reply& reply, std::string_view reason) {
  if (state_ == State::kClosed) return;
  put(reply);
  close_reason_ = reason;
  due_ = Due::kNothing;
  state_ = State::kClosed;
  input_.clear();
  taken_ = 0;
}

std::nullopt_t ServerSession::error(int code, std::string_view enhanced, std::string_view text) {
  put(make_reply(code, enhanced, text));
  count_error();
  return std::nullopt;
}

void ServerSession::count_error() {
  if (++errors_ >= options_.max_errors)
    close(make_reply(421, "4.7.0", "too many errors"), "errors");
}

bool ServerSession::too_many_idle_commands() {
  if (++idle_commands_ <= options_.max_idle_commands) return false;
  close(make_reply(421, "4.7.0", "too many commands without a message"), "commands");
  return true;
}

void ServerSession::end_transaction() {
  mail_open_ = false;
  utf8_mail_ = false;
  data_.reset();
  chunks_refused_ = false;
  recipients_ = 0;
  excess_recipients_ = 0;
}

}  // namespace postern::smtp
