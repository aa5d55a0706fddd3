// SPDX-License-Identifier: BSD-3-Clause
//
// Any bytes as the first ones of a sampled frame: what is read of them lies within them, and where
// the core finds a whole TCP segment, both read the same.
#include <cstdint>
#include <cstdlib>
#include <span>

#include "dataplane/core/parse.h"
#include "dataplane/engine/frame_headers.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace postern;
  const auto require = [](bool holds) {
    if (!holds) std::abort();
  };
  const auto headers = read_frame_headers(std::span(data, size));
  require(headers.bytes <= size);
  require(headers.source.has_value() == headers.destination.has_value());
  require(headers.source_port.has_value() == headers.destination_port.has_value());
  ps_packet packet;
  if (ps_parse(data, data + size, &packet) != PS_PARSED_TCP) return 0;
  require(headers.source == IpAddress::from_abi(packet.family, packet.source));
  require(headers.destination == IpAddress::from_abi(packet.family, packet.destination));
  require(headers.destination_port == ps_be16_host(packet.destination_port));
  require(headers.tcp_flags == packet.tcp_flags);
  return 0;
}
