// SPDX-License-Identifier: BSD-3-Clause
//
// Backend: one mail exchanger of the farm, as the site describes it: where it is, what part of the
// mail it gets, and on what terms we speak with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace postern::smtp {

enum class TlsUse : uint8_t {
  kNone,     // plain
  kMay,      // where it is offered and works
  kRequire,  // or no mail; the certificate is not looked at
  kVerify,   // the same, and the certificate has to be the backend's
};

// How the backend learns whose mail we bring.
enum class HandOn : uint8_t { kNothing, kXclient, kXforward, kProxy };

struct Backend {
  std::string host;  // a name may have several addresses: each is tried
  std::string port;
  uint32_t weight = 1;  // its part, beside the others
  bool backup = false;  // gets mail only while no other backend is live, or has room
  size_t max = 0;       // connections to it at once, for clients; 0: as many as there are
  TlsUse tls = TlsUse::kNone;
  std::string tls_name = {};  // kVerify: the name in the certificate; empty: that of host
  HandOn hand_on = HandOn::kNothing;
  bool operator==(const Backend&) const = default;

  // "192.0.2.10:25", "[2001:db8::10]:25", as in our log.
  std::string place() const {
    return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + port;
  }
};

}  // namespace postern::smtp
