// SPDX-License-Identifier: BSD-3-Clause
//
// Building the tries of rules/abi/snapshot_format.h: a root of 65,536 slots for the first 16 bits,
// then one node per 8 bits. A trie is built from all its segments at once, depth first. Nodes with
// the same content are stored once, over all the tries of a snapshot; children always lie before
// their parents, which lets the verifier rule out cycles by looking at one number.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "rules/abi/snapshot_format.h"
#include "rules/compile/segments.h"

namespace postern {

// The 256 children of a node as runs of equal slots, added from left to right.
class NodeRuns {
 public:
  // The children from next() to `last` lead to `slot`.
  void add(uint32_t last, uint32_t slot) noexcept {
    if (runs_ == 0 || slots_[runs_ - 1] != slot) {
      starts_[next_ >> 6] |= uint64_t{1} << (next_ & 63);
      slots_[runs_++] = slot;
    }
    next_ = last + 1;
  }
  uint32_t next() const noexcept { return next_; }  // 256: all are there
  const std::array<uint64_t, 4>& starts() const noexcept { return starts_; }
  std::span<const uint32_t> slots() const noexcept { return {slots_.data(), runs_}; }

 private:
  std::array<uint64_t, 4> starts_{};
  std::array<uint32_t, 256> slots_;
  uint32_t runs_ = 0;
  uint32_t next_ = 0;
};

// The nodes of a snapshot, each content once.
class NodePool {
 public:
  // first_block: where in the image the pool will lie.
  explicit NodePool(uint32_t first_block);

  // The slot for a complete node: a plain value when all children lead to the same value. Throws
  // std::length_error when the image would have more than PS_MAX_BLOCKS.
  uint32_t slot_of(const NodeRuns& runs);
  const std::vector<ps_block>& blocks() const noexcept { return blocks_; }

 private:
  uint64_t hash_of(const NodeRuns& runs) const noexcept;
  bool holds(uint32_t node, const NodeRuns& runs) const noexcept;
  uint32_t append(const NodeRuns& runs);
  void grow();

  struct Place {
    uint64_t hash;
    uint32_t node;  // index into blocks_, plus 1; 0: free
  };
  uint32_t first_block_;
  std::vector<ps_block> blocks_;
  std::vector<Place> places_;  // open addressing, a power of two, at most half full
  size_t used_ = 0;
};

// The 65,536 root slots of a trie over the segments, which are sorted and disjoint.
template <typename Key>
std::vector<uint32_t> build_trie(std::span<const Segment<Key>> segments, NodePool& pool);

extern template std::vector<uint32_t> build_trie(std::span<const Segment<KeyV4>>, NodePool&);
extern template std::vector<uint32_t> build_trie(std::span<const Segment<KeyV6>>, NodePool&);

}  // namespace postern
