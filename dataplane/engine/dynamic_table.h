// SPDX-License-Identifier: BSD-3-Clause
//
// DynamicTable: the one writer of the table in dataplane/core/dynamic.h, over memory that the
// engine gives it (plain, hugepage, or a mapped BPF map). Also keeps what readers do not need: the
// text of each entry's reason. One thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "dataplane/core/dynamic.h"
#include "rules/abi/vocabulary.h"
#include "rules/address/address.h"

namespace postern {

struct DynamicEntry {
  Prefix prefix;  // a length of PS_DYNAMIC_KINDS
  Action action = Action::DROP;
  std::string reason;
  uint64_t expires_ns = 0;  // CLOCK_MONOTONIC
};

class DynamicTable {
 public:
  static constexpr size_t kMaxReasonBytes = 256;
  // memory: 1 + 2^n buckets, owned by the caller, outliving this. Entries already in it (an engine
  // taken over from a dead process) are kept when the header is sound, else it is zeroed.
  explicit DynamicTable(std::span<ps_dynamic_bucket> memory);

  // The kind for a prefix; nullopt when entries cannot have that length.
  static std::optional<ps_dynamic_kind> kind_of(const Prefix& prefix) noexcept;

  // Adds, or replaces the entry of the same prefix. Throws std::invalid_argument for a length that
  // entries cannot have, or a reason too long.
  void add(const DynamicEntry& entry, uint64_t now_ns);
  bool remove(const Prefix& prefix);  // false: there was none
  // Forgets entries whose time has passed and closes the gate when none are left. Call every second.
  void sweep(uint64_t now_ns);

  std::vector<DynamicEntry> list(uint64_t now_ns) const;
  size_t size() const noexcept { return details_.size(); }
  size_t capacity() const noexcept;
  uint64_t evicted() const noexcept { return evicted_; }

 private:
  std::span<ps_dynamic_bucket> memory_;
  std::unordered_map<std::string, DynamicEntry> details_;  // by prefix text
  uint64_t evicted_ = 0;
};

}  // namespace postern
