// SPDX-License-Identifier: BSD-3-Clause
//
// A parameter that appears twice, has no value where it needs one, or is not known makes the whole
// command bad: what we did not understand must not come to nothing silently (RFC 5321 §4.1.1.11).
#include "control/smtp/envelope.h"

#include <algorithm>
#include <charconv>

#include "control/smtp/ascii.h"
#include "rules/text/cursor.h"
#include "rules/text/utf8.h"
#include "rules/text/words.h"

namespace postern::smtp {
namespace {

// RFC 5321 §4.5.3.1.3 allows 256 octets for a path; senders with long tagged addresses exist.
constexpr size_t kMaxPath = 512;
constexpr size_t kMaxEnvelopeId = 100;  // RFC 3461 §4.4
constexpr size_t kMaxOriginal = 500;    // RFC 3461 §4.2

constexpr BadCommand kSyntax{501, "5.5.4", "syntax error in the arguments"};
constexpr BadCommand kBadSender{501, "5.1.7", "not an address"};
constexpr BadCommand kBadRecipient{501, "5.1.3", "not an address"};
constexpr BadCommand kParameter{555, "5.5.4", "parameter not recognised or not implemented"};
constexpr BadCommand kTwice{501, "5.5.4", "the same parameter twice"};

struct Parameter {
  std::string_view name;
  std::optional<std::string_view> value;  // nullopt: there is no '='
};

bool is_address_byte(char c) noexcept {
  return is_vchar(c) || static_cast<unsigned char>(c) >= 0x80;
}

// RFC 5321 §4.1.2 Path, without the brackets and the source route, which is to be ignored. A quoted
// local part may hold '>' and blanks. Fails the cursor on anything else.
std::string read_path(Cursor& cursor) {
  cursor.expect("<");
  if (cursor.peek() == '@') {
    cursor.take_while([](char c) { return is_vchar(c) && c != ':' && c != '>'; });
    cursor.expect(":");
  }
  std::string path;
  bool quoted = false;
  while (!cursor.failed()) {
    const char c = cursor.take();
    if (cursor.failed()) break;
    if (!quoted && c == '>') {
      if (!is_utf8(path)) break;
      return path;
    }
    if (c == '"') {
      // Only a whole local part is quoted: two readers must not disagree where a path ends.
      if (!quoted && !path.empty()) cursor.fail();
      quoted = !quoted;
      if (!quoted && cursor.peek() != '@' && cursor.peek() != '>') cursor.fail();
    }
    if (!is_address_byte(c) && !(quoted && c == ' ')) cursor.fail();
    if (!quoted && c == '<') cursor.fail();
    path += c;
    if (quoted && c == '\\') {
      const char escaped = cursor.take();
      if (!is_vchar(escaped) && escaped != ' ') cursor.fail();
      path += escaped;
    }
    if (path.size() > kMaxPath) cursor.fail();
  }
  cursor.fail();
  return {};
}

// The next " NAME=VALUE" or " NAME"; nullopt at the end.
std::optional<Parameter> next_parameter(Cursor& cursor) {
  cursor.take_while(is_wsp);
  if (cursor.at_end()) return std::nullopt;
  const auto word = cursor.take_while([](char c) { return !is_wsp(c); });
  const size_t equals = word.find('=');
  if (equals == std::string_view::npos) return Parameter{word, std::nullopt};
  return Parameter{word.substr(0, equals), word.substr(equals + 1)};
}

std::optional<BadCommand> read_size(std::string_view value, std::optional<uint64_t>& size) {
  if (size) return kTwice;
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  // RFC 1870 §4: up to 20 digits; what does not fit in 64 bits is larger than any limit.
  if (error == std::errc::result_out_of_range)
    number = UINT64_MAX;
  else if (error != std::errc{})
    return kSyntax;
  if (end != value.data() + value.size() || value.size() > 20) return kSyntax;
  size = number;
  return std::nullopt;
}

std::optional<BadCommand> read_body(std::string_view value, std::optional<BodyType>& body) {
  if (body) return kTwice;
  if (same_word(value, "7BIT"))
    body = BodyType::kSevenBit;
  else if (same_word(value, "8BITMIME"))
    body = BodyType::kEightBitMime;
  else
    return kSyntax;  // BINARYMIME too: it is not offered
  return std::nullopt;
}

std::optional<BadCommand> read_return(std::string_view value, std::optional<DsnReturn>& kind) {
  if (kind) return kTwice;
  if (same_word(value, "FULL"))
    kind = DsnReturn::kFull;
  else if (same_word(value, "HDRS"))
    kind = DsnReturn::kHeaders;
  else
    return kSyntax;
  return std::nullopt;
}

// Copies it where it is short and can be written into a command again.
std::optional<BadCommand> read_encoded(std::string_view value, size_t most, std::string& into) {
  if (!into.empty()) return kTwice;
  if (value.empty() || value.size() > most || !std::ranges::all_of(value, is_vchar)) return kSyntax;
  into = value;
  return std::nullopt;
}

// RFC 3461 §4.1: NEVER alone, or a list of the others, none of them twice.
std::optional<BadCommand> read_notify(std::string_view value, std::string& notify) {
  if (!notify.empty()) return kTwice;
  bool success = false, failure = false, delay = false;
  const bool never = same_word(value, "NEVER");
  Cursor cursor(value);
  while (!never) {
    const auto word = cursor.take_while([](char c) { return c != ','; });
    bool* const seen = same_word(word, "SUCCESS")   ? &success
                       : same_word(word, "FAILURE") ? &failure
                       : same_word(word, "DELAY")   ? &delay
                                                    : nullptr;
    if (seen == nullptr || *seen) return kSyntax;
    *seen = true;
    if (cursor.at_end()) break;
    cursor.expect(",");
  }
  for (const char c : value) notify += upper(c);
  return std::nullopt;
}

std::optional<BadCommand> read_mail_parameters(Cursor& cursor, Sender& sender) {
  while (const auto parameter = next_parameter(cursor)) {
    const auto is = [&](std::string_view name) { return same_word(parameter->name, name); };
    std::optional<BadCommand> bad = kParameter;
    if (is("SMTPUTF8")) {
      bad = parameter->value ? std::optional(kSyntax) : std::nullopt;
      if (sender.utf8) bad = kTwice;
      sender.utf8 = true;
    } else if (const auto value = parameter->value.value_or(""); is("SIZE")) {
      bad = read_size(value, sender.size);
    } else if (is("BODY")) {
      bad = read_body(value, sender.body);
    } else if (is("RET")) {
      bad = read_return(value, sender.dsn_return);
    } else if (is("ENVID")) {
      bad = read_encoded(value, kMaxEnvelopeId, sender.envelope_id);
    }
    if (bad) return bad;
  }
  return std::nullopt;
}

std::optional<BadCommand> read_rcpt_parameters(Cursor& cursor, Recipient& recipient) {
  while (const auto parameter = next_parameter(cursor)) {
    const auto value = parameter->value.value_or("");
    std::optional<BadCommand> bad = kParameter;
    if (same_word(parameter->name, "NOTIFY")) {
      bad = read_notify(value, recipient.notify);
    } else if (same_word(parameter->name, "ORCPT")) {
      bad = value.find(';') == std::string_view::npos
                ? std::optional(kSyntax)
                : read_encoded(value, kMaxOriginal, recipient.original);
    }
    if (bad) return bad;
  }
  return std::nullopt;
}

// "FROM:<path>", up to the parameters. False where it is none.
bool read_keyword_and_path(std::string_view keyword, Cursor& cursor, std::string& address) {
  cursor.take_while(is_wsp);
  if (!same_word(cursor.take(keyword.size()), keyword)) return false;
  cursor.take_while(is_wsp);
  address = read_path(cursor);
  return !cursor.failed() && (cursor.at_end() || is_wsp(cursor.peek()));
}

}  // namespace

bool needs_utf8(std::string_view address) noexcept {
  return std::ranges::any_of(address, [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
}

std::optional<BadCommand> read_sender(std::string_view arguments, Sender& sender) {
  Cursor cursor(arguments);
  if (!read_keyword_and_path("FROM:", cursor, sender.address)) return kBadSender;
  return read_mail_parameters(cursor, sender);
}

std::optional<BadCommand> read_recipient(std::string_view arguments, Recipient& recipient) {
  Cursor cursor(arguments);
  if (!read_keyword_and_path("TO:", cursor, recipient.address)) return kBadRecipient;
  if (recipient.address.empty()) return kBadRecipient;
  return read_rcpt_parameters(cursor, recipient);
}

}  // namespace postern::smtp
