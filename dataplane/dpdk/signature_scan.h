// SPDX-License-Identifier: BSD-3-Clause
//
// SignatureScan: the signatures of one snapshot, as the workers look for them. Each worker has a
// scratch, its hits, and a ring of its own, in which the sources of hits that teach wait for the
// engine's thread. A full ring loses what comes, which is counted: the source will come again.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "dataplane/engine/dynamic_table.h"
#include "rules/policy/policy.h"
#include "rules/text/pattern_set.h"

namespace postern::dpdk {

class SignatureScan {
 public:
  // The signatures must outlive this. Throws std::runtime_error, std::bad_alloc.
  SignatureScan(const std::vector<Signature>& signatures, size_t workers);
  ~SignatureScan();

  // The first signature that is found in the name, counted as a hit of that worker; nullptr: none.
  const Signature* find(size_t worker, std::string_view name) noexcept;
  // Has the source stopped for as long as the signature says. False when the ring is full.
  bool teach(size_t worker, const Signature& signature, ps_family family,
             const ps_address& source) noexcept;

  // Per signature, by all workers. From any thread.
  std::vector<uint64_t> hits() const;
  // Brings what waits into the table. now_ns: CLOCK_MONOTONIC. The engine's thread only.
  void bring(DynamicTable& table, uint64_t now_ns);

 private:
  struct Worker;
  const std::vector<Signature>& signatures_;
  const PatternSet set_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace postern::dpdk
