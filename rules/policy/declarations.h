// SPDX-License-Identifier: BSD-3-Clause
//
// Reading the declarations of a policy: list with what stands under it, service, and protect, which
// may name any list. Each reader takes the statement
// behind its first word and adds to the policy; it throws a Complaint at the first fault of the
// line. What was declared before the fault stays declared, so that later lines that name it do not
// complain as well.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "rules/policy/policy.h"
#include "rules/policy/statement.h"

namespace postern {

// Where a service's destinations stand, for the check that no two services share one.
struct PlacedDestination {
  uint16_t port;
  VlanRange vlan;
  Prefix prefix;
  size_t service;  // index into Policy::services
  PolicyPlace place;
  uint32_t column;
};

class Declarations {
 public:
  explicit Declarations(Policy& policy) : policy_(policy) {}

  void read_list(Statement& statement);
  // Under the list that was read last.
  void read_map(Statement& statement);
  void read_fetch(Statement& statement);
  void read_service(Statement& statement);
  // Any other statement: what follows does not stand under a list.
  void leave_list() noexcept { in_list_ = false; }
  // When all lists have been read.
  void read_protect(Statement& statement);

  // Every destination that another one of the same port and VLAN covers, with who covers it.
  struct Overlap {
    PlacedDestination destination, covered_by;
  };
  std::vector<Overlap> overlaps() const;

 private:
  decltype(Protect::what)& add_protect(const PolicyPlace& place);
  void read_list_option(Statement& statement, ListDeclaration& list);

  Policy& policy_;
  bool in_list_ = false;
  std::optional<size_t> list_;  // unset: its declaration was faulty
  ListDeclaration ignored_;     // takes what stands under that one
  bool has_weight_ = false;
  std::vector<PlacedDestination> destinations_;
};

}  // namespace postern
