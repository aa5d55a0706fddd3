// SPDX-License-Identifier: BSD-3-Clause
//
// RuleTally: what the cells of the matrix have counted, in the words of the policy: per list,
// category, rule and signature, kept by name over all the snapshots that an engine has had. A name
// that a new snapshot does not have is forgotten, so that there are never more than a policy has.
//
// An attempt counts for every list that its source (outbound: its destination) is in, so that lists
// add up to more than there were attempts; for every category likewise, once; and for the one rule
// that decided, as for the one `observe` rule that would have. What was over a limit, the limit
// decided; what was over one that is only observed counts for it and for what decided. Of these
// counts and of the matrix it follows what was stopped.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/engine/attempt_count.h"
#include "dataplane/engine/rule_counts.h"
#include "rules/compile/expiry.h"
#include "rules/snapshot/snapshot.h"

namespace postern {

struct RuleTotals {
  struct ListTally {
    std::string category;
    AttemptCount count;
  };
  struct RuleOf {
    std::string file;
    uint32_t line;
    std::string rule;  // as written
    auto operator<=>(const RuleOf&) const = default;
  };
  struct RuleCount {
    bool observed = false;
    uint64_t attempts = 0;  // that it decided, or would have
  };
  std::map<std::string, ListTally> lists;
  std::map<std::string, AttemptCount> categories;
  std::map<RuleOf, RuleCount> rules;
  std::map<std::string, uint64_t> signatures;  // hits
};

class RuleTally {
 public:
  // The snapshot whose counts come from now on; they begin at zero, and go by the matrix that it
  // was compiled with.
  void adopt(std::shared_ptr<const Snapshot> snapshot);
  // Its matrix has changed, as lists have expired: what is counted from now on goes by this one.
  // What was counted before has been settled.
  void change(const MatrixAt& matrix);
  // Adds what has been counted since the last call. counts: from the snapshot's beginning.
  void settle(const RuleCounts& counts);

  const RuleTotals& totals() const noexcept { return totals_; }

 private:
  void add_cell(uint32_t row, ClassId address_class, const ps_cell_count& counted);
  void add_rules(uint32_t row, ClassId address_class, const ps_cell_count& counted);
  void add_rule(uint32_t row, uint32_t number, uint64_t attempts);
  uint32_t limit_rule(uint32_t row, ClassId address_class);

  std::shared_ptr<const Snapshot> snapshot_;
  std::vector<ps_verdict> cells_;
  std::vector<ps_limit> limits_;
  std::vector<std::vector<uint16_t>> limit_rules_;  // as in MatrixAt; empty until one is asked for
  int64_t now_ = 0;                                 // Unix seconds: which lists count
  std::vector<std::vector<RuleTotals::RuleOf>> rules_;  // [row][number - 1]
  RuleCounts settled_;
  RuleTotals totals_;
};

}  // namespace postern
