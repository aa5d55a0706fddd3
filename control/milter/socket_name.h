// SPDX-License-Identifier: BSD-3-Clause
//
// SocketName: where a milter listens, as mail servers and filters write it: unix:PATH,
// inet:PORT@ADDRESS, inet6:PORT@ADDRESS. (Postfix writes inet:ADDRESS:PORT; that is not read here.)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "rules/address/address.h"

namespace postern::milter {

struct SocketName {
  std::string path;  // empty: TCP, at
  IpAddress address;
  uint16_t port = 0;
  bool operator==(const SocketName&) const = default;

  std::string to_string() const;
};

// nullopt: it is none. An absolute path; IPv6 with or without brackets.
std::optional<SocketName> parse_socket_name(std::string_view text);

}  // namespace postern::milter
