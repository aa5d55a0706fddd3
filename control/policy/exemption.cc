// SPDX-License-Identifier: BSD-3-Clause
//
// By the hour, as in the engines: a list that has expired since allows nothing any more.
#include "control/policy/exemption.h"

#include <algorithm>

#include "rules/compile/alternatives.h"

namespace postern::policy {

bool is_exempt(const Snapshot& snapshot, const IpAddress& client,
               const std::optional<LocalPlace>& local, int64_t now) {
  const ClassId address_class = snapshot.class_of(client);
  if (snapshot.is_protected(address_class, now)) return true;
  for (const size_t list : snapshot.lists_of(address_class, now))
    if (snapshot.lists()[list].category == "accredited") return true;
  const auto final_in = [&](size_t service) {
    return (verdict_at(snapshot, service, address_class, now).flags & PS_VERDICT_FINAL) != 0;
  };
  const auto& services = snapshot.policy().services;
  bool found = false;
  for (size_t i = 0; local && i < services.size(); i++) {
    // A socket does not know its VLAN: any of the services that this may be exempts.
    const auto is_local = [&](const Prefix& prefix) { return prefix.contains(local->address); };
    const auto& destinations = services[i].destinations;
    if (services[i].port != local->port ||
        std::none_of(destinations.begin(), destinations.end(), is_local))
      continue;
    if (final_in(i)) return true;
    found = true;
  }
  if (found) return false;
  // We stand behind an address translation, or are a milter: which service this is cannot be told.
  for (size_t service = 0; service < services.size(); service++)
    if (final_in(service)) return true;
  return false;
}

}  // namespace postern::policy
