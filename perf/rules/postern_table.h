// SPDX-License-Identifier: BSD-3-Clause
//
// Postern's own tables as contenders: built by the compiler's builder, copied into DPDK's hugepages
// as the engine does it, and looked up by the engines' own source (rules/abi/).
#pragma once

#include <memory>
#include <vector>

#include "perf/rules/contender.h"
#include "perf/rules/workload.h"
#include "rules/snapshot/lookup_burst.h"

namespace postern::perf {

// Owns the image; its contenders live no longer.
class PosternTable {
 public:
  explicit PosternTable(const Workload<KeyV4>& workload);
  explicit PosternTable(const Workload<KeyV6>& workload);
  ~PosternTable();
  void add_to(std::vector<Contender<QueryV4>>& contenders) const;
  void add_to(std::vector<Contender<QueryV6>>& contenders) const;

 private:
  template <typename Key>
  void build(const Workload<Key>& workload);
  template <typename Query>
  Contender<Query> contender(const char* name) const;
  ps_image image_{};
  size_t bytes_ = 0;
  double build_ms_ = 0;
};

}  // namespace postern::perf
