// SPDX-License-Identifier: BSD-3-Clause
//
// MemoryEngine: an Engine for tests of the management API. It moves no packets; what it offers lies
// in plain memory, where a test can set it and look at it.
#pragma once

#include <cstring>
#include <memory>
#include <span>
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
  uint32_t features() const noexcept override { return features_; }
  std::shared_ptr<const Snapshot> snapshot() const override { return snapshot_; }
  ps_counters counters() const override { return counters_; }
  RuleCounts rule_counts() const override { return rule_counts_; }
  std::vector<PortPair> pairs() const override { return pairs_.empty() ? Engine::pairs() : pairs_; }
  DynamicTable& dynamic() override { return dynamic_; }
  void set_sampling(const ps_sampling& sampling) noexcept override {
    sampling_ = sampling;
    samples_.set(sampling);
  }
  void drain_samples(const TakeSample& take) override { samples_.drain(take); }

  const ps_cookie_keys& cookies() const noexcept { return cookies_; }

  ps_counters counters_{};
  RuleCounts rule_counts_;
  uint64_t attempts_per_cell_ = 0;  // as soon as rules are loaded
  SampleRing samples_;              // what a test offers, as a worker does
  ps_sampling sampling_{0, 1, 0};
  std::vector<PortPair> pairs_;  // empty: one, with counters_
  bool refuses_ = false;
  uint32_t features_ = 0;
  int loads_ = 0;
  // The verdict that a packet of the class would meet now.
  ps_verdict verdict(uint32_t policy, uint32_t address_class) const {
    ps_image image{reinterpret_cast<const ps_block*>(image_.data()),
                   static_cast<uint32_t>(image_.size())};
    return ps_verdict_of(&image, policy, address_class);
  }
  // What a packet from `source` would meet.
  int learned(const IpAddress& source, uint64_t now_ns) const {
    const auto table = ps_dynamic_of(memory_.data(), static_cast<uint32_t>(memory_.size()));
    const auto address = source.abi();
    return ps_dynamic_action(&table, source.abi_family(), &address, now_ns);
  }

 protected:
  RuleCounts put_into_force(std::shared_ptr<const Snapshot> snapshot) override {
    if (refuses_) throw std::runtime_error("the engine has no room for it\nsecond line");
    loads_++;
    image_.resize(snapshot->header().engine_blocks);
    std::memcpy(image_.data(), snapshot->image_bytes().data(), snapshot->image_bytes().size());
    snapshot_ = std::move(snapshot);
    auto before = std::exchange(rule_counts_, {});
    rule_counts_.cells.resize(size_t{snapshot_->header().policy_count} *
                              snapshot_->header().class_count);
    for (auto& cell : rule_counts_.cells) cell.attempts = attempts_per_cell_;
    rule_counts_.signatures.resize(snapshot_->policy().signatures.size());
    return before;
  }
  std::span<std::byte> live_image() noexcept override {
    return std::as_writable_bytes(std::span(image_));
  }
  ps_cookie_keys& cookie_keys() noexcept override { return cookies_; }

 private:
  std::vector<ps_block> image_;
  std::vector<ps_dynamic_bucket> memory_;
  DynamicTable dynamic_;
  ps_cookie_keys cookies_{};
  std::shared_ptr<const Snapshot> snapshot_;
};

}  // namespace postern
