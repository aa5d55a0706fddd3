// SPDX-License-Identifier: BSD-3-Clause
//
// The peers: DPDK's rte_fib (DIR24_8), rte_fib6 (trie) and rte_lpm, each filled with the prefixes
// that a workload's segments are made of, as contenders in every look-up mode that this machine
// has. The only file of the benchmark that knows them. rte_lpm's adds take minutes for scattered
// hosts: it gets a time limit and says how far it came.
#pragma once

#include <memory>
#include <vector>

#include "perf/rules/contender.h"
#include "perf/rules/workload.h"

namespace postern::perf {

// Owns its tables; its contenders live no longer.
class Peers {
 public:
  explicit Peers(double lpm_seconds);
  ~Peers();
  void add(const Workload<KeyV4>& workload, std::vector<Contender<QueryV4>>& contenders);
  void add(const Workload<KeyV6>& workload, std::vector<Contender<QueryV6>>& contenders);

 private:
  struct Tables;
  void add_lpm(const Workload<KeyV4>& workload, std::vector<Contender<QueryV4>>& contenders);
  double lpm_seconds_;
  std::unique_ptr<Tables> tables_;
};

}  // namespace postern::perf
