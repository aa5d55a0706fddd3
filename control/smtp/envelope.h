// SPDX-License-Identifier: BSD-3-Clause
//
// Envelope: what MAIL and RCPT say about a message (RFC 5321 §3.3), with the parameters of the
// extensions that we offer: SIZE (RFC 1870), BODY (RFC 6152), SMTPUTF8 (RFC 6531), RET, ENVID,
// NOTIFY and ORCPT (RFC 3461). Parsed once from the client's line; no byte of the line is handed
// on, what goes to the farm is written anew from these. Addresses are read as others read them:
// blanks after the colon are let pass, and which local parts exist is the farm's business.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace postern::smtp {

enum class BodyType : uint8_t { kSevenBit, kEightBitMime };
// RET: how much of the message a report of its failure gives back (RFC 3461 §4.3).
enum class DsnReturn : uint8_t { kFull, kHeaders };

struct Sender {
  std::string address = {};  // without brackets; empty: the null sender; UTF-8 only with utf8
  std::optional<uint64_t> size = {};  // octets; UINT64_MAX: more than can be counted
  std::optional<BodyType> body = {};
  bool utf8 = false;  // SMTPUTF8
  std::optional<DsnReturn> dsn_return = {};
  std::string envelope_id = {};  // ENVID, still encoded as xtext; empty: none
};

struct Recipient {
  std::string address = {};  // without brackets; never empty
  std::string notify = {};   // NOTIFY in capitals, "NEVER" or of SUCCESS,FAILURE,DELAY; empty: none
  std::string original = {};  // ORCPT, "rfc822;" and xtext as it came; empty: none
};

// Why a line is not a command that we take; reply codes as in RFC 5321 §4.2.2 and RFC 3463. The
// texts live as long as the program.
struct BadCommand {
  int code = 500;
  std::string_view enhanced;
  std::string_view text;
};

// What follows the verb: "FROM:<path> parameters", "TO:<path> parameters".
std::optional<BadCommand> read_sender(std::string_view arguments, Sender& sender);
std::optional<BadCommand> read_recipient(std::string_view arguments, Recipient& recipient);

// True when it holds more than ASCII: only SMTPUTF8 can carry it.
bool needs_utf8(std::string_view address) noexcept;

}  // namespace postern::smtp
