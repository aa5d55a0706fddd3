// SPDX-License-Identifier: BSD-3-Clause
//
// By the hour, as in the engines: a list that has expired since allows nothing any more.
#include "control/policy/exemption.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "rules/compile/alternatives.h"
#include "rules/snapshot/sections_view.h"

namespace postern::policy {
namespace {

IpAddress address_of(const uint8_t (&bytes)[16]) {
  ps_address address{};
  std::memcpy(address.bytes, bytes, sizeof bytes);
  return IpAddress::from_abi(PS_FAMILY_V6, address);
}

// The addresses of an IPv6 network at which the class may be another one than before, in any order.
std::vector<IpAddress> class_starts(const Snapshot& snapshot, const Prefix& network) {
  const IpAddress last = network.last();
  std::vector<IpAddress> starts{network.first()};
  const auto add = [&](const IpAddress& begin, const IpAddress& end) {
    if (network.contains(begin)) starts.push_back(begin);
    if (const auto behind = end.next(); behind && network.contains(*behind))
      starts.push_back(*behind);
  };
  const auto entries = snapshot.sections().entries_v6();
  auto entry = std::ranges::partition_point(
      entries, [&](const auto& one) { return address_of(one.first) < network.first(); });
  for (; entry != entries.end() && address_of(entry->first) <= last; ++entry)
    add(address_of(entry->first), address_of(entry->last));
  for (const auto& protect : snapshot.policy().protects)
    if (const auto* prefix = std::get_if<Prefix>(&protect.what);
        prefix != nullptr && prefix->family() == network.family())
      add(prefix->first(), prefix->last());
  return starts;
}

}  // namespace

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

bool is_any_exempt(const Snapshot& snapshot, const Prefix& network,
                   const std::optional<LocalPlace>& local, int64_t now) {
  std::optional<ClassId> asked;  // neighbours are mostly alike
  const auto exempt = [&](const IpAddress& address) {
    const ClassId address_class = snapshot.class_of(address);
    if (asked == address_class) return false;
    asked = address_class;
    return is_exempt(snapshot, address, local, now);
  };
  if (network.family() == Family::kV6)
    return std::ranges::any_of(class_starts(snapshot, network), exempt);
  std::optional<IpAddress> address = network.first();
  for (int left = 256; left > 0 && address && network.contains(*address); left--) {
    if (exempt(*address)) return true;
    address = address->next();
  }
  return false;
}

}  // namespace postern::policy
