// SPDX-License-Identifier: BSD-3-Clause
//
// Reading byte by byte (tests/packets/naive_segment.h).
#include "tests/packets/naive_segment.h"

#include <algorithm>
#include <set>
#include <utility>

namespace postern::packets {
namespace {

// Bytes that know what it means when they end.
class Region {
 public:
  Region(Bytes bytes, Reason too_short) : bytes_(std::move(bytes)), too_short_(too_short) {}
  size_t size() const { return bytes_.size(); }
  unsigned u8(size_t at) const {
    if (at >= bytes_.size()) throw Settled{too_short_};
    return bytes_[at];
  }
  unsigned u16(size_t at) const { return u8(at) * 256 + u8(at + 1); }
  uint32_t u32(size_t at) const { return uint32_t{u16(at)} * 65536 + u16(at + 2); }
  Bytes some(size_t at, size_t count) const {
    Bytes part;
    for (size_t i = 0; i < count; i++) part.push_back(static_cast<uint8_t>(u8(at + i)));
    return part;
  }
  Bytes from(size_t at) const {
    if (at > bytes_.size()) throw Settled{too_short_};
    return Bytes(bytes_.begin() + static_cast<ptrdiff_t>(at), bytes_.end());
  }

 private:
  Bytes bytes_;
  Reason too_short_;
};

IpAddress address_of(const Bytes& bytes) {
  ps_address raw{};
  std::ranges::copy(bytes, raw.bytes);
  return IpAddress::from_abi(bytes.size() == 4 ? PS_FAMILY_V4 : PS_FAMILY_V6, raw);
}

void read_tcp(const Bytes& bytes, bool fragment, NaiveSegment& segment) {
  const Region tcp(bytes, fragment ? Reason::SHORT_FIRST_FRAGMENT : Reason::TRUNCATED_TCP);
  tcp.some(0, 20);
  const size_t header = tcp.u8(12) / 16 * 4;
  if (header < 20) throw Settled{Reason::TRUNCATED_TCP};
  segment.payload = tcp.from(header);
  segment.tcp = bytes;
  segment.is_fragment = fragment;
  segment.source_port = tcp.u16(0);
  segment.destination_port = tcp.u16(2);
  segment.sequence = tcp.u32(4);
  segment.acknowledgement = tcp.u32(8);
  segment.flags = tcp.u8(13);
}

void read_ipv4(const Region& ip, NaiveSegment& segment) {
  ip.some(0, 20);
  const size_t header = ip.u8(0) % 16 * 4, total = ip.u16(2);
  if (ip.u8(0) / 16 != 4 || header < 20 || total < header || total > ip.size())
    throw Settled{Reason::BAD_IP_HEADER};
  if (ip.u8(9) != 6) throw Settled{Reason::NOT_TCP};
  const unsigned offset = ip.u16(6) % 8192;
  const bool more = ip.u16(6) / 8192 % 2 == 1;
  if (offset == 1) throw Settled{Reason::OVERLAPPING_FRAGMENT};
  if (offset > 1) throw Settled{Reason::LATER_FRAGMENT};
  segment.source = address_of(ip.some(12, 4));
  segment.destination = address_of(ip.some(16, 4));
  segment.ip_header = ip.some(0, header);
  segment.tcp_at = segment.link.size() + header;
  read_tcp(ip.some(header, total - header), more, segment);
}

const std::set<unsigned> kExtensions = {0, 43, 44, 51, 60};

// `bytes` begins with a header of protocol `next`; `depth` headers came before it.
void read_ipv6_chain(const Bytes& bytes, unsigned next, int depth, bool fragment,
                     NaiveSegment& segment) {
  if (!kExtensions.contains(next)) {
    if (next != 6) throw Settled{Reason::NOT_TCP};
    read_tcp(bytes, fragment, segment);
    return;
  }
  if (depth == 6) throw TooDeep{};
  const Region header(bytes, fragment ? Reason::SHORT_FIRST_FRAGMENT : Reason::BAD_IP_HEADER);
  header.some(0, 8);
  const unsigned after = header.u8(0);
  size_t length = 8;
  if (next == 44) {
    const unsigned offset = header.u16(2) / 8;
    if (offset > 0) {
      if (after != 6 && !kExtensions.contains(after)) throw Settled{Reason::NOT_TCP};
      throw Settled{offset == 1 && after == 6 ? Reason::OVERLAPPING_FRAGMENT
                                              : Reason::LATER_FRAGMENT};
    }
    if (header.u16(2) % 2 == 1) fragment = true;
  } else if (next == 51) {
    length = (header.u8(1) + 2) * 4;
  } else {
    length = (header.u8(1) + 1) * 8;
  }
  // What is cut off inside this header is judged by whether it was a fragment before it.
  read_ipv6_chain(header.from(length), after, depth + 1, fragment, segment);
}

void read_ipv6(const Region& ip, NaiveSegment& segment) {
  ip.some(0, 40);
  if (ip.u8(0) / 16 != 6) throw Settled{Reason::BAD_IP_HEADER};
  segment.source = address_of(ip.some(8, 16));
  segment.destination = address_of(ip.some(24, 16));
  const auto chain = ip.some(40, ip.u16(4));
  read_ipv6_chain(chain, ip.u8(6), 0, false, segment);
  segment.tcp_at = segment.link.size() + 40 + chain.size() - segment.tcp.size();
}

}  // namespace

void read(const Bytes& bytes, NaiveSegment& segment) {
  const Region frame(bytes, Reason::TRUNCATED_ETHERNET);
  size_t at = 12;
  for (int tags = 0; frame.u16(at) == 0x8100 || frame.u16(at) == 0x88a8; tags++, at += 4)
    if (tags == 2) throw Settled{Reason::ENCAPSULATED};
  segment.link = frame.some(0, at + 2);
  const Region rest(frame.from(at + 2), Reason::BAD_IP_HEADER);
  switch (frame.u16(at)) {
    case 0x0800:
      read_ipv4(rest, segment);
      return;
    case 0x86dd:
      read_ipv6(rest, segment);
      return;
    case 0x8847:
    case 0x8848:
    case 0x8863:
    case 0x8864:
      throw Settled{Reason::ENCAPSULATED};
    default:
      throw Settled{Reason::NOT_IP};
  }
}

namespace {

// What TCP's checksum is taken over (RFC 9293 section 3.1, RFC 8200 section 8.1).
Bytes summed_bytes(const NaiveSegment& segment) {
  Bytes bytes;
  const auto size = segment.source.is_v4() ? 4 : 16;
  for (const auto& address : {segment.source, segment.destination})
    bytes.insert(bytes.end(), address.bytes().begin(), address.bytes().begin() + size);
  const auto length = segment.tcp.size();
  for (const size_t byte : {length >> 24, length >> 16, length >> 8, length, size_t{0}, size_t{0},
                            size_t{0}, size_t{6}})
    bytes.push_back(static_cast<uint8_t>(byte));
  bytes.insert(bytes.end(), segment.tcp.begin(), segment.tcp.end());
  return bytes;
}

}  // namespace

bool is_intact(const NaiveSegment& segment) {
  return internet_checksum(segment.ip_header) == (segment.source.is_v4() ? 0 : 0xffff) &&
         internet_checksum(summed_bytes(segment)) == 0;
}

Bytes with_checksums(Bytes frame) {
  NaiveSegment segment;
  try {
    read(frame, segment);
  } catch (const Settled&) {
    return frame;
  } catch (const TooDeep&) {
    return frame;
  }
  const auto put = [](Bytes& bytes, size_t at, unsigned sum) {
    bytes.at(at) = static_cast<uint8_t>(sum >> 8);
    bytes.at(at + 1) = static_cast<uint8_t>(sum);
  };
  if (segment.source.is_v4()) {
    put(segment.ip_header, 10, 0);
    put(frame, segment.link.size() + 10, internet_checksum(segment.ip_header));
  }
  put(segment.tcp, 16, 0);
  put(frame, segment.tcp_at + 16, internet_checksum(summed_bytes(segment)));
  return frame;
}

}  // namespace postern::packets
