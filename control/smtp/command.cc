// SPDX-License-Identifier: BSD-3-Clause
//
// The line is read through Cursor, once, into a Command; no other code looks at what a client
// typed.
#include "control/smtp/command.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "rules/text/cursor.h"

namespace postern::smtp {
namespace {

// RFC 5321 §4.5.3.1.3 allows 256 octets for a path; senders with long tagged addresses exist.
constexpr size_t kMaxPath = 512;
constexpr size_t kMaxHello = 255;

constexpr BadCommand kSyntax{501, "5.5.4", "syntax error in the arguments"};
constexpr BadCommand kBadSender{501, "5.1.7", "not an address"};
constexpr BadCommand kBadRecipient{501, "5.1.3", "not an address"};
constexpr BadCommand kParameter{555, "5.5.4", "parameter not recognised or not implemented"};

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

bool same(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t';
}
bool is_graphic(char c) noexcept {
  return c > ' ' && c <= '~';
}

std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

Verb verb_from(std::string_view word) noexcept {
  static constexpr std::array<std::pair<std::string_view, Verb>, 20> kVerbs = {{
      {"HELO", Verb::kHelo},       {"EHLO", Verb::kEhlo},        {"STARTTLS", Verb::kStartTls},
      {"MAIL", Verb::kMail},       {"RCPT", Verb::kRcpt},        {"DATA", Verb::kData},
      {"RSET", Verb::kRset},       {"NOOP", Verb::kNoop},        {"QUIT", Verb::kQuit},
      {"VRFY", Verb::kVrfy},       {"EXPN", Verb::kExpn},        {"HELP", Verb::kHelp},
      {"AUTH", Verb::kAuth},       {"GET", Verb::kForeign},      {"POST", Verb::kForeign},
      {"PUT", Verb::kForeign},     {"HEAD", Verb::kForeign},     {"CONNECT", Verb::kForeign},
      {"OPTIONS", Verb::kForeign}, {"HTTP/1.1", Verb::kForeign},
  }};
  for (const auto& [name, verb] : kVerbs)
    if (same(word, name)) return verb;
  return Verb::kUnknown;
}

// RFC 5321 §4.1.2 Path, without the brackets and the source route, which is to be ignored. A quoted
// local part may hold '>' and blanks. Fails the cursor on anything else.
std::string read_path(Cursor& cursor) {
  cursor.expect("<");
  if (cursor.peek() == '@') {
    cursor.take_while([](char c) { return is_graphic(c) && c != ':' && c != '>'; });
    cursor.expect(":");
  }
  std::string path;
  bool quoted = false;
  while (!cursor.failed()) {
    const char c = cursor.take();
    if (cursor.failed()) break;
    if (!quoted && c == '>') return path;
    if (c == '"') {
      // Only a whole local part is quoted: two readers must not disagree where a path ends.
      if (!quoted && !path.empty()) cursor.fail();
      quoted = !quoted;
      if (!quoted && cursor.peek() != '@' && cursor.peek() != '>') cursor.fail();
    }
    if (!is_graphic(c) && !(quoted && c == ' ')) cursor.fail();
    if (!quoted && c == '<') cursor.fail();
    path += c;
    if (quoted && c == '\\') {
      const char escaped = cursor.take();
      if (!is_graphic(escaped) && escaped != ' ') cursor.fail();
      path += escaped;
    }
    if (path.size() > kMaxPath) cursor.fail();
  }
  cursor.fail();
  return {};
}

// Takes "NAME=VALUE NAME=VALUE". False where one is not known.
std::optional<BadCommand> read_mail_parameters(std::string_view text, Command& command) {
  Cursor cursor(text);
  for (;;) {
    cursor.take_while(is_blank);
    if (cursor.at_end()) return std::nullopt;
    const auto word = cursor.take_while([](char c) { return !is_blank(c); });
    const size_t equals = word.find('=');
    const auto name = word.substr(0, equals);
    const auto value = equals == std::string_view::npos ? "" : word.substr(equals + 1);
    if (same(name, "SIZE") && !command.size) {
      uint64_t size = 0;
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), size);
      // RFC 1870 §4: up to 20 digits; what does not fit in 64 bits is larger than any limit.
      if (error == std::errc::result_out_of_range)
        size = UINT64_MAX;
      else if (error != std::errc{})
        return kSyntax;
      if (end != value.data() + value.size() || value.size() > 20) return kSyntax;
      command.size = size;
    } else if (same(name, "BODY") && !command.eight_bit) {
      if (same(value, "7BIT"))
        command.eight_bit = false;
      else if (same(value, "8BITMIME"))
        command.eight_bit = true;
      else
        return kSyntax;
    } else {
      return kParameter;
    }
  }
}

// "FROM:<path> parameters" or "TO:<path> parameters".
std::optional<BadCommand> read_envelope(std::string_view rest, Command& command) {
  const bool mail = command.verb == Verb::kMail;
  const std::string_view keyword = mail ? "FROM:" : "TO:";
  if (!same(rest.substr(0, keyword.size()), keyword)) return kSyntax;
  Cursor cursor(rest.substr(keyword.size()));
  cursor.take_while(is_blank);
  command.argument = read_path(cursor);
  if (cursor.failed()) return mail ? kBadSender : kBadRecipient;
  if (!mail && command.argument.empty()) return kBadRecipient;
  const auto parameters = cursor.rest();
  if (!parameters.empty() && !is_blank(parameters.front())) return kSyntax;
  if (mail) return read_mail_parameters(parameters, command);
  if (!trimmed(parameters).empty()) return kParameter;
  return std::nullopt;
}

std::optional<BadCommand> read_hello(std::string_view rest, Command& command) {
  // Some clients add words behind the name; the name is the first word.
  const auto name = rest.substr(0, std::min(rest.find(' '), rest.find('\t')));
  if (name.empty()) return BadCommand{501, "5.5.4", "a name is needed"};
  if (name.size() > kMaxHello || !std::all_of(name.begin(), name.end(), is_graphic)) return kSyntax;
  command.argument = name;
  return std::nullopt;
}

}  // namespace

ParsedCommand parse_command(std::string_view line) {
  ParsedCommand parsed;
  line = trimmed(line);
  const auto word = line.substr(0, std::min(line.find(' '), line.find('\t')));
  const auto rest = trimmed(line.substr(word.size()));
  Command& command = parsed.command;
  command.verb = verb_from(word);
  switch (command.verb) {
    case Verb::kHelo:
    case Verb::kEhlo:
      parsed.bad = read_hello(rest, command);
      break;
    case Verb::kMail:
    case Verb::kRcpt:
      parsed.bad = read_envelope(rest, command);
      break;
    case Verb::kStartTls:
    case Verb::kData:
    case Verb::kRset:
    case Verb::kQuit:
      if (!rest.empty()) parsed.bad = kSyntax;
      break;
    case Verb::kVrfy:
    case Verb::kExpn:
    case Verb::kHelp:
    case Verb::kAuth:
    case Verb::kNoop:
    case Verb::kForeign:
    case Verb::kUnknown:
      break;
  }
  return parsed;
}

}  // namespace postern::smtp
