// SPDX-License-Identifier: BSD-3-Clause
//
// Nodes, each content once (rules/compile/node_pool.h).
#include "rules/compile/node_pool.h"

#include <xxhash.h>

#include <stdexcept>

namespace postern {

NodePool::NodePool(uint32_t first_block) : first_block_(first_block), places_(1 << 12) {}

void NodePool::grow() {
  std::vector<Place> bigger(places_.size() * 2);
  for (const auto& place : places_) {
    if (place.blocks == 0) continue;
    size_t at = place.hash & (bigger.size() - 1);
    while (bigger[at].blocks != 0) at = (at + 1) & (bigger.size() - 1);
    bigger[at] = place;
  }
  places_ = std::move(bigger);
}

uint32_t NodePool::store(uint32_t tags, std::span<const ps_block> node) {
  if (used_ * 2 >= places_.size()) grow();
  const auto hash = XXH3_64bits_withSeed(node.data(), node.size_bytes(), tags);
  const auto index_of = [&](uint32_t slot) { return PS_SLOT_BLOCK(slot) - first_block_; };
  size_t at = hash & (places_.size() - 1);
  for (; places_[at].blocks != 0; at = (at + 1) & (places_.size() - 1)) {
    const auto& place = places_[at];
    if (place.hash == hash && place.blocks == node.size() &&
        place.slot == (tags | PS_SLOT_BLOCK(place.slot)) &&
        std::memcmp(&blocks_[index_of(place.slot)], node.data(), node.size_bytes()) == 0)
      return place.slot;
  }
  // Less than one chunk is left for the padding at the end.
  if (first_block_ + blocks_.size() + node.size() > PS_MAX_BLOCKS - PS_CHUNK_BLOCKS)
    throw std::length_error("the addresses of the lists need more than 2 GiB of tables");
  const auto slot = tags | (first_block_ + static_cast<uint32_t>(blocks_.size()));
  blocks_.insert(blocks_.end(), node.begin(), node.end());
  places_[at] = {hash, slot, static_cast<uint32_t>(node.size())};
  used_++;
  return slot;
}

}  // namespace postern
