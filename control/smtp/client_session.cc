// SPDX-License-Identifier: BSD-3-Clause
//
// What is sent while something is outstanding, or after the farm spoke unasked, makes the session
// broken: from there on nobody could tell which reply answers what.
#include "control/smtp/client_session.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace postern::smtp {
namespace {

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  return result;
}

}  // namespace

FarmOffer read_offer(const Reply& ehlo_reply) {
  FarmOffer offer{.extended = ehlo_reply.positive()};
  if (!offer.extended) return offer;
  for (size_t i = 1; i < ehlo_reply.lines.size(); i++) {
    const std::string line = upper(ehlo_reply.lines[i]);
    const std::string_view keyword = std::string_view(line).substr(0, line.find(' '));
    if (keyword == "8BITMIME") offer.eight_bit_mime = true;
    if (keyword == "ENHANCEDSTATUSCODES") offer.enhanced_status_codes = true;
    if (keyword == "STARTTLS") offer.starttls = true;
    const auto words = std::string_view(line).substr(std::min(line.size(), keyword.size() + 1));
    if (keyword == "XCLIENT") offer.xclient = ForwardAttributes::read(words);
    if (keyword == "XFORWARD") offer.xforward = ForwardAttributes::read(words);
    if (keyword == "SIZE") {
      offer.size_known = true;
      const char* begin = line.data() + std::min(line.size(), keyword.size() + 1);
      if (std::from_chars(begin, line.data() + line.size(), offer.size).ec != std::errc{})
        offer.size = 0;
    }
  }
  return offer;
}

std::string ClientSession::ehlo() {
  return send(Command::kEhlo, "EHLO " + own_name_);
}
std::string ClientSession::helo() {
  return send(Command::kOther, "HELO " + own_name_);
}

std::string ClientSession::mail(std::string_view sender, std::optional<uint64_t> size,
                                std::optional<bool> eight_bit) {
  std::string line = "MAIL FROM:<" + std::string(sender) + ">";
  if (size && offer_.size_known) line += " SIZE=" + std::to_string(*size);
  if (eight_bit && offer_.eight_bit_mime) line += *eight_bit ? " BODY=8BITMIME" : " BODY=7BIT";
  return send(Command::kOther, std::move(line));
}

std::string ClientSession::rcpt(std::string_view recipient) {
  return send(Command::kOther, "RCPT TO:<" + std::string(recipient) + ">");
}

std::string ClientSession::data() {
  return send(Command::kOther, "DATA");
}
std::string ClientSession::rset() {
  return send(Command::kOther, "RSET");
}
std::string ClientSession::quit() {
  return send(Command::kOther, "QUIT");
}

std::string ClientSession::starttls() {
  return send(Command::kStartTls, "STARTTLS");
}
std::string ClientSession::xclient(std::string line) {
  return send(Command::kXclient, std::move(line));
}
std::string ClientSession::xforward(std::string line) {
  return send(Command::kOther, std::move(line));
}

void ClientSession::receive(std::string_view bytes) {
  // In plain, from whoever sits on the wire, to be taken for the farm's word later.
  if (handshake_due_ && !bytes.empty()) broken_ = true;
  reader_.receive(bytes);
}

void ClientSession::secured() {
  if (!handshake_due_) broken_ = true;
  handshake_due_ = false;
  reader_ = ReplyReader();
  offer_ = {};
}

void ClientSession::text_sent() {
  outstanding_ = Command::kOther;
}

std::string ClientSession::send(Command command, std::string text) {
  if (outstanding()) broken_ = true;  // its replies could not be told apart any more
  if (spoke_unasked() || handshake_due_) broken_ = true;
  outstanding_ = command;
  return text + "\r\n";
}

std::optional<Reply> ClientSession::next_reply() {
  if (!outstanding() || broken()) return std::nullopt;
  auto reply = reader_.next();
  if (!reply) return std::nullopt;
  const Command command = std::exchange(outstanding_, Command::kNothing);
  if (command == Command::kEhlo) offer_ = read_offer(*reply);
  if (command == Command::kStartTls) handshake_due_ = reply->positive();
  if (command == Command::kXclient && reply->positive()) offer_ = {};
  // Two replies to one command: the second would be taken for the answer to the next one.
  if (reader_.holds_bytes()) broken_ = true;
  return reply;
}

}  // namespace postern::smtp
