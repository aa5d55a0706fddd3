// SPDX-License-Identifier: BSD-3-Clause
//
// Reading headers from a frame that may be cut or lie (dataplane/engine/frame_headers.h).
#include "dataplane/engine/frame_headers.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "dataplane/core/parse.h"
#include "rules/text/cursor.h"

namespace postern {
namespace {

constexpr uint16_t kArp = 0x0806;
constexpr size_t kArpBytes = 28;
constexpr uint8_t kIcmp = 1, kUdp = 17, kIcmp6 = 58;
constexpr size_t kUdpBytes = 8, kIcmpBytes = 8;
constexpr int kMaxTags = 8;  // more than the core goes through: it is only looked at

uint8_t take8(Cursor& cursor) noexcept {
  return static_cast<uint8_t>(cursor.take());
}
uint16_t take16(Cursor& cursor) noexcept {
  const auto high = take8(cursor);
  return static_cast<uint16_t>(high << 8 | take8(cursor));
}
IpAddress take_v4(Cursor& cursor) noexcept {
  const uint32_t high = take16(cursor);
  return IpAddress::v4(high << 16 | take16(cursor));
}
IpAddress take_v6(Cursor& cursor) noexcept {
  std::array<uint8_t, 16> bytes{};
  for (auto& byte : bytes) byte = take8(cursor);
  return IpAddress::v6(bytes);
}

// Skips the rest of a header, as much of it as there is.
void skip(Cursor& cursor, size_t bytes) noexcept {
  cursor.take(std::min(bytes, cursor.rest().size()));
}

void read_transport(Cursor& cursor, uint8_t protocol, FrameHeaders& headers) noexcept {
  headers.protocol = protocol;
  if (protocol == kIcmp || protocol == kIcmp6) skip(cursor, kIcmpBytes);
  if (protocol != kUdp && protocol != PS_PROTOCOL_TCP) return;
  Cursor ahead = cursor;
  const auto source = take16(ahead), destination = take16(ahead);
  if (!ahead.failed()) {
    headers.source_port = source;
    headers.destination_port = destination;
  }
  ahead.take(8);
  const auto words = take8(ahead) >> 4;
  const auto flags = take8(ahead);
  if (protocol == kUdp) return skip(cursor, kUdpBytes);
  if (ahead.failed()) return skip(cursor, PS_TCP_BYTES);
  headers.tcp_flags = flags;
  skip(cursor, std::max<size_t>(size_t(words) * 4, PS_TCP_BYTES));
}

void read_ipv4(Cursor& cursor, FrameHeaders& headers) noexcept {
  Cursor ahead = cursor;
  const size_t bytes = size_t(take8(ahead) & 15u) * 4;
  ahead.take(5);
  const auto fragment = take16(ahead);
  ahead.take(1);
  const auto protocol = take8(ahead);
  ahead.take(2);
  const auto source = take_v4(ahead), destination = take_v4(ahead);
  skip(cursor, std::max<size_t>(bytes, PS_IPV4_BYTES));
  if (ahead.failed()) return;
  headers.source = source;
  headers.destination = destination;
  headers.protocol = protocol;
  if ((fragment & PS_IPV4_FRAGMENT_OFFSET) == 0) read_transport(cursor, protocol, headers);
}

void read_ipv6(Cursor& cursor, FrameHeaders& headers) noexcept {
  Cursor ahead = cursor;
  ahead.take(6);
  auto next = take8(ahead);
  ahead.take(1);
  const auto source = take_v6(ahead), destination = take_v6(ahead);
  skip(cursor, PS_IPV6_BYTES);
  if (ahead.failed()) return;
  headers.source = source;
  headers.destination = destination;
  // Each extension header takes bytes, so that this ends with them.
  while (ps_is_extension(next)) {
    headers.protocol = next;
    ahead = cursor;
    const auto after = take8(ahead), length = take8(ahead);
    const auto rest = take16(ahead);
    if (ahead.failed()) return skip(cursor, PS_EXTENSION_BYTES);
    size_t bytes = (length + 1u) * 8u;
    if (next == PS_PROTOCOL_FRAGMENT) bytes = PS_EXTENSION_BYTES;
    if (next == PS_PROTOCOL_AUTHENTICATION) bytes = (length + 2u) * 4u;
    skip(cursor, bytes);
    const bool is_later = next == PS_PROTOCOL_FRAGMENT && rest >> PS_IPV6_FRAGMENT_OFFSET_SHIFT;
    next = after;
    if (is_later) {
      headers.protocol = next;
      return;
    }
  }
  read_transport(cursor, next, headers);
}

}  // namespace

FrameHeaders read_frame_headers(std::span<const uint8_t> frame) noexcept {
  Cursor cursor(std::string_view(reinterpret_cast<const char*>(frame.data()), frame.size()));
  FrameHeaders headers;
  Cursor ahead = cursor;
  ahead.take(12);
  auto type = take16(ahead);
  skip(cursor, PS_ETHERNET_BYTES);
  for (int tags = 0; tags < kMaxTags && (type == PS_ETHER_VLAN || type == PS_ETHER_SERVICE);
       tags++) {
    ahead = cursor;
    const uint32_t identifier = take16(ahead) & PS_VLAN_IDENTIFIER;
    type = take16(ahead);
    if (tags < 2 && !ahead.failed()) headers.vlan |= identifier << (headers.vlan == 0 ? 16 : 0);
    skip(cursor, PS_VLAN_BYTES);
  }
  if (!ahead.failed() && type == PS_ETHER_IPV4) read_ipv4(cursor, headers);
  if (!ahead.failed() && type == PS_ETHER_IPV6) read_ipv6(cursor, headers);
  if (!ahead.failed() && type == kArp) skip(cursor, kArpBytes);
  headers.bytes = cursor.position();
  return headers;
}

}  // namespace postern
