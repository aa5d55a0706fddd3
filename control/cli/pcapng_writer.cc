// SPDX-License-Identifier: BSD-3-Clause
//
// The blocks (control/cli/pcapng_writer.h). Section numbers are those of draft-ietf-opsawg-pcapng.
#include "control/cli/pcapng_writer.h"

namespace postern::cli {
namespace {

constexpr uint32_t kSectionHeader = 0x0a0d0d0a, kInterface = 1, kEnhancedPacket = 6;
constexpr uint32_t kByteOrderMagic = 0x1a2b3c4d;
constexpr uint16_t kEthernet = 1;  // LINKTYPE_ETHERNET
// Options (3.5, 4.1, 4.2, 4.3).
constexpr uint16_t kEndOfOptions = 0, kComment = 1, kUserApplication = 4, kInterfaceName = 2,
                   kTimeResolution = 9;

template <typename Integer>
void put(std::string& body, Integer value) {
  for (size_t i = 0; i < sizeof value; i++)
    body.push_back(static_cast<char>(static_cast<uint64_t>(value) >> (8 * i) & 0xff));
}

// Everything in a block is padded to 32 bits.
void pad(std::string& body) {
  body.append((4 - body.size() % 4) % 4, '\0');
}

void put_option(std::string& body, uint16_t code, std::string_view value) {
  value = value.substr(0, UINT16_MAX);
  put(body, code);
  put(body, static_cast<uint16_t>(value.size()));
  body += value;
  pad(body);
}

void end_options(std::string& body) {
  put(body, kEndOfOptions);
  put(body, uint16_t{0});
}

}  // namespace

PcapngWriter::PcapngWriter(std::ostream& out, std::string_view application) : out_(out) {
  std::string body;
  put(body, kByteOrderMagic);
  put(body, uint16_t{1});  // version 1.0
  put(body, uint16_t{0});
  put(body, int64_t{-1});  // how long the section is, is not known yet
  put_option(body, kUserApplication, application);
  end_options(body);
  write_block(kSectionHeader, std::move(body));
}

uint32_t PcapngWriter::add_interface(std::string_view name, uint32_t snap) {
  std::string body;
  put(body, kEthernet);
  put(body, uint16_t{0});
  put(body, snap);
  put_option(body, kInterfaceName, name);
  put_option(body, kTimeResolution, "\x09");  // 10^-9 s
  end_options(body);
  write_block(kInterface, std::move(body));
  return interfaces_++;
}

void PcapngWriter::add_packet(uint32_t interface, uint64_t time_ns, std::span<const uint8_t> bytes,
                              uint32_t original_bytes, std::string_view comment) {
  std::string body;
  put(body, interface);
  put(body, static_cast<uint32_t>(time_ns >> 32));
  put(body, static_cast<uint32_t>(time_ns));
  put(body, static_cast<uint32_t>(bytes.size()));
  put(body, original_bytes);
  body.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  pad(body);
  if (!comment.empty()) {
    put_option(body, kComment, comment);
    end_options(body);
  }
  write_block(kEnhancedPacket, std::move(body));
}

// Type, length, body, and the length again (3.1).
void PcapngWriter::write_block(uint32_t type, std::string body) {
  std::string block;
  const auto length = static_cast<uint32_t>(12 + body.size());
  put(block, type);
  put(block, length);
  block += body;
  put(block, length);
  out_.write(block.data(), static_cast<std::streamsize>(block.size()));
}

}  // namespace postern::cli
