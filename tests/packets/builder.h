// SPDX-License-Identifier: BSD-3-Clause
//
// Frames for tests, written as they are spoken of: Ethernet{} / Vlan{.id = 7} / Ipv4{} / Tcp{}.
// Lengths, types and checksums come out right unless a field that would say otherwise is set, so
// that a frame lies only where its test says so. Plain and slow; shares no code with
// dataplane/core.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace postern::packets {

using Bytes = std::vector<uint8_t>;
using Mac = std::array<uint8_t, 6>;

inline constexpr Mac kRouterMac = {0x02, 0, 0, 0, 0, 0x01};  // where attempts come from
inline constexpr Mac kFarmMac = {0x02, 0, 0, 0, 0, 0x02};    // where they go

// All numbers are in host order here. An empty optional is computed.
struct Ethernet {
  Mac destination = kFarmMac;
  Mac source = kRouterMac;
  std::optional<uint16_t> type = {};
};

struct Vlan {
  uint16_t id = 1;
  uint8_t priority = 0;
  uint16_t tag = 0x8100;  // the EtherType that announces it
  std::optional<uint16_t> type = {};
};

struct Ipv4 {
  std::string source = "192.0.2.1";
  std::string destination = "198.51.100.25";
  uint16_t fragment = 0;  // flags and offset, as in the header
  Bytes options = {};     // padded to a multiple of four
  uint8_t version = 4;
  uint8_t hops = 64;
  uint16_t identification = 0;
  std::optional<uint8_t> header_words = {};
  std::optional<uint16_t> total_length = {};
  std::optional<uint8_t> protocol = {};
  std::optional<uint16_t> checksum = {};
};

struct Ipv6 {
  std::string source = "2001:db8:9::1";
  std::string destination = "2001:db8:25::25";
  uint8_t version = 6;
  uint8_t hops = 64;
  std::optional<uint16_t> payload_length = {};
  std::optional<uint8_t> next_header = {};
};

// Hop-by-hop, routing or destination options (length in units of 8 beyond the first), or the
// authentication header (in units of 4, less 2).
struct Extension {
  uint8_t type = 60;
  size_t bytes = 8;  // of the whole header; a multiple of 8 (4 for type 51)
  std::optional<uint8_t> length = {};
  std::optional<uint8_t> next_header = {};
};

struct Fragment6 {
  uint16_t offset = 0;  // in units of 8 bytes
  bool more = false;
  std::optional<uint8_t> next_header = {};
};

inline constexpr uint8_t kFin = 1, kSyn = 2, kRst = 4, kPsh = 8, kAck = 16, kUrg = 32, kEce = 64,
                         kCwr = 128;
struct Tcp {
  uint8_t flags = kSyn;
  uint16_t destination_port = 25;
  uint16_t source_port = 40000;
  uint32_t sequence = 1000;
  uint32_t acknowledgement = 0;
  Bytes options = {};  // padded to a multiple of four
  uint16_t window = 64240;
  std::optional<uint8_t> header_words = {};
  std::optional<uint16_t> checksum = {};
};

// Any other protocol, or what follows the last header. `protocol` is what the header before it says
// when it says nothing itself.
struct Payload {
  Bytes bytes = {};
  uint8_t protocol = 253;
};

using Layer = std::variant<Ethernet, Vlan, Ipv4, Ipv6, Extension, Fragment6, Tcp, Payload>;
template <typename T>
concept IsLayer = std::is_constructible_v<Layer, T> && !std::is_same_v<T, Layer>;

class Packet {
 public:
  template <IsLayer First>
  explicit Packet(First first) {
    layers_.push_back(std::move(first));
  }
  Packet& add(Layer layer) {
    layers_.push_back(std::move(layer));
    return *this;
  }
  Bytes bytes() const;
  operator Bytes() const { return bytes(); }  // NOLINT: that is the notation

 private:
  std::vector<Layer> layers_;
};

template <IsLayer Next>
Packet operator/(Packet packet, Next next) {
  return packet.add(std::move(next));
}
template <IsLayer First, IsLayer Next>
Packet operator/(First first, Next next) {
  return Packet(std::move(first)) / std::move(next);
}

// n bytes 'x'.
Payload payload(size_t count);
// The frame with another last bit.
Bytes flipped(Bytes frame);
// The frame's first bytes.
Bytes cut(Bytes frame, size_t bytes);
// The frame with zeroes behind it, as a network card pads.
Bytes padded(Bytes frame, size_t bytes);

// The Internet checksum of RFC 1071 over bytes, most significant byte first.
uint16_t internet_checksum(const Bytes& bytes);

}  // namespace postern::packets
