// SPDX-License-Identifier: BSD-3-Clause
//
// RecentTable: what is gathered about somebody who was heard of lately, bounded. When it is full,
// who was quiet longest goes, and is counted: each user says what its forgetting means for mail. It
// knows no times: it is an ExpiringTable in which everybody expires in the order of being heard of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "control/policy/expiring_table.h"

namespace postern::policy {

template <typename Key, typename Value>
class RecentTable {
 public:
  explicit RecentTable(size_t capacity) : entries_(capacity) {}

  // What is gathered about the key, new where there is nothing; it is now the latest one. Valid
  // until the next touch() or erase().
  Value& touch(const Key& key) {
    Value* const known = entries_.find(key, kNever);
    entries_.put(key, known == nullptr ? Value{} : std::move(*known), ++heard_);
    return *entries_.find(key, kNever);
  }

  void erase(const Key& key) { entries_.erase(key); }

  size_t size() const noexcept { return entries_.size(); }
  uint64_t forgotten() const noexcept { return entries_.forgotten(); }  // for want of room

 private:
  static constexpr int64_t kNever = 0;  // before everybody was heard of

  ExpiringTable<Key, Value> entries_;
  int64_t heard_ = kNever;  // how often anybody was
};

}  // namespace postern::policy
