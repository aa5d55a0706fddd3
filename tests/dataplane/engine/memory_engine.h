// SPDX-License-Identifier: BSD-3-Clause
//
// MemoryEngine: an Engine for tests of the management API. It moves no packets; what it offers lies
// in plain memory, where a test can set it and look at it.
#pragma once

#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include "dataplane/engine/engine.h"

namespace postern {

class MemoryEngine : public Engine {
 public:
  explicit MemoryEngine(size_t entries = 64)
      : memory_(DynamicTable::buckets_for(entries)), dynamic_(memory_) {}

  std::string_view kind() const noexcept override { return "memory"; }
  std::string_view topology() const noexcept override { return "wire"; }
  void load(std::shared_ptr<const Snapshot> snapshot) override {
    if (refuses_) throw std::runtime_error("the engine has no room for it\nsecond line");
    snapshot_ = std::move(snapshot);
  }
  std::shared_ptr<const Snapshot> snapshot() const override { return snapshot_; }
  ps_counters counters() const override { return counters_; }
  DynamicTable& dynamic() override { return dynamic_; }

  ps_counters counters_{};
  bool refuses_ = false;
  // What a packet from `source` would meet.
  int learned(const IpAddress& source, uint64_t now_ns) const {
    const ps_dynamic table{memory_.data(), static_cast<uint32_t>(memory_.size())};
    const auto address = source.abi();
    return ps_dynamic_action(&table, source.abi_family(), &address, now_ns);
  }

 private:
  std::vector<ps_dynamic_bucket> memory_;
  DynamicTable dynamic_;
  std::shared_ptr<const Snapshot> snapshot_;
};

}  // namespace postern
