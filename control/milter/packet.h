// SPDX-License-Identifier: BSD-3-Clause
//
// Packets of the milter protocol: a length of four octets in network order, a letter, data. Reading
// takes bytes at any cut and is bounded: who announces more than kMaxPacket, or nothing at all,
// speaks something else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "control/milter/wire.h"
#include "rules/text/cursor.h"

namespace postern::milter {

// Body pieces have at most 65,535 octets (MILTER_CHUNK_SIZE), but Postfix sends a header field of
// any length up to its header_size_limit (102,400) in one packet.
constexpr size_t kMaxPacket = 1u << 20;

struct Packet {
  char letter;
  std::string_view data;  // into the reader, until its next call
};

class PacketReader {
 public:
  void receive(std::string_view bytes);
  // The next whole packet; nullopt: more bytes are needed, or broken().
  std::optional<Packet> next();
  bool broken() const noexcept { return broken_; }

 private:
  std::string input_;
  size_t taken_ = 0;  // octets of input_ that are done with
  bool broken_ = false;
};

void append_packet(std::string& output, Response response, std::string_view data);
void append_be32(std::string& output, uint32_t number);  // in network order

// What packets are made of. Both fail the cursor where there is none.
uint32_t take_be32(Cursor& data) noexcept;
std::string_view take_string(Cursor& data) noexcept;  // ended by a NUL, which is taken too

}  // namespace postern::milter
