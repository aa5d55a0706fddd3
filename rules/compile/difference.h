// SPDX-License-Identifier: BSD-3-Clause
//
// Difference: what another snapshot changes, at a certain time: which addresses come to be in a
// list or a category or leave it, which ones a service treats otherwise; which ones outbound rules
// judge
// (`connection from`), and which destinations they treat otherwise; how many domains come into a
// list of domains or leave it. Lists, categories and services are matched by name, blocks of
// outbound rules by what their first line says. What has expired by then counts for nothing in
// both. Limits: of a service or a block that only one of them has there is nothing to compare;
// message rules are not compared.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "rules/abi/vocabulary.h"
#include "rules/address/address_count.h"
#include "rules/snapshot/snapshot.h"

namespace postern {

// Addresses, and the fewest prefixes that cover them and no others.
struct Extent {
  AddressCount addresses;
  uint64_t prefixes_v4 = 0, prefixes_v6 = 0;

  uint64_t prefixes() const noexcept { return prefixes_v4 + prefixes_v6; }
  bool operator==(const Extent&) const = default;
};

// Of a list, a category, or the sources of a block of outbound rules.
struct NamedChange {
  std::string name;
  bool before = true, after = true;  // whether it is declared there; a category: by any list
  Extent gained = {}, lost = {};

  double size() const noexcept { return gained.addresses.sources() + lost.addresses.sources(); }
};

// What a sender feels of a verdict.
struct Treatment {
  Action action = Action::ALLOW;
  bool is_final = false;    // a learned entry cannot override it
  bool is_hard = false;     // every segment, not only attempts
  bool is_limited = false;  // connections are counted against a limit

  auto operator<=>(const Treatment&) const = default;
};

struct TreatmentChange {
  std::string name;  // of the service or the block
  Treatment from, to;
  Extent extent;  // of sources; under outbound rules, of destinations
};

// Of a list of domains, in domains.
struct DomainsChange {
  std::string name;
  bool before = true, after = true;  // whether it is declared there
  uint64_t gained = 0, lost = 0;
};

// The largest changes first; what does not change is left out.
struct Difference {
  std::vector<NamedChange> lists, categories;
  std::vector<TreatmentChange> verdicts;
  // services_moved: of both, which have other destinations, another port or other VLANs.
  std::vector<std::string> services_gained, services_lost, services_moved;
  std::vector<NamedChange> outbound;  // the sources of each block
  std::vector<TreatmentChange> outbound_verdicts;
  std::vector<DomainsChange> domains;

  bool empty() const noexcept {
    return lists.empty() && categories.empty() && verdicts.empty() && services_gained.empty() &&
           services_lost.empty() && services_moved.empty() && outbound.empty() &&
           outbound_verdicts.empty() && domains.empty();
  }
};

// now: Unix seconds.
Difference difference_of(const Snapshot& before, const Snapshot& after, int64_t now);

}  // namespace postern
