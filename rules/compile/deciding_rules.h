// SPDX-License-Identifier: BSD-3-Clause
//
// DecidingRules: which rule of a policy stands behind what was decided on a segment. A decision has
// a number in a row of the matrix; whose row, and which limit its cell has, follows from the class
// of an address as of a certain time. What one class's cells have is worked out when first asked
// for, and kept for some thousand classes. Not to be shared between threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "rules/abi/counters.h"
#include "rules/address/address.h"
#include "rules/snapshot/snapshot.h"

namespace postern {

class DecidingRules {
 public:
  struct Decided {
    ps_port port;  // where the segment arrived
    IpAddress source, destination;
    uint16_t destination_port;
    uint32_t vlan;          // as in struct ps_packet
    uint32_t rule;          // of the decision; 0: none
    bool stopped_by_limit;  // its reason stops, it has no rule, and it was over a limit
  };

  // now: Unix seconds.
  DecidingRules(std::shared_ptr<const Snapshot> snapshot, int64_t now)
      : snapshot_(std::move(snapshot)), now_(now) {}

  // In the snapshot's policy; nullptr where no rule decided.
  const ConnectionRule* rule_of(const Decided& decided);

 private:
  struct Class {
    uint32_t outbound_block;            // Matrix::kNoBlock where none judges what comes from it
    uint32_t outbound_row;              // that block's
    std::vector<uint16_t> limit_rules;  // per row; 0: none
  };
  const Class& of(ClassId address_class);

  const std::shared_ptr<const Snapshot> snapshot_;
  const int64_t now_;
  std::unordered_map<ClassId, Class> classes_;
};

}  // namespace postern
