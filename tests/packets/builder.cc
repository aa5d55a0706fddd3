// SPDX-License-Identifier: BSD-3-Clause
//
// Composing frames from the last layer to the first (tests/packets/builder.h).
#include "tests/packets/builder.h"

#include <arpa/inet.h>

#include <algorithm>
#include <stdexcept>

namespace postern::packets {
namespace {

void put8(Bytes& bytes, unsigned value) {
  bytes.push_back(static_cast<uint8_t>(value));
}
void put16(Bytes& bytes, unsigned value) {
  put8(bytes, value >> 8);
  put8(bytes, value & 255);
}
void put32(Bytes& bytes, uint32_t value) {
  put16(bytes, value >> 16);
  put16(bytes, value & 65535);
}
void put(Bytes& bytes, const auto& more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
}
void set16(Bytes& bytes, size_t at, unsigned value) {
  bytes.at(at) = static_cast<uint8_t>(value >> 8);
  bytes.at(at + 1) = static_cast<uint8_t>(value);
}

Bytes address(const std::string& text) {
  Bytes bytes(text.find(':') == std::string::npos ? 4 : 16);
  if (inet_pton(bytes.size() == 4 ? AF_INET : AF_INET6, text.c_str(), bytes.data()) != 1)
    throw std::invalid_argument("not an address: " + text);
  return bytes;
}

Bytes options_of(Bytes options) {
  while (options.size() % 4 != 0) options.push_back(0);
  return options;
}

// What the layer before `layer` announces it as.
unsigned ether_type_of(const Layer* layer) {
  if (layer == nullptr) return 0;
  if (const auto* vlan = std::get_if<Vlan>(layer)) return vlan->tag;
  if (std::holds_alternative<Ipv4>(*layer)) return 0x0800;
  if (std::holds_alternative<Ipv6>(*layer)) return 0x86dd;
  return 0x88b5;  // for local experiments
}
unsigned protocol_of(const Layer* layer) {
  if (layer == nullptr) return 59;  // no next header
  if (std::holds_alternative<Tcp>(*layer)) return 6;
  if (std::holds_alternative<Fragment6>(*layer)) return 44;
  if (const auto* extension = std::get_if<Extension>(layer)) return extension->type;
  if (const auto* rest = std::get_if<Payload>(layer)) return rest->protocol;
  return 253;
}

struct Encoder {
  const std::vector<Layer>& layers;
  size_t index;
  const Bytes& rest;  // all layers behind this one

  const Layer* next() const { return index + 1 < layers.size() ? &layers[index + 1] : nullptr; }

  Bytes operator()(const Ethernet& layer) const {
    Bytes bytes;
    put(bytes, layer.destination);
    put(bytes, layer.source);
    put16(bytes, layer.type.value_or(static_cast<uint16_t>(ether_type_of(next()))));
    return bytes;
  }
  Bytes operator()(const Vlan& layer) const {
    Bytes bytes;
    put16(bytes, static_cast<unsigned>(layer.priority << 13 | layer.id));
    put16(bytes, layer.type.value_or(static_cast<uint16_t>(ether_type_of(next()))));
    return bytes;
  }
  Bytes operator()(const Ipv4& layer) const {
    const Bytes options = options_of(layer.options);
    const size_t header = 20 + options.size();
    Bytes bytes;
    put8(bytes,
         layer.version * 16u + layer.header_words.value_or(static_cast<uint8_t>(header / 4)));
    put8(bytes, 0);
    put16(bytes, layer.total_length.value_or(static_cast<uint16_t>(header + rest.size())));
    put16(bytes, layer.identification);
    put16(bytes, layer.fragment);
    put8(bytes, layer.hops);
    put8(bytes, layer.protocol.value_or(static_cast<uint8_t>(protocol_of(next()))));
    put16(bytes, 0);
    put(bytes, address(layer.source));
    put(bytes, address(layer.destination));
    put(bytes, options);
    set16(bytes, 10, layer.checksum.value_or(internet_checksum(bytes)));
    return bytes;
  }
  Bytes operator()(const Ipv6& layer) const {
    Bytes bytes;
    put32(bytes, static_cast<uint32_t>(layer.version) << 28);
    put16(bytes, layer.payload_length.value_or(static_cast<uint16_t>(rest.size())));
    put8(bytes, layer.next_header.value_or(static_cast<uint8_t>(protocol_of(next()))));
    put8(bytes, layer.hops);
    put(bytes, address(layer.source));
    put(bytes, address(layer.destination));
    return bytes;
  }
  Bytes operator()(const Extension& layer) const {
    const size_t length = layer.type == 51 ? layer.bytes / 4 - 2 : layer.bytes / 8 - 1;
    Bytes bytes;
    put8(bytes, layer.next_header.value_or(static_cast<uint8_t>(protocol_of(next()))));
    put8(bytes, layer.length.value_or(static_cast<uint8_t>(length)));
    // A PadN option (RFC 8200 §4.2) where options are; zeroes in the others.
    if (layer.type == 0 || layer.type == 60) {
      put8(bytes, 1);
      put8(bytes, static_cast<unsigned>(layer.bytes - 4));
    }
    bytes.resize(layer.bytes);
    return bytes;
  }
  Bytes operator()(const Fragment6& layer) const {
    Bytes bytes;
    put8(bytes, layer.next_header.value_or(static_cast<uint8_t>(protocol_of(next()))));
    put8(bytes, 0);
    put16(bytes, static_cast<unsigned>(layer.offset << 3 | (layer.more ? 1 : 0)));
    put32(bytes, 0x5eed);
    return bytes;
  }
  Bytes operator()(const Tcp& layer) const {
    const Bytes options = options_of(layer.options);
    const size_t header = 20 + options.size();
    Bytes bytes;
    put16(bytes, layer.source_port);
    put16(bytes, layer.destination_port);
    put32(bytes, layer.sequence);
    put32(bytes, layer.acknowledgement);
    put8(bytes,
         static_cast<unsigned>(layer.header_words.value_or(static_cast<uint8_t>(header / 4)) << 4));
    put8(bytes, layer.flags);
    put16(bytes, layer.window);
    put16(bytes, 0);
    put16(bytes, 0);
    put(bytes, options);
    set16(bytes, 16, layer.checksum.value_or(checksum(bytes)));
    return bytes;
  }
  Bytes operator()(const Payload& layer) const { return layer.bytes; }

  // With the pseudo header of the nearest IP header before this layer.
  uint16_t checksum(const Bytes& segment) const {
    const auto length = static_cast<uint32_t>(segment.size() + rest.size());
    Bytes summed;
    for (size_t i = index; i-- > 0;) {
      if (const auto* v4 = std::get_if<Ipv4>(&layers[i])) {
        put(summed, address(v4->source));
        put(summed, address(v4->destination));
        break;
      }
      if (const auto* v6 = std::get_if<Ipv6>(&layers[i])) {
        put(summed, address(v6->source));
        put(summed, address(v6->destination));
        break;
      }
    }
    put32(summed, length);
    put32(summed, 6);
    put(summed, segment);
    put(summed, rest);
    return internet_checksum(summed);
  }
};

}  // namespace

uint16_t internet_checksum(const Bytes& bytes) {
  uint64_t sum = 0;
  for (size_t i = 0; i < bytes.size(); i++) sum += i % 2 == 0 ? bytes[i] * 256u : bytes[i];
  while (sum > 65535) sum = sum % 65536 + sum / 65536;
  return static_cast<uint16_t>(~sum);
}

Bytes Packet::bytes() const {
  Bytes all;
  for (size_t i = layers_.size(); i-- > 0;) {
    Bytes layer = std::visit(Encoder{layers_, i, all}, layers_[i]);
    put(layer, all);
    all = std::move(layer);
  }
  return all;
}

Payload payload(size_t count) {
  return {Bytes(count, 'x')};
}

Bytes flipped(Bytes frame) {
  frame.back() ^= 1;
  return frame;
}

Bytes cut(Bytes frame, size_t bytes) {
  frame.resize(std::min(frame.size(), bytes));
  return frame;
}

Bytes padded(Bytes frame, size_t bytes) {
  frame.resize(std::max(frame.size(), bytes));
  return frame;
}

}  // namespace postern::packets
