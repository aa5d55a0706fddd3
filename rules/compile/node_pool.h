// SPDX-License-Identifier: BSD-3-Clause
//
// NodePool: the nodes of all tables of a snapshot (rules/abi/snapshot_format.h), each content once.
// A node is one block or several that follow each other; children always lie before their parents,
// which lets the verifier rule out circles by looking at one number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "rules/abi/snapshot_format.h"

namespace postern {

class NodePool {
 public:
  // first_block: where in the image the pool will lie.
  explicit NodePool(uint32_t first_block);

  // The slot of that content. tags: what the slot has beside the block; they are part of the
  // content, as no block is two things. Throws std::length_error when the image would have more
  // than PS_MAX_BLOCKS.
  uint32_t store(uint32_t tags, std::span<const ps_block> node);
  const std::vector<ps_block>& blocks() const noexcept { return blocks_; }

 private:
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

inline uint32_t kind_tag(ps_slot_kind kind) noexcept {
  return uint32_t{kind} << PS_SLOT_KIND_SHIFT;
}

template <typename Line>
ps_block block_of(const Line& line) noexcept {
  static_assert(sizeof(Line) == sizeof(ps_block));
  ps_block block;
  std::memcpy(&block, &line, sizeof block);
  return block;
}

}  // namespace postern
