// SPDX-License-Identifier: BSD-3-Clause
//
// ExpiringTable: what is remembered of somebody until a time, bounded. When it is full, the entry
// that would expire first goes, and is counted: each user says what its forgetting means for mail.
// Times are whatever unit its user counts in. A find of what has expired finds nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>

namespace postern::policy {

template <typename Key, typename Value>
class ExpiringTable {
 public:
  explicit ExpiringTable(size_t capacity) : capacity_(capacity == 0 ? 1 : capacity) {}

  // Null: nothing, or nothing any more. Valid until the table changes.
  Value* find(const Key& key, int64_t now) {
    const auto found = entries_.find(key);
    if (found == entries_.end() || found->second.by_expiry->first <= now) return nullptr;
    return &found->second.value;
  }

  // Puts it there, or in the place of what was there.
  void put(const Key& key, Value value, int64_t expires) {
    const auto known = entries_.find(key);
    if (known != entries_.end()) {
      expiries_.erase(known->second.by_expiry);
      known->second = {std::move(value), expiries_.emplace(expires, key)};
      return;
    }
    if (entries_.size() >= capacity_) {
      entries_.erase(expiries_.begin()->second);
      expiries_.erase(expiries_.begin());
      forgotten_++;
    }
    entries_.emplace(key, Entry{std::move(value), expiries_.emplace(expires, key)});
  }

  bool erase(const Key& key) {
    const auto known = entries_.find(key);
    if (known == entries_.end()) return false;
    expiries_.erase(known->second.by_expiry);
    entries_.erase(known);
    return true;
  }

  // Drops what has expired. What is left is visited with for_each(), the first to expire first:
  // visit(key, value, expires).
  void expire(int64_t now) {
    while (!expiries_.empty() && expiries_.begin()->first <= now) {
      entries_.erase(expiries_.begin()->second);
      expiries_.erase(expiries_.begin());
    }
  }
  template <typename Visit>
  void for_each(Visit visit) const {
    for (const auto& [expires, key] : expiries_) visit(key, entries_.at(key).value, expires);
  }

  // In the order of the keys, from the first one that is not less than key on, until visit returns
  // false.
  template <typename Visit>
  void for_each_from(const Key& key, Visit visit) const {
    for (auto entry = entries_.lower_bound(key); entry != entries_.end(); ++entry)
      if (!visit(entry->first, entry->second.value, entry->second.by_expiry->first)) return;
  }

  size_t size() const noexcept { return entries_.size(); }
  uint64_t forgotten() const noexcept { return forgotten_; }  // for want of room

 private:
  using Expiries = std::multimap<int64_t, Key>;
  struct Entry {
    Value value;
    typename Expiries::iterator by_expiry;
  };

  size_t capacity_;
  std::map<Key, Entry> entries_;
  Expiries expiries_;
  uint64_t forgotten_ = 0;
};

}  // namespace postern::policy
