// SPDX-License-Identifier: BSD-3-Clause
//
// PROXY headers: what the specification writes down, every cut, every octet altered, against a
// reading of the binary form that is as plain as its figure in the text.
#include "control/smtp/proxy_header.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace postern::smtp {
namespace {

const std::string kSignature("\r\n\r\n\0\r\nQUIT\n", 12);

ProxyEndpoints endpoints(const char* source, uint16_t source_port, const char* destination,
                         uint16_t destination_port) {
  return {.source = *IpAddress::parse(source),
          .destination = *IpAddress::parse(destination),
          .source_port = source_port,
          .destination_port = destination_port};
}

struct Reading {
  bool broken = false;
  std::optional<ProxyHeader> header;
  size_t taken = 0;
};

// As a socket would give it: at most `piece` octets at a time, never more than are wanted.
Reading read(const std::string& bytes, size_t piece) {
  ProxyHeaderReader reader;
  Reading reading;
  while (reader.wanted() > 0 && reading.taken < bytes.size()) {
    const auto next = bytes.substr(reading.taken, std::min(piece, reader.wanted()));
    reader.receive(next);
    reading.taken += next.size();
  }
  reading.broken = reader.broken();
  reading.header = reader.header();
  return reading;
}

// §2.2, the figure, field by field; no checksum. nullopt: not a header, or not all of it.
std::optional<ProxyHeader> plain_reading(const std::string& b) {
  const auto at = [&](size_t i) { return static_cast<size_t>(static_cast<uint8_t>(b[i])); };
  if (b.size() < 16 || b.substr(0, 12) != kSignature) return std::nullopt;
  if (at(12) != 0x20 && at(12) != 0x21) return std::nullopt;
  if (at(13) / 16 > 3 || at(13) % 16 > 2) return std::nullopt;
  const size_t length = at(14) * 256 + at(15);
  if (length > ProxyHeaderReader::kMaxLength || b.size() < 16 + length) return std::nullopt;
  if (at(12) == 0x20 || at(13) / 16 == 0) return ProxyHeader{};
  const size_t address = at(13) / 16 == 1 ? 4 : at(13) / 16 == 2 ? 16 : 108;
  size_t tlv = 16 + 2 * address + (address == 108 ? 0 : 4);
  if (tlv > 16 + length) return std::nullopt;
  while (tlv < 16 + length) {
    if (tlv + 3 > 16 + length) return std::nullopt;
    tlv += 3 + at(tlv + 1) * 256 + at(tlv + 2);
    if (tlv > 16 + length) return std::nullopt;
  }
  if (address == 108 || at(13) % 16 != 1) return ProxyHeader{};
  const auto ip = [&](size_t from) {
    if (address == 4)
      return *IpAddress::parse(std::to_string(at(from)) + "." + std::to_string(at(from + 1)) + "." +
                               std::to_string(at(from + 2)) + "." + std::to_string(at(from + 3)));
    std::array<uint8_t, 16> bytes;
    for (size_t i = 0; i < 16; i++) bytes[i] = static_cast<uint8_t>(at(from + i));
    return IpAddress::v6(bytes).unmapped();
  };
  const auto port = [&](size_t from) {
    return static_cast<uint16_t>(at(from) * 256 + at(from + 1));
  };
  return ProxyHeader{ProxyEndpoints{.source = ip(16),
                                    .destination = ip(16 + address),
                                    .source_port = port(16 + 2 * address),
                                    .destination_port = port(18 + 2 * address)}};
}

std::string tlv(char type, const std::string& value) {
  return std::string(1, type) + static_cast<char>(value.size() >> 8) +
         static_cast<char>(value.size()) + value;
}

// Appends to a header of version 2 and corrects its length.
std::string with(std::string header, const std::string& more) {
  header += more;
  const size_t length = header.size() - 16;
  header[14] = static_cast<char>(length >> 8);
  header[15] = static_cast<char>(length);
  return header;
}

std::string with_checksum(const std::string& header) {
  std::string whole = with(header, tlv('\x03', std::string(4, '\0')));
  const uint32_t crc = crc32c(whole);
  for (size_t i = 0; i < 4; i++)
    whole[whole.size() - 4 + i] = static_cast<char>(crc >> (24 - 8 * i));
  return whole;
}

const ProxyEndpoints kV4 = endpoints("192.0.2.1", 40001, "198.51.100.25", 25);
const ProxyEndpoints kV6 = endpoints("2001:db8::1", 65535, "2001:db8:25::25", 25);

TEST(ProxyHeader, TheChecksumIsThatOfRfc9260) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);            // the check value of CRC-32C everywhere
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);  // RFC 3720 B.4
}

TEST(ProxyHeader, WhatIsWrittenIsReadAtEveryCutAndNoOctetMore) {
  for (const std::optional<ProxyEndpoints>& written :
       {std::optional(kV4), std::optional(kV6), std::optional<ProxyEndpoints>()}) {
    const std::string header = write_proxy_header(written);
    for (const std::string& bytes : {header, with(header, tlv('\x02', "mx.example")),
                                     with_checksum(with(header, tlv('\x04', "")))}) {
      for (size_t piece = 1; piece <= bytes.size(); piece++) {
        const auto reading = read(bytes + "EHLO client\r\n", piece);
        EXPECT_FALSE(reading.broken);
        ASSERT_TRUE(reading.header) << piece;
        EXPECT_EQ(reading.header->endpoints, written);
        EXPECT_EQ(reading.taken, bytes.size());
      }
    }
  }
}

TEST(ProxyHeader, TheBytesThatPostfixAndHaproxyExpect) {
  EXPECT_EQ(write_proxy_header(kV4),
            kSignature + std::string("\x21\x11\x00\x0c\xc0\x00\x02\x01\xc6\x33\x64\x19\x9c\x41\x00"
                                     "\x19",
                                     16));
  EXPECT_EQ(write_proxy_header(std::nullopt), kSignature + std::string("\x20\x00\x00\x00", 4));
  // Of two families: both as IPv6.
  const auto mixed = endpoints("192.0.2.1", 1, "2001:db8::25", 25);
  const auto bytes = write_proxy_header(mixed);
  EXPECT_EQ(bytes[13], '\x21');
  EXPECT_EQ(bytes.size(), 52u);
  EXPECT_EQ(read(bytes, 99).header->endpoints, mixed);
}

TEST(ProxyHeader, VersionOne) {
  const std::string lines[] = {
      "PROXY TCP4 192.0.2.1 198.51.100.25 40001 25\r\n",
      "PROXY TCP6 2001:db8::1 2001:db8:25::25 65535 25\r\n",
      "PROXY UNKNOWN\r\n",
      "PROXY UNKNOWN ffff::1 whatever this is\r\n",
  };
  const std::optional<ProxyEndpoints> expected[] = {kV4, kV6, std::nullopt, std::nullopt};
  for (size_t i = 0; i < std::size(lines); i++) {
    for (size_t piece = 1; piece <= lines[i].size(); piece++) {
      const auto reading = read(lines[i] + "\r\nEHLO", piece);
      ASSERT_TRUE(reading.header) << lines[i] << piece;
      EXPECT_EQ(reading.header->endpoints, expected[i]);
      EXPECT_EQ(reading.taken, lines[i].size());
    }
  }
  for (const std::string line :
       {"PROXY TCP4 192.0.2.1 198.51.100.25 40001\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.25 40001 25 \r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.25 40001 065\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.25 40001 65536\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.25 40001 -1\r\n",
        "PROXY TCP4 192.0.2.1  198.51.100.25 40001 25\r\n",
        "PROXY TCP4 2001:db8::1 198.51.100.25 40001 25\r\n",
        "PROXY TCP6 192.0.2.1 198.51.100.25 40001 25\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.25 40001 25\n", "PROXY TCP5 a b 1 2\r\n",
        "PROXY tcp4 192.0.2.1 198.51.100.25 40001 25\r\n", "PROXYTCP4 192.0.2.1\r\n",
        "PROXY UNKN\r\nEHLO x\r\n", "EHLO client.example\r\n", "HELO x\r\n"}) {
    EXPECT_TRUE(read(line, 1).broken) << line;
    EXPECT_TRUE(read(line, 999).broken) << line;
  }
  // 107 octets are the most, with CRLF.
  const std::string longest = "PROXY UNKNOWN " + std::string(91, 'x') + "\r\n";
  EXPECT_TRUE(read(longest, 999).header);
  const std::string longer = "PROXY UNKNOWN " + std::string(92, 'x') + "\r\n";
  EXPECT_TRUE(read(longer, 999).broken);
}

TEST(ProxyHeader, BrokenAsSoonAsItCannotBeOneAndForGood) {
  ProxyHeaderReader reader;
  reader.receive("PROXE");
  EXPECT_TRUE(reader.broken());
  EXPECT_EQ(reader.wanted(), 0u);
  reader.receive(write_proxy_header(kV4));
  EXPECT_FALSE(reader.header());
  // What is longer than was wanted would have taken bytes from SMTP.
  ProxyHeaderReader greedy;
  greedy.receive(write_proxy_header(kV4));
  EXPECT_TRUE(greedy.broken());
}

TEST(ProxyHeader, UnixAndDatagramsAreUnknown) {
  std::string unix_socket =
      with(kSignature + std::string("\x21\x31\x00\x00", 4), std::string(216, 'x'));
  ASSERT_TRUE(read(unix_socket, 999).header);
  EXPECT_FALSE(read(unix_socket, 999).header->endpoints);
  std::string datagram = write_proxy_header(kV4);
  datagram[13] = '\x12';
  EXPECT_FALSE(read(datagram, 999).header->endpoints);
}

TEST(ProxyHeader, AChecksumThatDoesNotHoldBreaksIt) {
  const std::string fine = with_checksum(write_proxy_header(kV4));
  ASSERT_TRUE(read(fine, 999).header);
  for (size_t i = 0; i < fine.size(); i++) {
    for (int bit = 0; bit < 8; bit++) {
      std::string altered = fine;
      altered[i] = static_cast<char>(altered[i] ^ 1 << bit);
      const auto reading = read(altered, 999);
      // Where the type of the checksum itself is altered, or LOCAL or UNSPEC is said, nobody looks.
      const bool unseen = i == fine.size() - 7 || altered[12] == '\x20' || altered[13] >> 4 == 0;
      if (!unseen) {
        EXPECT_FALSE(reading.header) << i << " " << bit;
      }
    }
  }
  // One of another length is none.
  EXPECT_TRUE(read(with(write_proxy_header(kV4), tlv('\x03', "123")), 999).broken);
}

TEST(ProxyHeader, AgreesWithThePlainReadingWhateverIsAltered) {
  std::mt19937 random(5);
  const std::string seeds[] = {write_proxy_header(kV4), write_proxy_header(kV6),
                               with(write_proxy_header(kV4), tlv('\x02', "abc") + tlv('\x05', "")),
                               write_proxy_header(std::nullopt)};
  size_t read_well = 0;
  for (int round = 0; round < 50000; round++) {
    std::string bytes = seeds[random() % std::size(seeds)];
    for (size_t changes = random() % 3; changes > 0; changes--)
      bytes[random() % bytes.size()] = static_cast<char>(random() % 2 ? random() % 64 : random());
    if (random() % 4 == 0) bytes.resize(random() % bytes.size());
    if (bytes.find('\x03', 16) != std::string::npos) continue;  // might be a checksum
    const auto expected = plain_reading(bytes);
    const auto reading = read(bytes, 1 + random() % 40);
    ASSERT_EQ(reading.header, expected) << round;
    read_well += expected.has_value();
  }
  EXPECT_GT(read_well, 10000u);
}

}  // namespace
}  // namespace postern::smtp
