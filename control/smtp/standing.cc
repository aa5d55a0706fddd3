// SPDX-License-Identifier: BSD-3-Clause
//
// Every question is asked of the snapshot in force and of the time that it is: lists expire.
#include "control/smtp/standing.h"

#include <algorithm>

#include "rules/compile/alternatives.h"

namespace postern::smtp {

bool is_exempt(const Snapshot& snapshot, const SessionEnds& ends, int64_t now) {
  const ClassId address_class = snapshot.class_of(ends.client);
  if (snapshot.is_protected(address_class, now)) return true;
  // By the hour, as in the engines: a list that has expired since allows nothing any more.
  const auto final_in = [&](size_t service) {
    return (verdict_at(snapshot, service, address_class, now).flags & PS_VERDICT_FINAL) != 0;
  };
  // A socket does not know its VLAN: any of the services that this may be exempts.
  const auto& services = snapshot.policy().services;
  bool found = false;
  for (size_t i = 0; i < services.size(); i++) {
    const auto is_local = [&](const Prefix& prefix) { return prefix.contains(ends.local); };
    if (services[i].port != ends.local_port ||
        std::ranges::none_of(services[i].destinations, is_local))
      continue;
    if (final_in(i)) return true;
    found = true;
  }
  if (found) return false;
  // We stand behind an address translation: which service this is cannot be told.
  for (size_t service = 0; service < services.size(); service++)
    if (final_in(service)) return true;
  return false;
}

bool is_accredited(const Snapshot& snapshot, const IpAddress& client, int64_t now) {
  const auto lists = snapshot.lists_of(snapshot.class_of(client), now);
  return std::ranges::any_of(
      lists, [&](size_t list) { return snapshot.lists()[list].category == "accredited"; });
}

Standing standing_of(const Snapshot& snapshot, const SessionEnds& ends, int64_t now) {
  if (is_exempt(snapshot, ends, now) || is_accredited(snapshot, ends.client, now))
    return Standing::kKnown;
  const bool listed = !snapshot.lists_of(snapshot.class_of(ends.client), now).empty();
  return listed ? Standing::kListed : Standing::kStranger;
}

}  // namespace postern::smtp
