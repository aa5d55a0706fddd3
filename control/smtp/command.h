// SPDX-License-Identifier: BSD-3-Clause
//
// Command: one line of an SMTP client, parsed (RFC 5321 §4.1.1, RFC 3030 §2 for BDAT). No other
// code looks at what a client typed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "control/smtp/envelope.h"

namespace postern::smtp {

enum class Verb : uint8_t {
  kHelo,
  kEhlo,
  kStartTls,
  kMail,
  kRcpt,
  kData,
  kBdat,
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

// BDAT: so many octets follow the line, whatever is answered.
struct Chunk {
  uint64_t octets = 0;
  bool last = false;
};

struct Command {
  Verb verb = Verb::kUnknown;
  std::string name;     // HELO and EHLO
  Sender sender;        // MAIL
  Recipient recipient;  // RCPT
  Chunk chunk;          // BDAT
};

struct ParsedCommand {
  Command command;  // the verb is set even where bad is
  std::optional<BadCommand> bad;
};

// line: without its line end.
ParsedCommand parse_command(std::string_view line);

}  // namespace postern::smtp
