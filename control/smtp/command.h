// SPDX-License-Identifier: BSD-3-Clause
//
// Command: one line of an SMTP client, parsed (RFC 5321 §4.1.1). What the line says is kept in a
// form that can be written anew for the farm; no byte of it is ever handed on raw. Addresses are
// read as others read them: blanks after the colon are let pass, and which local parts exist is
// the farm's business.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace postern::smtp {

enum class Verb : uint8_t {
  kHelo,
  kEhlo,
  kStartTls,
  kMail,
  kRcpt,
  kData,
  kRset,
  kNoop,
  kQuit,
  kVrfy,
  kExpn,
  kHelp,
  kAuth,
  kForeign,  // the first line of another protocol (HTTP): somebody's browser was made to speak
  kUnknown,
};

struct Command {
  Verb verb = Verb::kUnknown;
  std::string argument;  // HELO and EHLO: the name; MAIL and RCPT: the address, without brackets
  std::optional<uint64_t> size;   // MAIL: SIZE= (RFC 1870)
  std::optional<bool> eight_bit;  // MAIL: BODY= (RFC 6152); true for 8BITMIME
};

// Why a line is not a command that we take; reply codes as in RFC 5321 §4.2.2 and RFC 3463.
struct BadCommand {
  int code = 500;
  std::string_view enhanced;
  std::string_view text;
};

struct ParsedCommand {
  Command command;  // the verb is set even where bad is
  std::optional<BadCommand> bad;
};

// line: without its line end.
ParsedCommand parse_command(std::string_view line);

}  // namespace postern::smtp
