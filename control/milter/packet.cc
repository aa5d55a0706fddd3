// SPDX-License-Identifier: BSD-3-Clause
//
// What is done with is dropped when the next bytes come, so that many small packets in one piece do
// not move the rest each time.
#include "control/milter/packet.h"

namespace postern::milter {

void PacketReader::receive(std::string_view bytes) {
  if (broken_) return;
  input_.erase(0, taken_);
  taken_ = 0;
  input_ += bytes;
}

std::optional<Packet> PacketReader::next() {
  Cursor input(std::string_view(input_).substr(taken_));
  const uint32_t length = take_be32(input);
  if (broken_ || input.failed()) return std::nullopt;
  if (length == 0 || length > kMaxPacket) {
    broken_ = true;
    input_.clear();
    taken_ = 0;
    return std::nullopt;
  }
  const char letter = input.take();
  const auto data = input.take(length - 1);
  if (input.failed()) return std::nullopt;
  taken_ += input.position();
  return Packet{letter, data};
}

void append_packet(std::string& output, Response response, std::string_view data) {
  append_be32(output, static_cast<uint32_t>(data.size() + 1));
  output += static_cast<char>(response);
  output += data;
}

void append_be32(std::string& output, uint32_t number) {
  for (int shift = 24; shift >= 0; shift -= 8) output += static_cast<char>(number >> shift & 0xff);
}

uint32_t take_be32(Cursor& data) noexcept {
  uint32_t number = 0;
  for (const char octet : data.take(4)) number = number << 8 | static_cast<unsigned char>(octet);
  return number;
}

std::string_view take_string(Cursor& data) noexcept {
  const auto text = data.take_while([](char c) { return c != '\0'; });
  data.expect(std::string_view("\0", 1));
  return text;
}

}  // namespace postern::milter
