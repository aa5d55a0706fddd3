// SPDX-License-Identifier: BSD-3-Clause
//
// 15 octets are read first: no header of either version is shorter. From there on version 2 says
// its length, and the line of version 1 is read octet by octet to its end.
#include "control/smtp/proxy_header.h"

#include <array>
#include <utility>

#include "rules/text/cursor.h"

namespace postern::smtp {
namespace {

constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::string_view kWord = "PROXY ";
constexpr size_t kFirst = 15;     // "PROXY UNKNOWN\r\n"
constexpr size_t kFixed = 16;     // of version 2
constexpr size_t kMaxLine = 107;  // of version 1, with its CRLF (§2.1)

enum Family : uint8_t { kUnspecified = 0x0, kInet = 0x1, kInet6 = 0x2, kUnix = 0x3 };
constexpr uint8_t kStream = 0x1;
constexpr uint8_t kTypeCrc32c = 0x03;

uint8_t octet(char c) noexcept {
  return static_cast<uint8_t>(c);
}

uint16_t take_16(Cursor& cursor) noexcept {
  const auto high = octet(cursor.take());
  return static_cast<uint16_t>(high << 8 | octet(cursor.take()));
}

IpAddress take_address(Cursor& cursor, Family family) {
  if (family == kInet) {
    const uint32_t high = take_16(cursor);
    return IpAddress::v4(high << 16 | take_16(cursor));
  }
  std::array<uint8_t, 16> bytes{};
  const auto taken = cursor.take(bytes.size());
  for (size_t i = 0; i < taken.size(); i++) bytes[i] = octet(taken[i]);
  return IpAddress::v6(bytes);
}

// The checksum is that of the whole header with zeros in its own place (§2.2.3).
bool checksum_holds(std::string_view header, size_t at) {
  std::string zeroed(header);
  uint32_t said = 0;
  for (size_t i = at; i < at + 4; i++) said = said << 8 | octet(std::exchange(zeroed[i], '\0'));
  return crc32c(zeroed) == said;
}

bool tlvs_are_sound(Cursor& cursor, std::string_view header) {
  while (!cursor.at_end()) {
    const uint8_t type = octet(cursor.take());
    const size_t length = take_16(cursor);
    const size_t at = cursor.position();
    cursor.take(length);
    if (cursor.failed()) return false;
    if (type == kTypeCrc32c && (length != 4 || !checksum_holds(header, at))) return false;
  }
  return !cursor.failed();
}

// All of it is there: the length was read from it.
std::optional<ProxyHeader> parse_binary(std::string_view header) {
  Cursor cursor(header);
  cursor.expect(kSignature);
  const uint8_t version_and_command = octet(cursor.take());
  const uint8_t family_and_protocol = octet(cursor.take());
  take_16(cursor);
  const uint8_t command = version_and_command & 0xf;
  if (version_and_command >> 4 != 2 || command > 1) return std::nullopt;
  const uint8_t family = family_and_protocol >> 4;
  const uint8_t protocol = family_and_protocol & 0xf;
  if (family > kUnix || protocol > 2) return std::nullopt;
  // What LOCAL says of families is to be passed over unseen (§2.2), and so is AF_UNSPEC's.
  ProxyHeader result;
  if (command == 0 || family == kUnspecified) return result;
  if (family == kUnix) {
    cursor.take(216);
  } else {
    ProxyEndpoints endpoints;
    endpoints.source = take_address(cursor, static_cast<Family>(family)).unmapped();
    endpoints.destination = take_address(cursor, static_cast<Family>(family)).unmapped();
    endpoints.source_port = take_16(cursor);
    endpoints.destination_port = take_16(cursor);
    if (protocol == kStream) result.endpoints = endpoints;
  }
  if (cursor.failed() || !tlvs_are_sound(cursor, header)) return std::nullopt;
  return result;
}

std::optional<uint16_t> parse_port(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  uint32_t port = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    port = port * 10 + static_cast<uint32_t>(c - '0');
  }
  if (port > 65535) return std::nullopt;
  return static_cast<uint16_t>(port);
}

// line: with its CRLF. One blank between the parts, no other form of anything (§2.1).
std::optional<ProxyHeader> parse_line(std::string_view line) {
  line.remove_suffix(2);
  line.remove_prefix(kWord.size());
  Cursor cursor(line);
  const auto family = cursor.take_until(' ');
  if (family == "UNKNOWN") return ProxyHeader{};  // the rest of the line is to be passed over
  if (family != "TCP4" && family != "TCP6") return std::nullopt;
  std::array<std::string_view, 3> words;
  for (auto& word : words) word = cursor.take_until(' ');
  const auto source = IpAddress::parse(words[0]);
  const auto destination = IpAddress::parse(words[1]);
  const auto source_port = parse_port(words[2]);
  const auto destination_port = parse_port(cursor.rest());
  if (!source || !destination || !source_port || !destination_port) return std::nullopt;
  const bool v4 = family == "TCP4";
  if (source->is_v4() != v4 || destination->is_v4() != v4) return std::nullopt;
  return ProxyHeader{ProxyEndpoints{.source = source->unmapped(),
                                    .destination = destination->unmapped(),
                                    .source_port = *source_port,
                                    .destination_port = *destination_port}};
}

void put_16(std::string& bytes, size_t value) {
  bytes += static_cast<char>(value >> 8 & 0xff);
  bytes += static_cast<char>(value & 0xff);
}

void put_address(std::string& bytes, const IpAddress& address, bool as_v4) {
  if (address.is_v4() && !as_v4) {
    bytes.append(10, '\0');
    bytes.append(2, '\xff');
  }
  const size_t count = address.is_v4() ? 4 : 16;
  for (size_t i = 0; i < count; i++) bytes += static_cast<char>(address.bytes()[i]);
}

size_t length_said(std::string_view input) {
  return size_t{octet(input[14])} << 8 | octet(input[15]);
}

}  // namespace

size_t ProxyHeaderReader::wanted() const noexcept {
  if (broken_ || header_) return 0;
  if (input_.size() < kFirst) return kFirst - input_.size();
  if (input_[0] != kSignature[0]) return 1;
  if (input_.size() < kFixed) return kFixed - input_.size();
  return kFixed + length_said(input_) - input_.size();
}

void ProxyHeaderReader::receive(std::string_view bytes) {
  if (bytes.size() > wanted()) broken_ = true;
  if (broken_ || bytes.empty()) return;
  input_ += bytes;
  const std::string_view input = input_;
  const bool binary = input[0] == kSignature[0];
  const auto expected = binary ? kSignature : kWord;
  const auto begin = input.substr(0, expected.size());
  if (begin != expected.substr(0, begin.size())) broken_ = true;
  if (broken_ || input.size() < kFirst) return;
  if (binary) {
    if (input.size() < kFixed) return;
    const size_t length = length_said(input);
    if (length > kMaxLength) broken_ = true;
    if (broken_ || input.size() < kFixed + length) return;
    header_ = parse_binary(input);
  } else {
    const size_t end = input.find('\n');
    if (end == std::string_view::npos) {
      if (input.size() >= kMaxLine) broken_ = true;
      return;
    }
    if (end + 1 == input.size() && input[end - 1] == '\r') header_ = parse_line(input);
  }
  if (!header_) broken_ = true;
}

std::string write_proxy_header(const std::optional<ProxyEndpoints>& endpoints) {
  std::string header(kSignature);
  header += endpoints ? '\x21' : '\x20';
  if (!endpoints) {
    header += '\0';
    put_16(header, 0);
    return header;
  }
  const bool v4 = endpoints->source.is_v4() && endpoints->destination.is_v4();
  header += static_cast<char>((v4 ? kInet : kInet6) << 4 | kStream);
  put_16(header, v4 ? 12 : 36);
  put_address(header, endpoints->source, v4);
  put_address(header, endpoints->destination, v4);
  put_16(header, endpoints->source_port);
  put_16(header, endpoints->destination_port);
  return header;
}

uint32_t crc32c(std::string_view bytes) noexcept {
  constexpr uint32_t kReversed = 0x82f63b78;
  uint32_t crc = ~uint32_t{0};
  for (const char c : bytes) {
    crc ^= octet(c);
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ ((crc & 1) != 0 ? kReversed : 0);
  }
  return ~crc;
}

}  // namespace postern::smtp
