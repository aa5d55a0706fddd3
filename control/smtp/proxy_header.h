// SPDX-License-Identifier: BSD-3-Clause
//
// ProxyHeader: the PROXY protocol, versions 1 and 2 (haproxy's doc/proxy-protocol.txt): whose
// connection it really is, said by a load balancer before the first byte of SMTP. ProxyHeaderReader
// takes it from bytes cut anywhere; it says how many bytes may be read without reaching into what
// follows. What is no such header breaks it, for good. TLVs are passed over, after their lengths
// and the checksum (where there is one) were found to be right. Unix and datagram sockets are
// taken as "unknown", as the protocol asks for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "rules/address/address.h"

namespace postern::smtp {

struct ProxyEndpoints {
  IpAddress source, destination;  // ::ffff:192.0.2.1 is read as 192.0.2.1
  uint16_t source_port = 0, destination_port = 0;
  bool operator==(const ProxyEndpoints&) const = default;
};

struct ProxyHeader {
  // nullopt: LOCAL (the balancer's own connection, to see whether we live) or an unknown family:
  // the addresses of the connection itself count.
  std::optional<ProxyEndpoints> endpoints;
  bool operator==(const ProxyHeader&) const = default;
};

class ProxyHeaderReader {
 public:
  // Octets behind the fixed part of version 2; 536 fit into any segment (§2), TLVs with
  // certificates need more.
  static constexpr size_t kMaxLength = 4096;

  // How many octets may be read now; 0 when there is a header, or none will come.
  size_t wanted() const noexcept;
  // At most wanted() octets; the rest would be lost, and breaks it.
  void receive(std::string_view bytes);
  bool broken() const noexcept { return broken_; }
  const std::optional<ProxyHeader>& header() const noexcept { return header_; }

 private:
  std::string input_;
  bool broken_ = false;
  std::optional<ProxyHeader> header_;
};

// Version 2, without TLVs. Where one address is IPv4 and the other IPv6 both are written as IPv6.
// nullopt: LOCAL.
std::string write_proxy_header(const std::optional<ProxyEndpoints>& endpoints);

// CRC-32C (Castagnoli; RFC 9260 appendix A) of the bytes, as PP2_TYPE_CRC32C has it.
uint32_t crc32c(std::string_view bytes) noexcept;

}  // namespace postern::smtp
