// SPDX-License-Identifier: BSD-3-Clause
//
//   LDAPMessage ::= SEQUENCE { messageID INTEGER, [APPLICATION 24] SEQUENCE {
//       resultCode ENUMERATED, matchedDN OCTET STRING, diagnosticMessage OCTET STRING, ... }, ... }
#include "control/directory/start_tls.h"

#include "rules/text/cursor.h"

namespace postern::directory {
namespace {

enum class Tag : uint8_t {
  kInteger = 0x02,
  kOctetString = 0x04,
  kEnumerated = 0x0a,
  kSequence = 0x30,
  kExtendedResponse = 0x78,
};

// BER length, definite, at most four octets of it. Fails the cursor.
size_t take_length(Cursor& cursor) {
  const auto first = static_cast<uint8_t>(cursor.take());
  if (first < 0x80) return first;
  const size_t count = first & 0x7fu;
  if (count == 0 || count > 4) cursor.fail();
  size_t length = 0;
  for (size_t i = 0; i < count && !cursor.failed(); i++)
    length = length << 8 | static_cast<uint8_t>(cursor.take());
  return length;
}

std::string_view take_element(Cursor& cursor, Tag tag) {
  if (static_cast<uint8_t>(cursor.take()) != static_cast<uint8_t>(tag)) cursor.fail();
  const size_t length = take_length(cursor);
  return cursor.take(length);
}

// Not negative, and below 2^31.
uint32_t take_number(Cursor& cursor, Tag tag) {
  const auto octets = take_element(cursor, tag);
  if (octets.empty() || octets.size() > 4 || (octets[0] & 0x80) != 0) cursor.fail();
  uint32_t number = 0;
  for (const char octet : octets.substr(0, 4)) number = number << 8 | static_cast<uint8_t>(octet);
  return number;
}

}  // namespace

std::string start_tls_request() {
  constexpr std::string_view kOid = "1.3.6.1.4.1.1466.20037";
  std::string request("\x30\x1d\x02\x01\x01\x77\x18\x80\x16", 9);
  return request.append(kOid);
}

StartTlsReading read_start_tls_response(std::string_view bytes) {
  constexpr StartTlsReading kMore{};
  const StartTlsReading broken{.broken = true};
  if (bytes.empty()) return kMore;
  if (static_cast<uint8_t>(bytes[0]) != static_cast<uint8_t>(Tag::kSequence)) return broken;
  // The length of the length, then the length itself: until both are there it is too early.
  if (bytes.size() < 2) return kMore;
  const auto first = static_cast<uint8_t>(bytes[1]);
  const size_t header = 2 + (first < 0x80 ? 0 : first & 0x7fu);
  if (header > 6 || first == 0x80) return broken;
  if (bytes.size() < header) return kMore;
  Cursor head(bytes.substr(1));
  const size_t total = header + take_length(head);
  if (total > kMaxStartTlsResponse) return broken;
  if (bytes.size() < total) return kMore;

  Cursor message(bytes.substr(header, total - header));
  const uint32_t id = take_number(message, Tag::kInteger);
  Cursor body(take_element(message, Tag::kExtendedResponse));
  StartTlsReading reading;
  ExtendedResponse response;
  response.code = take_number(body, Tag::kEnumerated);
  take_element(body, Tag::kOctetString);  // matchedDN
  response.diagnostic = take_element(body, Tag::kOctetString);
  response.length = total;
  if (message.failed() || body.failed() || id != 1) return broken;
  reading.response = std::move(response);
  return reading;
}

}  // namespace postern::directory
