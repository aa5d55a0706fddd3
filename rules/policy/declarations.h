// SPDX-License-Identifier: BSD-3-Clause
//
// Reading the declarations of a policy: list, protect and service. Each reader takes the statement
// behind its first word and adds to the policy; it throws a Complaint at the first fault of the
// line. What was declared before the fault stays declared, so that later lines that name it do not
// complain as well.
#pragma once

#include <cstdint>
#include <vector>

#include "rules/policy/policy.h"
#include "rules/policy/statement.h"

namespace postern {

// Where a service's destinations stand, for the check that no two services share one.
struct PlacedDestination {
  uint16_t port;
  Prefix prefix;
  size_t service;  // index into Policy::services
  uint32_t line, column;
};

class Declarations {
 public:
  explicit Declarations(Policy& policy) : policy_(policy) {}

  void read_list(Statement& statement);
  void read_protect(Statement& statement);
  void read_service(Statement& statement);

  // Every destination that another one of the same port covers, with who covers it.
  struct Overlap {
    PlacedDestination destination, covered_by;
  };
  std::vector<Overlap> overlaps() const;

 private:
  void read_list_option(Statement& statement, ListDeclaration& list);

  Policy& policy_;
  std::vector<PlacedDestination> destinations_;
};

}  // namespace postern
