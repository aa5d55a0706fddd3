// SPDX-License-Identifier: BSD-3-Clause
//
// By libldap's reader of LDAP URLs (RFC 4516).
#include "control/directory/ldap_server.h"

#include <ldap.h>

#include <memory>
#include <stdexcept>

namespace postern::directory {

LdapServer LdapServer::parse(std::string_view text) {
  LdapServer server;
  server.uri = text;
  LDAPURLDesc* parsed = nullptr;
  const bool has_nul = text.find('\0') != std::string_view::npos;
  if (has_nul || ldap_url_parse(server.uri.c_str(), &parsed) != LDAP_URL_SUCCESS)
    throw std::runtime_error("not an LDAP URI: ldap://HOST, ldaps://HOST or ldapi://PATH");
  const std::unique_ptr<LDAPURLDesc, void (*)(LDAPURLDesc*)> owner(parsed, ldap_free_urldesc);
  const auto said = [](const char* words) { return words != nullptr && *words != '\0'; };
  if (said(parsed->lud_dn) || said(parsed->lud_filter) || parsed->lud_attrs != nullptr ||
      parsed->lud_exts != nullptr)
    throw std::runtime_error("a URI names a server here, without base, attributes or filter");
  const std::string scheme = parsed->lud_scheme;
  const std::string host = said(parsed->lud_host) ? parsed->lud_host : "";
  if (host.empty()) throw std::runtime_error("the URI names no server");
  if (scheme == "ldapi") {
    server.transport = Transport::kLocal;
    server.path = host;
    return server;
  }
  if (scheme != "ldap" && scheme != "ldaps")
    throw std::runtime_error("the scheme is to be ldap, ldaps or ldapi");
  if (scheme == "ldaps") server.transport = Transport::kTls;
  server.host = host;
  const int standard = scheme == "ldaps" ? LDAPS_PORT : LDAP_PORT;
  server.port = std::to_string(parsed->lud_port > 0 ? parsed->lud_port : standard);
  return server;
}

}  // namespace postern::directory
