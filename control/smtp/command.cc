// SPDX-License-Identifier: BSD-3-Clause
//
// The line is read through Cursor, once. Words behind a command that has none are an error, but for
// those that nobody means (NOOP, VRFY).
#include "control/smtp/command.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "control/smtp/ascii.h"
#include "rules/text/cursor.h"
#include "rules/text/words.h"

namespace postern::smtp {
namespace {

constexpr size_t kMaxHello = 255;

constexpr BadCommand kSyntax{501, "5.5.4", "syntax error in the arguments"};

std::string_view without_wsp(std::string_view text) noexcept {
  while (!text.empty() && is_wsp(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_wsp(text.back())) text.remove_suffix(1);
  return text;
}

Verb verb_from(std::string_view word) noexcept {
  static constexpr std::array<std::pair<std::string_view, Verb>, 21> kVerbs = {{
      {"HELO", Verb::kHelo},       {"EHLO", Verb::kEhlo},        {"STARTTLS", Verb::kStartTls},
      {"MAIL", Verb::kMail},       {"RCPT", Verb::kRcpt},        {"DATA", Verb::kData},
      {"RSET", Verb::kRset},       {"NOOP", Verb::kNoop},        {"QUIT", Verb::kQuit},
      {"VRFY", Verb::kVrfy},       {"EXPN", Verb::kExpn},        {"HELP", Verb::kHelp},
      {"AUTH", Verb::kAuth},       {"GET", Verb::kForeign},      {"POST", Verb::kForeign},
      {"PUT", Verb::kForeign},     {"HEAD", Verb::kForeign},     {"CONNECT", Verb::kForeign},
      {"OPTIONS", Verb::kForeign}, {"HTTP/1.1", Verb::kForeign}, {"BDAT", Verb::kBdat},
  }};
  for (const auto& [name, verb] : kVerbs)
    if (same_word(word, name)) return verb;
  return Verb::kUnknown;
}

std::optional<BadCommand> read_hello(std::string_view rest, std::string& name_said) {
  // Some clients add words behind the name; the name is the first word.
  const auto name = rest.substr(0, std::min(rest.find(' '), rest.find('\t')));
  if (name.empty()) return BadCommand{501, "5.5.4", "a name is needed"};
  if (name.size() > kMaxHello || !std::all_of(name.begin(), name.end(), is_vchar)) return kSyntax;
  name_said = name;
  return std::nullopt;
}

// RFC 3030 §2: chunk-size SP "LAST".
std::optional<BadCommand> read_chunk(std::string_view rest, Chunk& chunk) {
  Cursor cursor(rest);
  const auto number = cursor.take_while([](char c) { return !is_wsp(c); });
  const auto [end, error] =
      std::from_chars(number.data(), number.data() + number.size(), chunk.octets);
  if (error != std::errc{} || end != number.data() + number.size()) return kSyntax;
  cursor.take_while(is_wsp);
  chunk.last = same_word(cursor.rest(), "LAST");
  if (!chunk.last && !cursor.at_end()) return kSyntax;
  return std::nullopt;
}

}  // namespace

ParsedCommand parse_command(std::string_view line) {
  ParsedCommand parsed;
  line = without_wsp(line);
  const auto word = line.substr(0, std::min(line.find(' '), line.find('\t')));
  const auto rest = without_wsp(line.substr(word.size()));
  Command& command = parsed.command;
  command.verb = verb_from(word);
  switch (command.verb) {
    case Verb::kHelo:
    case Verb::kEhlo:
      parsed.bad = read_hello(rest, command.name);
      break;
    case Verb::kMail:
      parsed.bad = read_sender(rest, command.sender);
      break;
    case Verb::kRcpt:
      parsed.bad = read_recipient(rest, command.recipient);
      break;
    case Verb::kBdat:
      parsed.bad = read_chunk(rest, command.chunk);
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
