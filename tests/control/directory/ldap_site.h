// SPDX-License-Identifier: BSD-3-Clause
//
// A small site in an LDAP directory: people, lists and an alias entry, as LDIF, and the options
// that find them.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "control/directory/ldap_directory.h"

namespace postern::directory {

inline std::string organisation() {
  return "dn: dc=example\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: x\n\n";
}

inline std::string unit(const std::string& name) {
  return "dn: ou=" + name + ",dc=example\nobjectClass: organizationalUnit\nou: " + name + "\n\n";
}

// lines: further attributes, each with its line end.
inline std::string person(const std::string& uid, const std::string& in, const std::string& lines) {
  return "dn: uid=" + uid + ",ou=" + in +
         ",dc=example\nobjectClass: inetOrgPerson\nobjectClass: inetLocalMailRecipient\nuid: " +
         uid + "\ncn: " + uid + "\nsn: " + uid + "\n" + lines + "\n";
}

inline std::string site() {
  return organisation() + unit("people") + unit("lists") +
         person("ada", "people",
                "mail: Ada@Example.org\nmailLocalAddress: countess@example.org\n"
                "mailLocalAddress: ada.king@example.org\n") +
         person("grace", "people", "mail: not an address\nmail: grace@example.org\n") +
         person("star", "people", "mail: \"a*b\"@example.org\n") +
         person("announce", "lists", "mail: announce@example.org\n") +
         "dn: cn=former,ou=people,dc=example\nobjectClass: alias\nobjectClass: extensibleObject\n"
         "cn: former\naliasedObjectName: uid=moved,ou=elsewhere,dc=example\n\n" +
         unit("elsewhere") + person("moved", "elsewhere", "mail: moved@example.org\n");
}

inline LdapOptions options_for(std::vector<std::string> uris) {
  LdapOptions options;
  options.uris = std::move(uris);
  options.bases = {"ou=people,dc=example", "ou=lists,dc=example"};
  options.filter = "(|(mail=%s)(mailLocalAddress=%s))";
  options.look_up_time = options.connect_time = std::chrono::milliseconds{30'000};
  return options;
}

}  // namespace postern::directory
