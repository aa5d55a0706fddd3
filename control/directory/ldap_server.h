// SPDX-License-Identifier: BSD-3-Clause
//
// LdapServer: where a directory server is and how it is spoken to, read from its URI.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace postern::directory {

struct LdapServer {
  enum class Transport : uint8_t { kPlain, kTls, kLocal };
  Transport transport = Transport::kPlain;
  std::string host, port;  // port in decimal
  std::string path;        // kLocal: of the socket
  std::string uri;         // as written

  // "ldap://HOST[:PORT]", "ldaps://HOST[:PORT]" (636), "ldapi://%2Frun%2Fslapd%2Fldapi". Bases,
  // filters and the like belong to other settings. Throws std::runtime_error, one line.
  static LdapServer parse(std::string_view uri);
};

}  // namespace postern::directory
