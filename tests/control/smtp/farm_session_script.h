// SPDX-License-Identifier: BSD-3-Clause
//
// Runs FarmSession by a script of any octets: commands asked of it in any order, and what a hostile
// or broken farm says between them, in pieces. Beside it runs a twin that keeps all that the farm
// said and reads it anew each time. What must hold: each command is one line with its own line end,
// and names nothing that the farm does not offer; a reply answers the one command that it came
// behind; whoever is broken stays so; and what was said in plain, or unasked, or in the middle of a
// text, is never an answer, wherever it was cut.
#pragma once

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "control/smtp/farm_session.h"

namespace postern::smtp {

// The octets of a script that are commands; 0x80 and above: that many octets less 0x80 follow,
// which the farm says. What is below and no command is the farm's line of that number (kFarmLines).
enum class ScriptStep : uint8_t {
  kEhlo,
  kEhloAs,  // the next octet: how many of those behind it are the client's name
  kHelo,
  kMail,  // the next octet: which parameters
  kRcpt,  // likewise
  kData,
  kBdat,
  kTextSent,
  kRset,
  kQuit,
  kStartTls,
  kSecured,
  kXclient,  // the next octet: as with kEhloAs
  kXforward,
  kFarmLines,
};

inline constexpr std::array<std::string_view, 8> kFarmLines = {
    "250 2.0.0 fine\r\n",
    "220 farm.example ESMTP\r\n",
    "354 go\r\n",
    "250-farm\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n250-STARTTLS\r\n"
    "250-XCLIENT NAME ADDR HELO\r\n250-XFORWARD NAME ADDR\r\n250 CHUNKING\r\n",
    "250-farm\n250 dsn\n",
    "421 4.3.2 enough\r\n",
    "550 5.7.1 no\r\n",
    "450-4.2.1 not\r\n450 4.2.1 now\r\n"};

class FarmScript {
 public:
  // What the farm says comes in pieces of so many octets; one more piece ends behind the first
  // `cut` octets of all that it says.
  explicit FarmScript(size_t piece, size_t cut = 0) : piece_(piece), cut_(cut) {}

  // Throws std::logic_error where something does not hold. Returns what was sent and answered, the
  // same for every size of the pieces.
  std::string run(std::string_view script) {
    while (!script.empty()) {
      step(script);
      check();
    }
    return std::move(log_);
  }

  size_t heard() const noexcept { return heard_; }

 private:
  // What is awaited of the farm, as the twin has it.
  enum class Due : uint8_t { kNothing, kReply, kEhlo, kStartTls, kXclient, kData };

  static void must(bool condition, const char* what) {
    if (!condition) throw std::logic_error(what);
  }
  static uint8_t take(std::string_view& script) {
    if (script.empty()) return 0;
    const auto octet = static_cast<uint8_t>(script.front());
    script.remove_prefix(1);
    return octet;
  }
  static std::string_view take(std::string_view& script, size_t most) {
    const auto piece = script.substr(0, most);
    script.remove_prefix(piece.size());
    return piece;
  }

  void step(std::string_view& script) {
    const uint8_t octet = take(script);
    if (octet >= 0x80) return say(take(script, octet - 0x80u));
    constexpr auto kFirstLine = static_cast<uint8_t>(ScriptStep::kFarmLines);
    if (octet >= kFirstLine) return say(kFarmLines[(octet - kFirstLine) % kFarmLines.size()]);
    switch (static_cast<ScriptStep>(octet)) {
      case ScriptStep::kEhlo:
        return sent(Due::kEhlo, session_.ehlo(), "EHLO me.example");
      case ScriptStep::kEhloAs: {
        const std::string name(take(script, take(script)));
        const bool word = !name.empty() && name.size() <= 255 &&
                          std::ranges::all_of(name, [](char c) { return c > ' ' && c < '\x7f'; });
        return sent(Due::kEhlo, session_.ehlo(name), "EHLO " + (word ? name : "me.example"));
      }
      case ScriptStep::kHelo:
        return sent(Due::kReply, session_.helo(), "HELO me.example");
      case ScriptStep::kMail:
        return mail(take(script));
      case ScriptStep::kRcpt:
        return rcpt(take(script));
      case ScriptStep::kData:
        return sent(Due::kData, session_.data(), "DATA");
      case ScriptStep::kBdat:
        sent(Due::kNothing, session_.bdat_last(77), "BDAT 77 LAST");
        text_due_ = true;
        return;
      case ScriptStep::kTextSent:
        // What came before the last octet of the text is no answer to it.
        if (!text_due_ || !said_.empty() || due_ != Due::kNothing) dead_ = true;
        text_due_ = false;
        due_ = Due::kReply;
        return session_.text_sent();
      case ScriptStep::kRset:
        return sent(Due::kReply, session_.rset(), "RSET");
      case ScriptStep::kQuit:
        return sent(Due::kReply, session_.quit(), "QUIT");
      case ScriptStep::kStartTls:
        return sent(Due::kStartTls, session_.starttls(), "STARTTLS");
      case ScriptStep::kSecured:
        if (!handshake_due_) dead_ = true;
        handshake_due_ = false;
        said_.clear();
        ehlo_.clear();
        session_.secured();
        return must(session_.offer() == FarmOffer{}, "an offer outlived the handshake");
      case ScriptStep::kXclient:
        return xclient(std::string(take(script, take(script))));
      case ScriptStep::kXforward:
        return xforward();
      case ScriptStep::kFarmLines:
        return;
    }
  }

  // A command that was asked for. expected: all of it but the line end.
  void sent(Due due, const std::string& bytes, const std::string& expected) {
    must(bytes == expected + "\r\n", "another command than was asked for");
    must(expected.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos,
         "a command is more than a line");
    if (due_ != Due::kNothing || !said_.empty() || handshake_due_ || text_due_) dead_ = true;
    due_ = due;
    if (!dead_) log_ += "C: " + bytes;
  }

  void mail(uint8_t which) {
    Sender sender;
    std::string line = "MAIL FROM:<a@b.example>";
    sender.address = "a@b.example";
    if (which & 1) sender.size = which;
    if ((which & 1) && offers("SIZE")) line += " SIZE=" + std::to_string(which);
    if (which & 2) sender.body = BodyType::kEightBitMime;
    if ((which & 2) && offers("8BITMIME")) line += " BODY=8BITMIME";
    sender.utf8 = (which & 4) != 0;
    if (sender.utf8 && offers("SMTPUTF8")) line += " SMTPUTF8";
    if (which & 8) sender.dsn_return = DsnReturn::kHeaders;
    if ((which & 8) && offers("DSN")) line += " RET=HDRS";
    if (which & 16) sender.envelope_id = "i";
    if ((which & 16) && offers("DSN")) line += " ENVID=i";
    sent(Due::kReply, session_.mail(sender), line);
  }

  void rcpt(uint8_t which) {
    Recipient recipient;
    std::string line = "RCPT TO:<c@d.example>";
    recipient.address = "c@d.example";
    if (which & 1) recipient.notify = "NEVER";
    if ((which & 1) && offers("DSN")) line += " NOTIFY=NEVER";
    if (which & 2) recipient.original = "rfc822;c";
    if ((which & 2) && offers("DSN")) line += " ORCPT=rfc822;c";
    sent(Due::kReply, session_.rcpt(recipient), line);
  }

  static ForwardedClient client_of(std::string words) {
    ForwardedClient client;
    client.name = words;
    client.helo = std::move(words);
    client.id = "S1";
    return client;
  }
  void xclient(std::string words) {
    const std::string line = write_xclient(client_of(std::move(words)), session_.offer().xclient);
    if (!line.empty()) send_attributes(Due::kXclient, session_.xclient(line), line, "XCLIENT");
  }
  void xforward() {
    const auto lines = write_xforward(client_of("c.example"), session_.offer().xforward);
    if (!lines.empty())
      send_attributes(Due::kReply, session_.xforward(lines[0]), lines[0], "XFORWARD");
  }
  void send_attributes(Due due, const std::string& bytes, const std::string& line,
                       std::string_view keyword) {
    must(line.starts_with(keyword) && line.size() <= 510, "a line that no server need take");
    must(offers(std::string(keyword)), "it tells of clients where that is not offered");
    sent(due, bytes, line);
  }

  void say(std::string_view bytes) {
    while (!bytes.empty()) {
      const bool in_this = heard_ < cut_ && cut_ - heard_ < std::min(piece_, bytes.size());
      const auto piece = take(bytes, in_this ? cut_ - heard_ : piece_);
      heard_ += piece.size();
      if (handshake_due_) dead_ = true;
      said_ += piece;
      session_.receive(piece);
      poll();
    }
  }

  void poll() {
    const auto reply = session_.next_reply();
    const auto expected = due_ == Due::kNothing || dead_ ? std::nullopt : read_reply();
    must(reply.has_value() == expected.has_value(), "one sees a reply and the other does not");
    if (!reply) return;
    must(reply->wire() == *expected, "another reply than was said");
    must(reply->code >= 200 && reply->code <= 599, "no code of a reply");
    log_ += "F: " + *expected;
    const Due due = std::exchange(due_, Due::kNothing);
    if (due == Due::kEhlo) ehlo_ = reply->positive() ? *expected : std::string();
    if (due == Due::kXclient && reply->positive()) ehlo_.clear();
    if (due == Due::kStartTls) handshake_due_ = reply->positive();
    if (due == Due::kData) text_due_ = reply->code == 354;
    if (handshake_due_ && !said_.empty()) dead_ = true;
    must(session_.offer().extended == !ehlo_.empty(), "an offer without its EHLO");
    if (ehlo_.empty())
      must(session_.offer() == FarmOffer{}, "an offer that is not the last EHLO's");
  }

  // The reply at the beginning of all that was said; takes it away. As wire() writes it.
  std::optional<std::string> read_reply() {
    std::string text, code;
    std::string_view rest = said_;
    for (size_t lines = 1;; lines++) {
      const size_t end = rest.find('\n');
      auto line = rest.substr(0, end);
      if (line.size() > 2048) dead_ = true;
      if (dead_ || end == std::string_view::npos) return std::nullopt;
      rest.remove_prefix(end + 1);
      if (line.ends_with('\r')) line.remove_suffix(1);
      const auto digit = [&](size_t i) { return std::isdigit(static_cast<uint8_t>(line[i])) != 0; };
      if (line.size() < 3 || line[0] < '2' || line[0] > '5' || !digit(1) || !digit(2) ||
          (line.size() > 3 && line[3] != ' ' && line[3] != '-') || lines > 128 ||
          (lines > 1 && line.substr(0, 3) != code)) {
        dead_ = true;
        return std::nullopt;
      }
      code = line.substr(0, 3);
      const bool last = line.size() == 3 || line[3] == ' ';
      text += code + (last ? " " : "-");
      for (const char c : line.substr(std::min<size_t>(4, line.size())))
        text += (c < ' ' || c > '~') && c != '\t' ? '?' : c;
      text += "\r\n";
      if (!last) continue;
      said_.erase(0, said_.size() - rest.size());
      return text;
    }
  }

  // The first word of a line of the last answer to EHLO, but for the first line of it.
  bool offers(const std::string& keyword) const {
    std::string_view rest = ehlo_;
    bool first = true;
    while (!rest.empty()) {
      auto line = rest.substr(0, rest.find("\r\n"));
      rest.remove_prefix(line.size() + 2);
      if (std::exchange(first, false)) continue;
      line.remove_prefix(4);
      while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
      const auto word = line.substr(0, line.find_first_of(" \t"));
      if (std::ranges::equal(word, keyword, [](char a, char b) {
            return std::toupper(static_cast<uint8_t>(a)) == b;
          }))
        return true;
    }
    return false;
  }

  // Between steps it makes no difference how the farm's words were cut.
  void check() {
    // Two replies at once break it now, in pieces with whatever is asked next.
    const bool unasked = due_ == Due::kNothing && !said_.empty();
    must((session_.broken() || session_.spoke_unasked()) == (dead_ || unasked),
         "broken, and does not say so, or the other way round");
    must(!was_broken_ || session_.broken(), "what was broken is not any more");
    was_broken_ = session_.broken();
    if (dead_ || unasked) log_ += "over\n";
  }

  const size_t piece_, cut_;
  size_t heard_ = 0;  // octets of the farm's
  FarmSession session_{"me.example"};
  std::string log_;

  std::string said_;       // by the farm, and not yet part of a reply
  std::string ehlo_;       // what answered the last EHLO, where that was taken
  Due due_ = Due::kReply;  // the greeting
  bool handshake_due_ = false;
  bool text_due_ = false;
  bool dead_ = false;
  bool was_broken_ = false;
};

}  // namespace postern::smtp
