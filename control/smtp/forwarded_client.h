// SPDX-License-Identifier: BSD-3-Clause
//
// ForwardedClient: what a backend may be told of the client whose mail we bring, and the commands
// that tell it: XCLIENT, after which the backend takes the session for the client's own, and
// XFORWARD, which only goes into its log (Postfix's XCLIENT_README and XFORWARD_README). Only
// attributes that the backend offers are sent, as xtext (RFC 3461 §4), in lines of at most 512
// octets. A value of more than 255 octets is told as not available.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/address/address.h"

namespace postern::smtp {

struct ForwardedClient {
  IpAddress address;
  uint16_t port = 0;
  IpAddress local;  // where it connected to
  uint16_t local_port = 0;
  std::string name;           // by reverse DNS, confirmed; empty: none
  bool name_missing = false;  // there may be one: the DNS did not tell
  std::string helo;           // as said last; empty: nothing
  bool extended = false;      // EHLO
  std::string id;             // of the session, as in our log
  bool operator==(const ForwardedClient&) const = default;
};

enum class ForwardAttribute : uint8_t {
  kName,
  kAddr,
  kPort,
  kProto,
  kHelo,
  kIdent,
  kSource,
  kDestAddr,
  kDestPort,
};

class ForwardAttributes {
 public:
  ForwardAttributes() = default;
  // What stands behind the keyword in the answer to EHLO: "NAME ADDR PORT"; unknown words are
  // passed over.
  static ForwardAttributes read(std::string_view words);

  bool has(ForwardAttribute attribute) const noexcept { return (bits_ & bit(attribute)) != 0; }
  bool empty() const noexcept { return bits_ == 0; }
  bool operator==(const ForwardAttributes&) const = default;

 private:
  static uint16_t bit(ForwardAttribute attribute) noexcept {
    return static_cast<uint16_t>(1u << static_cast<unsigned>(attribute));
  }
  uint16_t bits_ = 0;
};

// "XCLIENT ADDR=192.0.2.1 ...", without CRLF. Empty where ADDR is not offered: whose mail it is
// could not be told.
std::string write_xclient(const ForwardedClient& client, ForwardAttributes offered);

// One or more commands; none where ADDR is not offered.
std::vector<std::string> write_xforward(const ForwardedClient& client, ForwardAttributes offered);

// RFC 3461 §4: what is not printable ASCII, and "+" and "=", as +XX.
std::string xtext(std::string_view text);

}  // namespace postern::smtp
