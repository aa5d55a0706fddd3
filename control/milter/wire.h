// SPDX-License-Identifier: BSD-3-Clause
//
// The vocabulary of the milter protocol, versions 2 to 6, as it is on the wire: what the mail
// server says, what a filter answers, and the bits that the two agree on first. Source: libmilter's
// mfdef.h and mfapi.h (Debian's libmilter-dev); T. Vierling, "The Sendmail Milter Protocol, version
// 2"; draft-adams-milter-protocol-00. The names in comments are theirs.
#pragma once

#include <concepts>
#include <cstdint>

namespace postern::milter {

constexpr uint32_t kNewestVersion = 6;
constexpr uint32_t kOldestVersion = 2;

// From the mail server (SMFIC_*).
enum class Command : char {
  kAbort = 'A',              // this message comes to nothing; no answer
  kBody = 'B',               // a piece of the body
  kConnect = 'C',            // the SMTP client
  kMacro = 'D',              // values that go with the command that follows; no answer
  kEndOfMessage = 'E',       // SMFIC_BODYEOB; may carry the last piece of the body
  kHelo = 'H',               // HELO or EHLO
  kQuitNewConnection = 'K',  // this client is gone, another follows; no answer
  kHeader = 'L',             // one header field
  kMail = 'M',               // MAIL FROM and its parameters
  kEndOfHeader = 'N',        // SMFIC_EOH
  kNegotiate = 'O',          // SMFIC_OPTNEG
  kQuit = 'Q',               // no answer
  kRecipient = 'R',          // RCPT TO and its parameters
  kData = 'T',               // DATA
  kUnknown = 'U',            // a command that the mail server does not know
};

// From us (SMFIR_*).
enum class Response : char {
  kDeleteRecipient = '-',
  kAccept = 'a',
  kContinue = 'c',
  kDiscard = 'd',  // taken, and thrown away
  kInsertHeader = 'i',
  kChangeHeader = 'm',  // an empty value removes the field
  kNegotiate = 'O',     // SMFIC_OPTNEG again
  kProgress = 'p',      // wait longer
  kQuarantine = 'q',
  kSkip = 's',  // no more of the body
  kTempFail = 't',
  kReplyCode = 'y',  // a reply of SMTP
};

// What a filter may do to a message (SMFIF_*).
enum class Actions : uint32_t {
  kNone = 0,
  kAddHeaders = 0x001,
  kDeleteRecipients = 0x008,
  kChangeHeaders = 0x010,
  kQuarantine = 0x020,
  kSetMacroList = 0x100,  // SMFIF_SETSYMLIST
};

// What is sent, what is answered, and in which form (SMFIP_*).
enum class Protocol : uint32_t {
  kNone = 0,
  kNoUnknown = 0x000100,
  kNoData = 0x000200,
  kSkip = 0x000400,
  kNoReplyHeader = 0x000080,
  kNoReplyConnect = 0x001000,
  kNoReplyRecipient = 0x008000,
  kNoReplyData = 0x010000,
  kNoReplyUnknown = 0x020000,
  kNoReplyEndOfHeader = 0x040000,
  kLeadingSpace = 0x100000,  // SMFIP_HDR_LEADSPC: blanks before a field's value are part of it
};

template <typename Bits>
concept WireBits = std::same_as<Bits, Actions> || std::same_as<Bits, Protocol>;
template <WireBits Bits>
constexpr Bits operator|(Bits a, Bits b) noexcept {
  return static_cast<Bits>(static_cast<uint32_t>(a) | static_cast<uint32_t>(b));
}
template <WireBits Bits>
constexpr Bits operator&(Bits a, Bits b) noexcept {
  return static_cast<Bits>(static_cast<uint32_t>(a) & static_cast<uint32_t>(b));
}
template <WireBits Bits>
constexpr bool includes(Bits all, Bits wanted) noexcept {
  return (all & wanted) == wanted;
}

// SMFIM_*: the places where macros can be asked for.
enum class MacroPlace : uint32_t { kHelo = 1, kMail = 2, kEndOfMessage = 5 };

}  // namespace postern::milter
