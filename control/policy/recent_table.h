// SPDX-License-Identifier: BSD-3-Clause
//
// RecentTable: what is gathered about somebody who was heard of lately, bounded. When it is full,
// who was quiet longest goes, and is counted: each user says what its forgetting means for mail. It
// knows no times (ExpiringTable does).
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <utility>

namespace postern::policy {

template <typename Key, typename Value>
class RecentTable {
 public:
  explicit RecentTable(size_t capacity) : capacity_(capacity == 0 ? 1 : capacity) {}

  // What is gathered about the key, new where there is nothing; it is now the latest one. Valid
  // until the next touch() or erase().
  Value& touch(const Key& key) {
    const auto known = by_key_.find(key);
    if (known != by_key_.end()) {
      entries_.splice(entries_.end(), entries_, known->second);
      return known->second->second;
    }
    if (entries_.size() >= capacity_) {
      by_key_.erase(entries_.front().first);
      entries_.pop_front();
      forgotten_++;
    }
    by_key_.emplace(key, entries_.emplace(entries_.end(), key, Value{}));
    return entries_.back().second;
  }

  void erase(const Key& key) {
    const auto known = by_key_.find(key);
    if (known == by_key_.end()) return;
    entries_.erase(known->second);
    by_key_.erase(known);
  }

  size_t size() const noexcept { return entries_.size(); }
  uint64_t forgotten() const noexcept { return forgotten_; }  // for want of room

 private:
  using Entries = std::list<std::pair<const Key, Value>>;  // the latest one is last

  size_t capacity_;
  Entries entries_;
  std::map<Key, typename Entries::iterator> by_key_;
  uint64_t forgotten_ = 0;
};

}  // namespace postern::policy
