// SPDX-License-Identifier: BSD-3-Clause
//
// Judging captured frames; see offline_judge.h.
#include "control/cli/offline_judge.h"

#include <algorithm>
#include <cstddef>

namespace postern::cli {
namespace {

// No frame of an Ethernet that exists is longer; a length in a capture may lie.
constexpr size_t kLongestFrame = 262'144;

// Room for 65,536 sources, as an engine has by default.
constexpr uint32_t kLimitBucketsLog2 = 13;

// What a frame may be said to be because bytes are missing at its end.
bool may_come_from_a_cut(ps_reason parsed) {
  return parsed == PS_REASON_TRUNCATED_ETHERNET || parsed == PS_REASON_BAD_IP_HEADER ||
         parsed == PS_REASON_TRUNCATED_TCP || parsed == PS_REASON_SHORT_FIRST_FRAGMENT;
}

// A frame of which `captured` bytes are known, with two fillings for the rest: whether the parse of
// both depends on known bytes only.
bool is_certain(size_t captured, const uint8_t* known, ps_reason zeros, ps_reason ones,
                const ps_packet& packet) {
  if (zeros != ones) return false;
  if (zeros == PS_PARSED_TCP) return packet.l4_offset + size_t{PS_TCP_BYTES} <= captured;
  const size_t ip = packet.l3_offset;
  if (ip == 0 || ip >= captured) return false;
  if (known[ip] >> 4 == 4) {
    if (ip + PS_IPV4_BYTES > captured) return false;
    // Everything but the TCP header is decided within the fixed part of IPv4's.
    const size_t header_bytes = (known[ip] & 15u) * 4u;
    return (zeros != PS_REASON_TRUNCATED_TCP && zeros != PS_REASON_SHORT_FIRST_FRAGMENT) ||
           ip + header_bytes + PS_TCP_BYTES <= captured;
  }
  // An IPv6 chain of headers may go on in the part that is missing: there, two fillings that both
  // stop the frame prove nothing.
  return ip + PS_IPV6_BYTES <= captured && !ps_reason_stops(zeros);
}

void read_addresses(const uint8_t* data, size_t bytes, size_t ip, Judgement& judgement) {
  if (ip == 0 || ip >= bytes) return;
  ps_address source{}, destination{};
  if (data[ip] >> 4 == 4 && bytes - ip >= PS_IPV4_BYTES) {
    std::copy_n(data + ip + offsetof(ps_ipv4_header, source), 4, source.bytes);
    std::copy_n(data + ip + offsetof(ps_ipv4_header, destination), 4, destination.bytes);
    judgement.source = IpAddress::from_abi(PS_FAMILY_V4, source);
    judgement.destination = IpAddress::from_abi(PS_FAMILY_V4, destination);
  } else if (data[ip] >> 4 == 6 && bytes - ip >= PS_IPV6_BYTES) {
    std::copy_n(data + ip + offsetof(ps_ipv6_header, source), 16, source.bytes);
    std::copy_n(data + ip + offsetof(ps_ipv6_header, destination), 16, destination.bytes);
    judgement.source = IpAddress::from_abi(PS_FAMILY_V6, source);
    judgement.destination = IpAddress::from_abi(PS_FAMILY_V6, destination);
  }
}

}  // namespace

OfflineJudge::OfflineJudge(std::shared_ptr<const Snapshot> snapshot, ps_port port)
    : snapshot_(std::move(snapshot)),
      image_(snapshot_->image()),
      port_(port),
      limits_(1 + (size_t{1} << kLimitBucketsLog2)),
      rules_(snapshot_, snapshot_->created()) {
  // Nobody who wrote a capture chooses where in this table it comes to lie: no seed.
  auto& header = *reinterpret_cast<ps_limit_header*>(limits_.data());
  header.buckets_log2 = kLimitBucketsLog2;
  header.in_use = 1;
}

// What decided, if it was a rule. The frame has addresses and ports then.
const ConnectionRule* OfflineJudge::rule_of(const Judgement& judgement) {
  const auto& decision = *judgement.verdict;
  if (!judgement.source || !judgement.destination_port) return nullptr;
  return rules_.rule_of({port_, *judgement.source, *judgement.destination,
                         *judgement.destination_port, judgement.vlan, decision.rule,
                         ps_stops(&decision) && decision.rule == 0 && decision.over_limit != 0});
}

Judgement OfflineJudge::judge(const CapturedFrame& frame) {
  const uint8_t* data = frame.bytes.data();
  const size_t captured = frame.bytes.size();
  size_t length = captured;
  ps_packet packet;
  ps_reason parsed = ps_parse(data, data + length, &packet);
  bool certain = true;
  if (frame.is_cut() && may_come_from_a_cut(parsed)) {
    if (parsed == PS_REASON_TRUNCATED_ETHERNET) {
      certain = false;
    } else {
      length = std::clamp<size_t>(frame.wire_bytes, captured, kLongestFrame);
      whole_.assign(frame.bytes.begin(), frame.bytes.end());
      whole_.resize(length, 0xff);
      const ps_reason ones = ps_parse(whole_.data(), whole_.data() + length, &packet);
      std::fill(whole_.begin() + static_cast<std::ptrdiff_t>(captured), whole_.end(), uint8_t{0});
      parsed = ps_parse(whole_.data(), whole_.data() + length, &packet);
      certain = is_certain(captured, data, parsed, ones, packet);
      data = whole_.data();
    }
  }

  Judgement judgement;
  // Not-IP frames have an l3_offset too; what lies there is no address.
  const bool is_ip = parsed != PS_REASON_NOT_IP && parsed != PS_REASON_ENCAPSULATED &&
                     parsed != PS_REASON_TRUNCATED_ETHERNET;
  if (is_ip) read_addresses(frame.bytes.data(), captured, packet.l3_offset, judgement);
  if (certain && parsed == PS_PARSED_TCP) {
    judgement.source_port = ps_be16_host(packet.source_port);
    judgement.destination_port = ps_be16_host(packet.destination_port);
    judgement.vlan = packet.vlan;
  }
  // Where nobody looks at a frame, nothing that is missing could change what becomes of it.
  if (!certain && ps_wants_parse(&image_, port_)) return judgement;
  static constexpr ps_cookie_keys kNoCookies{};
  const ps_tables tables{
      {nullptr, 0, nullptr}, {limits_.data(), static_cast<uint32_t>(limits_.size())}, &kNoCookies};
  judgement.verdict = ps_judge(&image_, &tables, port_, data, data + length,
                               static_cast<uint64_t>(std::max<int64_t>(frame.time_ns, 0)), &packet);
  judgement.rule = rule_of(judgement);
  return judgement;
}

}  // namespace postern::cli
