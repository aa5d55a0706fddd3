// SPDX-License-Identifier: BSD-3-Clause
//
// LDAP's StartTLS (RFC 4511 §4.14), as the few octets that it is: the request, and a reader for the
// one response. Done here and not by libldap, whose handshake would stop the loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace postern::directory {

constexpr size_t kMaxStartTlsResponse = 4096;  // octets; a longer one is refused

// LDAPMessage 1, ExtendedRequest 1.3.6.1.4.1.1466.20037 without a value.
std::string start_tls_request();

struct ExtendedResponse {
  uint32_t code = 0;            // RFC 4511 §4.1.9; 0: success
  std::string diagnostic = {};  // the server's words
  size_t length = 0;            // octets of the message
};

struct StartTlsReading {
  bool broken = false;                            // this is not an ExtendedResponse to message 1
  std::optional<ExtendedResponse> response = {};  // unset and not broken: more octets are needed
};

// bytes: all that the server said so far. BER with definite lengths (RFC 4511 §5.1).
StartTlsReading read_start_tls_response(std::string_view bytes);

}  // namespace postern::directory
