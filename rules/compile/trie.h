// SPDX-License-Identifier: BSD-3-Clause
//
// Building the tables of rules/abi/snapshot_format.h: what a digit (16 bits of an address) leads to
// as runs, encoded in lines of one block, digit by digit. A table is built from all its segments at
// once, depth first. Nodes with the same content are stored once, over all the tables of a
// snapshot; children always lie before their parents, which lets the verifier rule out circles by
// looking at one number.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "rules/abi/snapshot_format.h"
#include "rules/compile/segments.h"

namespace postern {

// The digits up to `last`, from behind the run before it, lead to `slot`.
struct DigitRun {
  uint16_t last;
  uint32_t slot;
};

// What all the 65,536 values of a digit lead to, as runs that differ, added from left to right.
class DigitRuns {
 public:
  void clear() noexcept {
    runs_.clear();
    next_ = 0;
  }
  // The digits from next() to `last` lead to `slot`.
  void add(uint32_t last, uint32_t slot) {
    next_ = last + 1;
    if (!runs_.empty() && runs_.back().slot == slot)
      runs_.back().last = static_cast<uint16_t>(last);
    else
      runs_.push_back({static_cast<uint16_t>(last), slot});
  }
  uint32_t next() const noexcept { return next_; }  // 65,536: all are there
  std::span<const DigitRun> all() const noexcept { return runs_; }

 private:
  std::vector<DigitRun> runs_;
  uint32_t next_ = 0;
};

// The nodes of a snapshot, each content once. A node is one block or several that follow each
// other.
class NodePool {
 public:
  // first_block: where in the image the pool will lie.
  explicit NodePool(uint32_t first_block);

  // What a digit with these runs is looked up by, in a root or elsewhere. Both throw
  // std::length_error when the image would have more than PS_MAX_BLOCKS.
  ps_root_entry entry_of(std::span<const DigitRun> runs);
  uint32_t slot_of(std::span<const DigitRun> runs) { return slot_of(runs, 0); }
  const std::vector<ps_block>& blocks() const noexcept { return blocks_; }

 private:
  uint32_t slot_of(std::span<const DigitRun> runs, int splits);
  uint32_t split(std::span<const DigitRun> runs, int splits);
  uint32_t store(uint32_t tags, std::span<const ps_block> node);
  void grow();

  struct Place {
    uint64_t hash;
    uint32_t slot;
    uint32_t blocks;  // 0: free
  };
  uint32_t first_block_;
  std::vector<ps_block> blocks_;
  std::vector<Place> places_;  // open addressing, a power of two, at most half full
  size_t used_ = 0;
};

// The 65,536 root entries of a table over the segments, which are sorted and disjoint.
template <typename Key>
std::vector<ps_root_entry> build_root(std::span<const Segment<Key>> segments, NodePool& pool);
// The slot of a table without a root: for few segments.
template <typename Key>
uint32_t build_slot(std::span<const Segment<Key>> segments, NodePool& pool);

extern template std::vector<ps_root_entry> build_root(std::span<const Segment<KeyV4>>, NodePool&);
extern template std::vector<ps_root_entry> build_root(std::span<const Segment<KeyV6>>, NodePool&);
extern template uint32_t build_slot(std::span<const Segment<KeyV4>>, NodePool&);
extern template uint32_t build_slot(std::span<const Segment<KeyV6>>, NodePool&);

}  // namespace postern
