// SPDX-License-Identifier: BSD-3-Clause
//
// The Received field that we add (RFC 5321 §4.4, RFC 3848, RFC 6531 §4.3).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "rules/address/address.h"

namespace postern::smtp {

struct ReceivedFacts {
  std::string_view helo;
  IpAddress client;
  std::string_view name = {};  // by reverse DNS, confirmed; empty: none
  std::string_view by;         // our name
  bool extended = false;       // EHLO
  std::string_view tls = {};   // "TLSv1.3 TLS_AES_256_GCM_SHA384"; empty: none
  bool utf8 = false;           // SMTPUTF8
  std::string_view id = {};
  std::string_view recipient =
      {};           // only where there is one, or it would tell of the others; else empty
  int64_t now = 0;  // Unix seconds
};

// Folded, with its final CRLF. A HELO name that is neither a domain nor an address literal is
// replaced by the address literal of the client.
std::string write_received(const ReceivedFacts& facts);

// "Mon, 23 Nov 2026 22:06:01 +0000" (RFC 5322 §3.3).
std::string write_date(int64_t now);

// "[192.0.2.1]", "[IPv6:2001:db8::1]" (RFC 5321 §4.1.3).
std::string address_literal(const IpAddress& address);

}  // namespace postern::smtp
