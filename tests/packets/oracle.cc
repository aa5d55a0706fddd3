// SPDX-License-Identifier: BSD-3-Clause
//
// Judging by the book, slowly (tests/packets/oracle.h).
#include "tests/packets/oracle.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <set>

#include "dataplane/core/judge.h"

namespace postern::packets {
namespace {

// Thrown by whatever finds out what becomes of the frame.
struct Settled {
  Reason reason;
};

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

struct Segment {
  Bytes link;  // the Ethernet header with its tags
  IpAddress source, destination;
  unsigned source_port = 0, destination_port = 0, flags = 0;
  uint32_t sequence = 0;
  size_t payload = 0;
};

IpAddress address_of(const Bytes& bytes) {
  ps_address raw{};
  std::ranges::copy(bytes, raw.bytes);
  return IpAddress::from_abi(bytes.size() == 4 ? PS_FAMILY_V4 : PS_FAMILY_V6, raw);
}

void read_tcp(const Bytes& bytes, bool fragment, Segment& segment) {
  const Region tcp(bytes, fragment ? Reason::SHORT_FIRST_FRAGMENT : Reason::TRUNCATED_TCP);
  tcp.some(0, 20);
  const size_t header = tcp.u8(12) / 16 * 4;
  if (header < 20) throw Settled{Reason::TRUNCATED_TCP};
  segment.payload = tcp.from(header).size();
  segment.source_port = tcp.u16(0);
  segment.destination_port = tcp.u16(2);
  segment.sequence = tcp.u32(4);
  segment.flags = tcp.u8(13);
}

void read_ipv4(const Region& ip, Segment& segment) {
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
  read_tcp(ip.some(header, total - header), more, segment);
}

const std::set<unsigned> kExtensions = {0, 43, 44, 51, 60};

// `bytes` begins with a header of protocol `next`; `depth` headers came before it.
void read_ipv6_chain(const Bytes& bytes, unsigned next, int depth, bool fragment,
                     Segment& segment) {
  if (!kExtensions.contains(next)) {
    if (next != 6) throw Settled{Reason::NOT_TCP};
    read_tcp(bytes, fragment, segment);
    return;
  }
  if (depth == 6) throw Settled{Reason::DEEP_HEADERS};
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

void read_ipv6(const Region& ip, Segment& segment) {
  ip.some(0, 40);
  if (ip.u8(0) / 16 != 6) throw Settled{Reason::BAD_IP_HEADER};
  segment.source = address_of(ip.some(8, 16));
  segment.destination = address_of(ip.some(24, 16));
  read_ipv6_chain(ip.some(40, ip.u16(4)), ip.u8(6), 0, false, segment);
}

Segment read(const Bytes& bytes) {
  const Region frame(bytes, Reason::TRUNCATED_ETHERNET);
  Segment segment;
  size_t at = 12;
  for (int tags = 0; frame.u16(at) == 0x8100 || frame.u16(at) == 0x88a8; tags++, at += 4)
    if (tags == 2) throw Settled{Reason::ENCAPSULATED};
  segment.link = frame.some(0, at + 2);
  const Region rest(frame.from(at + 2), Reason::BAD_IP_HEADER);
  switch (frame.u16(at)) {
    case 0x0800:
      read_ipv4(rest, segment);
      return segment;
    case 0x86dd:
      read_ipv6(rest, segment);
      return segment;
    case 0x8847:
    case 0x8848:
    case 0x8863:
    case 0x8864:
      throw Settled{Reason::ENCAPSULATED};
    default:
      throw Settled{Reason::NOT_IP};
  }
}

// The entry with the longest prefix that holds the address.
const auto* longest(const auto& entries, const IpAddress& address, auto&& holds) {
  decltype(&*entries.begin()) best = nullptr;
  for (const auto& entry : entries)
    if (entry.prefix.contains(address) && holds(entry) &&
        (best == nullptr || entry.prefix.length() > best->prefix.length()))
      best = &entry;
  return best;
}

bool may_be_answered(const IpAddress& address) {
  const auto& bytes = address.bytes();
  if (address.is_v4()) return bytes[0] != 0 && bytes[0] != 127 && bytes[0] < 224;
  return address != *IpAddress::parse("::") && address != *IpAddress::parse("::1") &&
         bytes[0] != 255;
}

std::optional<Bytes> reply_to(const Segment& segment) {
  if ((segment.link[0] % 2) != 0 || (segment.link[6] % 2) != 0) return std::nullopt;
  if (!may_be_answered(segment.source) || !may_be_answered(segment.destination))
    return std::nullopt;
  const uint32_t length = static_cast<uint32_t>(segment.payload) + 1 + (segment.flags & kFin);
  const Tcp reset = {.flags = kRst | kAck,
                     .destination_port = static_cast<uint16_t>(segment.source_port),
                     .source_port = static_cast<uint16_t>(segment.destination_port),
                     .sequence = 0,
                     .acknowledgement = segment.sequence + length,
                     .window = 0};
  const auto from = segment.destination.to_string(), to = segment.source.to_string();
  const Bytes packet =
      segment.source.is_v4()
          ? (Ipv4{.source = from, .destination = to, .fragment = 0x4000} / reset).bytes()
          : (Ipv6{.source = from, .destination = to} / reset).bytes();
  Bytes frame = segment.link;
  std::swap_ranges(frame.begin(), frame.begin() + 6, frame.begin() + 6);
  frame.insert(frame.end(), packet.begin(), packet.end());
  return frame;
}

Judgement decide(const World& world, const Segment& segment, uint64_t now_ns) {
  const auto* destination =
      longest(world.destinations, segment.destination, [](const auto&) { return true; });
  if (destination == nullptr) throw Settled{Reason::NOT_SERVICE};
  const auto service =
      std::ranges::find(destination->services, segment.destination_port, &ps_service::port);
  if (service == destination->services.end()) throw Settled{Reason::NOT_SERVICE};
  if ((segment.flags & kSyn) == 0 || (segment.flags & (kAck | kRst)) != 0)
    throw Settled{Reason::NOT_ATTEMPT};

  const auto* source = longest(world.sources, segment.source, [](const auto&) { return true; });
  const auto verdict = world.matrix[service->policy][source ? source->address_class : 0];
  Judgement judgement{static_cast<Action>(verdict.action), static_cast<Reason>(verdict.reason), {}};
  const bool is_final =
      judgement.reason == Reason::PROTECTED || judgement.reason == Reason::RULE_ALLOW;
  const auto* entry = longest(world.entries, segment.source,
                              [now_ns](const auto& e) { return e.expires_ns > now_ns; });
  if (!is_final && entry != nullptr) {
    judgement.action = entry->action;
    judgement.reason = entry->action == Action::ALLOW     ? Reason::LEARNED_ALLOW
                       : entry->action == Action::INSPECT ? Reason::LEARNED_INSPECT
                       : entry->action == Action::RESET   ? Reason::LEARNED_RESET
                                                          : Reason::LEARNED_DROP;
  }
  if (judgement.action != Action::RESET) return judgement;
  judgement.reply = reply_to(segment);
  if (!judgement.reply) throw Settled{Reason::NO_REPLY_ROOM};
  return judgement;
}

}  // namespace

Judgement judge_naively(const World* world, ps_port port, const Bytes& frame, uint64_t now_ns) {
  try {
    if (port == PS_PORT_MX) throw Settled{Reason::FROM_INSIDE};
    const auto segment = read(frame);
    if (world == nullptr) throw Settled{Reason::NO_SNAPSHOT};
    return decide(*world, segment, now_ns);
  } catch (const Settled& settled) {
    return {describe(settled.reason).stops ? Action::DROP : Action::ALLOW, settled.reason, {}};
  }
}

Judgement CoreJudge::judge(ps_port port, const Bytes& frame, uint64_t now_ns,
                           bool with_rules) const {
  const auto copy = std::make_unique<uint8_t[]>(frame.size());
  std::ranges::copy(frame, copy.get());
  ps_image image = with_rules ? image_.image() : ps_image{nullptr, 0};
  const auto table = entries_.table();
  ps_packet packet;
  const auto verdict =
      ps_judge(&image, &table, port, copy.get(), copy.get() + frame.size(), now_ns, &packet);
  Judgement judgement{static_cast<Action>(verdict.action), static_cast<Reason>(verdict.reason), {}};
  if (judgement.action != Action::RESET) return judgement;
  const auto bytes = ps_reset_bytes(&packet);
  if (bytes == 0 || bytes > frame.size() ||
      !ps_reset_write(copy.get(), copy.get() + bytes, &packet))
    return judgement;  // without a reply, which is a failure wherever it is compared
  judgement.reply = Bytes(copy.get(), copy.get() + bytes);
  return judgement;
}

std::string hex(const Bytes& bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const auto byte : bytes) {
    text += kDigits[byte / 16];
    text += kDigits[byte % 16];
  }
  return text;
}

std::string to_string(const Judgement& judgement) {
  return std::string(word(judgement.action)) + " " + std::string(word(judgement.reason)) +
         (judgement.reply ? " reply " + hex(*judgement.reply) : "");
}

}  // namespace postern::packets
