// SPDX-License-Identifier: BSD-3-Clause
//
// LoadedImage: a snapshot as the poll loops use it: a copy of its image in hugepages, where a
// lookup misses the TLB less, or where these have no room, on the heap; its signatures; and what
// each worker counts by it. A copy, because the matrix changes when lists expire. Owned by the
// engine; workers hold a plain pointer into rules() between two quiescent states.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "dataplane/dpdk/signature_scan.h"
#include "dataplane/dpdk/worker_rules.h"
#include "dataplane/engine/rule_counts.h"
#include "rules/snapshot/snapshot.h"

namespace postern::dpdk {

class LoadedImage {
 public:
  // node: of NUMA, where it lies if there is room; -1: anywhere. Throws std::bad_alloc.
  LoadedImage(std::shared_ptr<const Snapshot> snapshot, size_t workers, int node = -1);
  ~LoadedImage();
  LoadedImage(const LoadedImage&) = delete;
  LoadedImage& operator=(const LoadedImage&) = delete;

  // Per worker.
  const WorkerRules* rules() const noexcept { return rules_.data(); }
  // What all workers have counted. From any thread.
  RuleCounts counts() const;
  // Brings what signatures have taught into the table. The engine's thread only.
  void bring_lessons(DynamicTable& table, uint64_t now_ns) {
    if (signatures_) signatures_->bring(table, now_ns);
  }
  std::span<std::byte> bytes() noexcept { return {copy_, bytes_}; }
  const std::shared_ptr<const Snapshot>& snapshot() const noexcept { return snapshot_; }
  bool in_hugepages() const noexcept { return in_hugepages_; }

 private:
  size_t stride() const noexcept;

  std::shared_ptr<const Snapshot> snapshot_;
  std::byte* copy_ = nullptr;
  size_t bytes_ = 0;
  bool in_hugepages_ = false;
  size_t cells_ = 0;
  std::vector<ps_cell_count> counts_;  // [worker][cell], each worker's in cache lines of its own
  std::unique_ptr<SignatureScan> signatures_;
  std::vector<WorkerRules> rules_;
};

}  // namespace postern::dpdk
