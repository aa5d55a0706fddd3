// SPDX-License-Identifier: BSD-3-Clause
//
// PcapngWriter: packets as a capture file of one section (draft-ietf-opsawg-pcapng): a Section
// Header Block, an Interface Description Block for each place where packets were seen, and an
// Enhanced Packet Block for each packet, with its time in nanoseconds, its original length and a
// comment. Ethernet only; little-endian; nothing is written twice, so that a pipe will do.
#pragma once

#include <cstdint>
#include <ostream>
#include <span>
#include <string>
#include <string_view>

namespace postern::cli {

class PcapngWriter {
 public:
  // Begins the section. out must outlive this; whether it could be written is for the caller to
  // ask. application: what wrote the file.
  PcapngWriter(std::ostream& out, std::string_view application);

  // Returns its number. snap: no packet of it has more bytes here; 0: no such bound. Before its
  // first packet, at any place of the file.
  uint32_t add_interface(std::string_view name, uint32_t snap);
  // time_ns: since 1970, not before it. original_bytes: as long as the frame was, at least as much
  // as there is of it. comment: may be empty; cut at 65,535 bytes.
  void add_packet(uint32_t interface, uint64_t time_ns, std::span<const uint8_t> bytes,
                  uint32_t original_bytes, std::string_view comment);

 private:
  void write_block(uint32_t type, std::string body);

  std::ostream& out_;
  uint32_t interfaces_ = 0;
};

}  // namespace postern::cli
