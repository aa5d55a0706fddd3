// SPDX-License-Identifier: BSD-3-Clause
//
// ClientNames: what is known of a client by its names: what reverse DNS says, and the class that
// the site's tables give to it. Pure: who asks the DNS is control/policy/client_lookup.h.
//
// Names that are confirmed are the client's. Of several, one that is static makes the client so;
// any other class is the client's only where all of them have it. Where none is confirmed, the
// names are still the word of whoever owns the address, and he says of it what nobody would say in
// its favour: a class counts, but never `static`, which is only claimed. Nor is such a name anybody
// else's: it is told to nobody but the client and our log.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/dns/reverse_result.h"
#include "control/policy/name_classes.h"

namespace postern::policy {

struct ClientNames {
  using Reverse = dns::ReverseLookup::Status;

  Reverse reverse = Reverse::kTemperror;
  std::string name;  // a confirmed one, for backends and logs; empty: there is none
  // Of the client. nullopt: an answer of the DNS that did not come could change it.
  std::optional<std::string> name_class = std::nullopt;
  // What the class, or that there is none, rests on; empty: there are no names.
  ClassedName evidence = {};
  bool could_be_nameless = true;  // where the DNS did not tell: also that there is no name
  std::string fault = {};         // the answer that did not come; empty: all came
  std::string contact = {};       // where to object; empty: nowhere
  ClassedName helo = {};          // what the client says of itself, which `static` is no class of
};

// classes: null where the site has no tables; every name is then `unknown`.
ClientNames client_names(const dns::ReverseLookup& lookup, NameClasses* classes);
// For a line of the log: "rdns=confirmed name=pool-7.isp.example name-class=dynamic
// helo-class=unknown". rdns says whose word the name is; a class of "missing" waits for the DNS.
std::string names_text(const ClientNames& names);
// Of the name in HELO or EHLO.
ClassedName classify_helo(std::string_view helo, NameClasses* classes);

}  // namespace postern::policy
