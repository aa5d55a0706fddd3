// SPDX-License-Identifier: BSD-3-Clause
//
// SpaceSaving: the most frequent keys of a stream, in bounded memory (Metwally, Agrawal and El
// Abbadi, "Efficient Computation of Frequent and Top-k Elements in Data Streams", 2005), with
// weights. A key without a counter takes over that of the least frequent one, and what was counted
// there is its error. With m counters and a total weight of N:
//   true weight <= count, count - error <= true weight, error <= N / m,
// and every key with more than N / m has a counter.
#pragma once

#include <cstddef>
#include <map>
#include <utility>
#include <vector>

namespace postern::cli {

template <typename Key>
class SpaceSaving {
 public:
  struct Item {
    Key key;
    double count;  // at least its true weight
    double error;  // at most so much less is true
  };

  // counters: at least 1.
  explicit SpaceSaving(size_t counters) : counters_(counters) {}

  // weight: more than 0.
  void add(const Key& key, double weight) {
    total_ += weight;
    auto cell = cells_.find(key);
    if (cell != cells_.end()) {
      move_to(cell, cell->second.place->first + weight);
      return;
    }
    double count = 0;
    if (cells_.size() == counters_) {
      const auto least = by_count_.begin();
      count = least->first;
      cells_.erase(least->second);
      by_count_.erase(least);
    }
    cell = cells_.emplace(key, Cell{count, {}}).first;
    cell->second.place = by_count_.emplace(count + weight, cell);
  }

  // As if all weights until now had been so many times as large. factor: more than 0.
  void scale(double factor) {
    total_ *= factor;
    ByCount scaled;
    for (const auto& [count, cell] : by_count_) {
      cell->second.error *= factor;
      cell->second.place = scaled.emplace_hint(scaled.end(), count * factor, cell);
    }
    by_count_ = std::move(scaled);
  }

  // The largest counts, the largest first.
  std::vector<Item> top(size_t number) const {
    std::vector<Item> items;
    for (auto at = by_count_.rbegin(); at != by_count_.rend() && items.size() < number; ++at)
      items.push_back({at->second->first, at->first, at->second->second.error});
    return items;
  }

  double total() const noexcept { return total_; }
  size_t size() const noexcept { return cells_.size(); }

 private:
  struct Cell;
  using Cells = std::map<Key, Cell>;
  using ByCount = std::multimap<double, typename Cells::iterator>;
  struct Cell {
    double error;
    typename ByCount::iterator place;
  };

  void move_to(typename Cells::iterator cell, double count) {
    by_count_.erase(cell->second.place);
    cell->second.place = by_count_.emplace(count, cell);
  }

  const size_t counters_;
  Cells cells_;
  ByCount by_count_;
  double total_ = 0;
};

}  // namespace postern::cli
