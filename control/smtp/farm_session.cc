// SPDX-License-Identifier: BSD-3-Clause
//
// What is sent while something is outstanding, or after the farm spoke unasked, makes the session
// broken: from there on nobody could tell which reply answers what.
#include "control/smtp/farm_session.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "rules/text/cursor.h"
#include "rules/text/words.h"

namespace postern::smtp {
namespace {

// LIMITS (RFC 9422 §4): names and numbers; what is not understood is no limit.
void read_limits(std::string_view words, FarmOffer& offer) {
  Cursor cursor(words);
  while (!cursor.at_end()) {
    const auto word = take_word(cursor);
    constexpr std::string_view kRecipients = "RCPTMAX=";
    if (!same_word(word.substr(0, kRecipients.size()), kRecipients)) continue;
    const auto number = word.substr(kRecipients.size());
    size_t most = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), most);
    if (error == std::errc{} && end == number.data() + number.size() && most > 0)
      offer.recipients = most;
  }
}

}  // namespace

FarmOffer read_offer(const Reply& ehlo_reply) {
  FarmOffer offer{.extended = ehlo_reply.positive()};
  if (!offer.extended) return offer;
  for (size_t i = 1; i < ehlo_reply.lines.size(); i++) {
    Cursor cursor(ehlo_reply.lines[i]);
    const auto keyword = take_word(cursor);
    const auto is = [&](std::string_view name) { return same_word(keyword, name); };
    if (is("8BITMIME")) offer.eight_bit_mime = true;
    if (is("ENHANCEDSTATUSCODES")) offer.enhanced_status_codes = true;
    if (is("SMTPUTF8")) offer.utf8 = true;
    if (is("CHUNKING")) offer.chunking = true;
    if (is("DSN")) offer.dsn = true;
    if (is("STARTTLS")) offer.starttls = true;
    if (is("XCLIENT")) offer.xclient = ForwardAttributes::read(cursor.rest());
    if (is("XFORWARD")) offer.xforward = ForwardAttributes::read(cursor.rest());
    if (is("LIMITS")) read_limits(cursor.rest(), offer);
    if (is("SIZE")) {
      offer.size_known = true;
      const auto number = cursor.rest();
      if (std::from_chars(number.data(), number.data() + number.size(), offer.size).ec !=
          std::errc{})
        offer.size = 0;
    }
  }
  return offer;
}

FarmOffer common_offer(const FarmOffer& a, const FarmOffer& b) {
  FarmOffer both;
  both.extended = a.extended && b.extended;
  both.eight_bit_mime = a.eight_bit_mime && b.eight_bit_mime;
  both.enhanced_status_codes = a.enhanced_status_codes && b.enhanced_status_codes;
  both.utf8 = a.utf8 && b.utf8;
  both.chunking = a.chunking && b.chunking;
  both.dsn = a.dsn && b.dsn;
  both.recipients = std::min(a.recipients, b.recipients);
  both.size_known = a.size_known && b.size_known;
  both.size = a.size == 0 || b.size == 0 ? std::max(a.size, b.size) : std::min(a.size, b.size);
  return both;
}

std::string FarmSession::ehlo(std::string_view client_name) {
  return send(Command::kEhlo, "EHLO " + name_or_own(client_name));
}
std::string FarmSession::helo(std::string_view client_name) {
  return send(Command::kOther, "HELO " + name_or_own(client_name));
}

// A stranger's name goes into a command only where it is one word of printable ASCII.
std::string FarmSession::name_or_own(std::string_view client_name) const {
  constexpr size_t kMaxName = 255;
  const bool sound = !client_name.empty() && client_name.size() <= kMaxName &&
                     std::all_of(client_name.begin(), client_name.end(),
                                 [](char c) { return c > ' ' && c <= '~'; });
  return sound ? std::string(client_name) : own_name_;
}

std::string FarmSession::mail(const Sender& sender) {
  std::string line = "MAIL FROM:<" + sender.address + ">";
  if (sender.size && offer_.size_known) line += " SIZE=" + std::to_string(*sender.size);
  if (sender.body && offer_.eight_bit_mime)
    line += *sender.body == BodyType::kEightBitMime ? " BODY=8BITMIME" : " BODY=7BIT";
  if (sender.utf8 && offer_.utf8) line += " SMTPUTF8";
  if (sender.dsn_return && offer_.dsn)
    line += *sender.dsn_return == DsnReturn::kFull ? " RET=FULL" : " RET=HDRS";
  if (!sender.envelope_id.empty() && offer_.dsn) line += " ENVID=" + sender.envelope_id;
  return send(Command::kOther, std::move(line));
}

std::string FarmSession::rcpt(const Recipient& recipient) {
  std::string line = "RCPT TO:<" + recipient.address + ">";
  if (!recipient.notify.empty() && offer_.dsn) line += " NOTIFY=" + recipient.notify;
  if (!recipient.original.empty() && offer_.dsn) line += " ORCPT=" + recipient.original;
  return send(Command::kOther, std::move(line));
}

std::string FarmSession::bdat_last(uint64_t octets) {
  auto line = send(Command::kNothing, "BDAT " + std::to_string(octets) + " LAST");
  text_due_ = true;
  return line;
}

std::string FarmSession::data() {
  return send(Command::kData, "DATA");
}
std::string FarmSession::rset() {
  return send(Command::kOther, "RSET");
}
std::string FarmSession::quit() {
  return send(Command::kOther, "QUIT");
}

std::string FarmSession::starttls() {
  return send(Command::kStartTls, "STARTTLS");
}
std::string FarmSession::xclient(std::string line) {
  return send(Command::kXclient, std::move(line));
}
std::string FarmSession::xforward(std::string line) {
  return send(Command::kOther, std::move(line));
}

void FarmSession::receive(std::string_view bytes) {
  // In plain, from whoever sits on the wire, to be taken for the farm's word later.
  if (handshake_due_ && !bytes.empty()) broken_ = true;
  reader_.receive(bytes);
}

void FarmSession::secured() {
  if (!handshake_due_) broken_ = true;
  handshake_due_ = false;
  reader_ = ReplyReader();
  offer_ = {};
}

void FarmSession::text_sent() {
  if (!text_due_ || outstanding() || reader_.holds_bytes()) broken_ = true;
  text_due_ = false;
  outstanding_ = Command::kOther;
}

std::string FarmSession::send(Command command, std::string text) {
  if (outstanding()) broken_ = true;  // its replies could not be told apart any more
  if (spoke_unasked() || handshake_due_ || text_due_) broken_ = true;
  outstanding_ = command;
  return text + "\r\n";
}

std::optional<Reply> FarmSession::next_reply() {
  if (!outstanding() || broken()) return std::nullopt;
  auto reply = reader_.next();
  if (!reply) return std::nullopt;
  const Command command = std::exchange(outstanding_, Command::kNothing);
  if (command == Command::kEhlo) offer_ = read_offer(*reply);
  if (command == Command::kStartTls) handshake_due_ = reply->positive();
  if (command == Command::kData) text_due_ = reply->code == 354;
  if (command == Command::kXclient && reply->positive()) offer_ = {};
  // Two replies to one command: the second would be taken for the answer to the next one.
  if (reader_.holds_bytes()) broken_ = true;
  return reply;
}

}  // namespace postern::smtp
