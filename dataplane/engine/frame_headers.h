// SPDX-License-Identifier: BSD-3-Clause
//
// FrameHeaders: what the first bytes of a sampled frame say of it, for people: addresses, ports,
// and where its headers end. Goes as far as the bytes do, through frames that ps_parse refuses, and
// judges nothing: that was done by dataplane/core/parse.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "rules/address/address.h"

namespace postern {

struct FrameHeaders {
  uint32_t vlan = 0;  // as in struct ps_packet; of tags beyond the second there is nothing in it
  std::optional<IpAddress> source, destination;           // of the IP header; both or none
  std::optional<uint8_t> protocol;                        // of what follows IP's headers
  std::optional<uint16_t> source_port, destination_port;  // TCP and UDP; both or none
  std::optional<uint8_t> tcp_flags;                       // PS_TCP_*
  // How many bytes of the frame are headers: link, VLAN tags, IP, and TCP, UDP or ICMP; of ARP all.
  // What lies behind is what somebody said. At most as many as there are.
  size_t bytes = 0;
};

FrameHeaders read_frame_headers(std::span<const uint8_t> frame) noexcept;

}  // namespace postern
