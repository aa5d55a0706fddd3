// SPDX-License-Identifier: BSD-3-Clause
//
// Difference: what another snapshot changes for addresses, at a certain time: which ones come to be
// in a list or a category or leave it, and which ones a service treats otherwise. Lists, categories
// and services are matched by name. Sub-lists that have expired by then count for nothing in both.
// Limits: lists of domains are not compared; what outbound rules (`connection from`) decide is not,
// but their lists are; of a service that only one of them has there is nothing to compare.
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

// Of a list or a category.
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
  std::string service;
  Treatment from, to;
  Extent extent;
};

// The largest changes first; what does not change is left out.
struct Difference {
  std::vector<NamedChange> lists, categories;
  std::vector<TreatmentChange> verdicts;
  std::vector<std::string> services_gained, services_lost;

  bool empty() const noexcept {
    return lists.empty() && categories.empty() && verdicts.empty() && services_gained.empty() &&
           services_lost.empty();
  }
};

// now: Unix seconds.
Difference difference_of(const Snapshot& before, const Snapshot& after, int64_t now);

}  // namespace postern
