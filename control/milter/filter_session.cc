// SPDX-License-Identifier: BSD-3-Clause
//
// Commands that nobody has to decide on are answered here, with "continue", unless it was agreed
// that they have no answer.
#include "control/milter/filter_session.h"

#include <utility>

#include "control/auth/header_fields.h"
#include "control/milter/message_text.h"

namespace postern::milter {
namespace {

constexpr uint32_t kBelowReceived = 1;
constexpr size_t kMaxReplyLine = 900;  // Sendmail's MAXREPLYLEN is 980

char printable(char c) noexcept {
  return c >= ' ' && c <= '~' ? c : '?';
}

// In the form of SMTP, every line with code and enhanced code. Sendmail takes the text for a format
// and Postfix follows it: a per cent sign is doubled.
std::string reply_text(const policy::Refusal& refusal) {
  std::string text;
  std::string_view rest = refusal.text;
  for (;;) {
    const size_t end = rest.find('\n');
    const bool last = end == std::string_view::npos;
    text += std::to_string(refusal.code) + (last ? ' ' : '-') + refusal.enhanced + ' ';
    size_t length = 0;
    for (const char c : rest.substr(0, end)) {
      if (++length > kMaxReplyLine) break;
      text += printable(c);
      if (c == '%') text += '%';
    }
    if (last) return text;
    text += "\r\n";
    rest.remove_prefix(end + 1);
  }
}

std::string without_brackets(std::string_view path) {
  if (path.starts_with('<') && path.ends_with('>')) path = path.substr(1, path.size() - 2);
  return std::string(path);
}

// Sendmail writes "IPv6:" before an address, and a zone may stand behind one.
std::optional<IpAddress> read_address(std::string_view text) {
  constexpr std::string_view kTag = "IPv6:";
  if (text.size() >= kTag.size() && (text[0] == 'I' || text[0] == 'i') &&
      (text.substr(1, 4) == "Pv6:" || text.substr(1, 4) == "pv6:"))
    text.remove_prefix(kTag.size());
  const auto address = IpAddress::parse(text.substr(0, text.find('%')));
  if (!address) return std::nullopt;
  return address->is_v4() ? *address : address->unmapped();
}

}  // namespace

void FilterSession::receive(std::string_view bytes) {
  if (!closed()) reader_.receive(bytes);
}

std::optional<Event> FilterSession::next() {
  while (!answer_due() || !waiting_.empty()) {
    if (!waiting_.empty()) {
      Event event = std::move(waiting_.front());
      waiting_.pop_front();
      return event;
    }
    if (closed()) return std::nullopt;
    const auto packet = reader_.next();
    if (!packet) {
      if (!reader_.broken()) return std::nullopt;
      close("packet-length");
      continue;
    }
    handle(*packet);
  }
  return std::nullopt;
}

void FilterSession::close(std::string_view reason) {
  if (closed()) return;
  end_message();
  due_ = Due::kNothing;
  state_ = State::kClosed;
  waiting_.push_back(ClosedEvent{reason});
}

void FilterSession::handle(const Packet& packet) {
  const auto command = static_cast<Command>(packet.letter);
  Cursor data(packet.data);
  if (state_ == State::kNew && command != Command::kNegotiate) return close("not-negotiated");
  switch (command) {
    case Command::kNegotiate:
      return handle_negotiation(data);
    case Command::kMacro:
      return handle_macros(data);
    case Command::kConnect:
      return handle_connect(data);
    case Command::kHelo: {
      const auto name = take_string(data);
      if (data.failed()) return close("helo");
      waiting_.push_back(HeloEvent{std::string(name)});
      due_ = Due::kHelo;
      return;
    }
    case Command::kMail:
      return handle_mail(data);
    case Command::kRecipient: {
      const auto path = take_string(data);
      if (data.failed() || stage_ != Stage::kEnvelope) return close("recipient");
      waiting_.push_back(RecipientEvent{without_brackets(path)});
      due_ = Due::kRecipient;
      return;
    }
    case Command::kData:
      if (stage_ != Stage::kEnvelope) return close("data");
      return reply_unless(Protocol::kNoReplyData);  // again, where a first one was refused
    case Command::kUnknown:
      return reply_unless(Protocol::kNoReplyUnknown);
    case Command::kHeader:
      return handle_header(data);
    case Command::kEndOfHeader:
      if (stage_ != Stage::kEnvelope && stage_ != Stage::kHeader) return close("end-of-header");
      stage_ = Stage::kBody;
      waiting_.push_back(EndOfHeaderEvent{});
      return reply_unless(Protocol::kNoReplyEndOfHeader);
    case Command::kBody:
      if (!in_message()) return close("body");
      handle_body(packet.data);
      if (skipping_ && includes(terms_.protocol, Protocol::kSkip)) return reply(Response::kSkip);
      return reply(Response::kContinue);
    case Command::kEndOfMessage:
      if (!in_message()) return close("end-of-message");
      handle_body(packet.data);
      waiting_.push_back(EndOfMessageEvent{});
      due_ = Due::kMessage;
      return;
    case Command::kAbort:
      return end_message();
    case Command::kQuitNewConnection:
      end_message();
      session_macros_ = {};
      waiting_.push_back(ClientGoneEvent{});
      return;
    case Command::kQuit:
      return close("quit");
  }
  close("unknown-command");
}

void FilterSession::handle_negotiation(Cursor data) {
  if (state_ != State::kNew) return close("negotiated-twice");
  const auto offered = read_terms(data.rest());
  if (!offered) return close("negotiation");
  const auto agreed = negotiate(*offered);
  if (const auto* reason = std::get_if<std::string_view>(&agreed)) return close(*reason);
  terms_ = std::get<Terms>(agreed);
  append_packet(output_, Response::kNegotiate, write_terms(terms_));
  state_ = State::kOpen;
}

void FilterSession::handle_macros(Cursor data) {
  const auto command = static_cast<Command>(data.take());
  const bool of_message = command != Command::kConnect && command != Command::kHelo;
  // A new message's; what is left of the last one, which may not have been aborted, goes.
  if (command == Command::kMail) message_macros_ = {};
  while (!data.at_end()) {
    const auto name = take_string(data);
    const auto value = take_string(data);
    if (!data.failed()) set_macro(of_message, name, value);
  }
  if (data.failed()) close("macros");
}

void FilterSession::set_macro(bool of_message, std::string_view name, std::string_view value) {
  if (name.starts_with('{') && name.ends_with('}')) name = name.substr(1, name.size() - 2);
  const std::string kept(value.substr(0, kMaxMacro));
  if (name == "tls_version") session_macros_.tls_version = kept;
  if (name == "cipher") session_macros_.cipher = kept;
  if (name == "i" && of_message) message_macros_.queue_id = kept;
  if (name == "auth_authen" && of_message) message_macros_.authenticated = kept;
}

void FilterSession::handle_connect(Cursor data) {
  end_message();
  ConnectEvent event;
  event.host = take_string(data);
  const char family = data.take();
  if (!data.failed() && family != 'U') {  // SMFIA_UNKNOWN: nothing follows
    const auto port = data.take(2);
    const auto address = take_string(data);
    if (family == '4' || family == '6') {
      event.address = read_address(address);
      if (port.size() == 2)
        event.port = static_cast<uint16_t>(static_cast<unsigned char>(port[0]) << 8 |
                                           static_cast<unsigned char>(port[1]));
    } else if (family != 'L') {  // SMFIA_UNIX
      data.fail();
    }
  }
  if (data.failed()) return close("connect");
  waiting_.push_back(std::move(event));
  reply_unless(Protocol::kNoReplyConnect);
}

void FilterSession::handle_mail(Cursor data) {
  const auto path = take_string(data);
  if (data.failed()) return close("mail");
  const MessageMacros macros = std::exchange(message_macros_, {});
  end_message();
  message_macros_ = macros;  // they came before their command
  stage_ = Stage::kEnvelope;
  waiting_.push_back(MailEvent{without_brackets(path), message_macros_.authenticated});
  due_ = Due::kMail;
}

void FilterSession::handle_header(Cursor data) {
  const auto name = take_string(data);
  const auto value = take_string(data);
  if (data.failed() || !data.at_end() || (stage_ != Stage::kEnvelope && stage_ != Stage::kHeader))
    return close("header");
  stage_ = Stage::kHeader;
  waiting_.push_back(
      HeaderEvent{std::string(name), field_on_the_wire(name, value, exact_fields())});
  reply_unless(Protocol::kNoReplyHeader);
}

void FilterSession::handle_body(std::string_view data) {
  if (stage_ != Stage::kBody) {
    stage_ = Stage::kBody;
    waiting_.push_back(EndOfHeaderEvent{});
  }
  if (!data.empty() && !skipping_) waiting_.push_back(BodyEvent{std::string(data)});
}

void FilterSession::end_message() {
  if (in_message()) waiting_.push_back(AbortEvent{});
  stage_ = Stage::kNone;
  skipping_ = false;
  message_macros_ = {};
}

void FilterSession::reply_unless(Protocol unanswered) {
  if (!includes(terms_.protocol, unanswered)) reply(Response::kContinue);
}

void FilterSession::put(const Answer& answer) {
  if (const auto* refusal = std::get_if<policy::Refusal>(&answer)) {
    append_packet(output_, Response::kReplyCode, reply_text(*refusal) + '\0');
    return;
  }
  switch (std::get<Verdict>(answer)) {
    case Verdict::kContinue:
      return reply(Response::kContinue);
    case Verdict::kAccept:
      return reply(Response::kAccept);
    case Verdict::kTempFail:
      return reply(Response::kTempFail);
  }
}

void FilterSession::answer(const Answer& answer) {
  if (due_ != Due::kHelo && due_ != Due::kMail && due_ != Due::kRecipient) return;
  put(answer);
  const bool goes_on =
      std::holds_alternative<Verdict>(answer) && std::get<Verdict>(answer) == Verdict::kContinue;
  if (due_ == Due::kMail && !goes_on) {
    // Of this message nothing more will come; some servers say that they abort it, some do not.
    stage_ = Stage::kNone;
    message_macros_ = {};
  }
  due_ = Due::kNothing;
}

void FilterSession::skip_body() {
  skipping_ = in_message();
}

void FilterSession::progress() {
  if (due_ == Due::kMessage) reply(Response::kProgress);
}

void FilterSession::finish(const Changes& changes, const Answer& answer) {
  if (due_ != Due::kMessage) return;
  if (std::holds_alternative<Verdict>(answer) && std::get<Verdict>(answer) != Verdict::kTempFail) {
    // From the last on, so that no removal changes the number of another field; and before ours are
    // inserted, which have the same name.
    for (auto place = changes.remove.rbegin(); place != changes.remove.rend(); ++place) {
      std::string data;
      append_be32(data, place->index);
      append_packet(output_, Response::kChangeHeader, data + place->name + '\0' + '\0');
    }
    put_insertions(changes.insert);
    if (changes.quarantine && may_quarantine())
      append_packet(output_, Response::kQuarantine, *changes.quarantine + '\0');
  }
  put(answer);
  due_ = Due::kNothing;
  stage_ = Stage::kNone;
  skipping_ = false;
  message_macros_ = {};
}

void FilterSession::put_insertions(std::string_view fields) {
  const auto split = auth::split_header_fields(fields);
  // Each goes below the Received field that the mail server adds, and above those before it.
  for (auto field = split.rbegin(); field != split.rend(); ++field) {
    std::string data;
    append_be32(data, kBelowReceived);
    data += field->name;
    data += '\0';
    data += value_for_server(field->body, exact_fields());
    append_packet(output_, Response::kInsertHeader, data + '\0');
  }
}

std::string FilterSession::take_output() {
  return std::exchange(output_, {});
}

std::string FilterSession::tls_description() const {
  if (session_macros_.tls_version.empty()) return {};
  if (session_macros_.cipher.empty()) return session_macros_.tls_version;
  return session_macros_.tls_version + ' ' + session_macros_.cipher;
}

}  // namespace postern::milter
