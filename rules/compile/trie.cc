// SPDX-License-Identifier: BSD-3-Clause
//
// Tries from segments (rules/compile/trie.h).
#include "rules/compile/trie.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>

namespace postern {

NodePool::NodePool(uint32_t first_block) : first_block_(first_block), places_(1 << 12) {}

uint64_t NodePool::hash_of(const NodeRuns& runs) const noexcept {
  const auto seed = XXH3_64bits(runs.starts().data(), sizeof runs.starts());
  return XXH3_64bits_withSeed(runs.slots().data(), runs.slots().size_bytes(), seed);
}

bool NodePool::holds(uint32_t node, const NodeRuns& runs) const noexcept {
  ps_node stored;
  std::memcpy(&stored, &blocks_[node], sizeof stored);
  const auto slots = runs.slots();
  if (stored.runs != slots.size() ||
      !std::equal(runs.starts().begin(), runs.starts().end(), stored.starts))
    return false;
  const void* values = stored.values;
  if (stored.runs > PS_NODE_INLINE) values = &blocks_[stored.values[0] - first_block_];
  return std::memcmp(slots.data(), values, slots.size_bytes()) == 0;
}

uint32_t NodePool::append(const NodeRuns& runs) {
  constexpr size_t kSlotsPerBlock = PS_BLOCK_BYTES / sizeof(uint32_t);
  const auto slots = runs.slots();
  ps_node node{};
  node.runs = static_cast<uint32_t>(slots.size());
  std::copy(runs.starts().begin(), runs.starts().end(), node.starts);
  for (size_t i = 1; i < 4; i++)
    node.before[i] = static_cast<uint8_t>(node.before[i - 1] + std::popcount(node.starts[i - 1]));
  if (slots.size() <= PS_NODE_INLINE) {
    std::copy(slots.begin(), slots.end(), node.values);
  } else {
    node.values[0] = first_block_ + static_cast<uint32_t>(blocks_.size());
    for (size_t i = 0; i < slots.size(); i += kSlotsPerBlock) {
      const auto part = slots.subspan(i, std::min(kSlotsPerBlock, slots.size() - i));
      std::copy(part.begin(), part.end(), blocks_.emplace_back().words);
    }
  }
  const auto index = blocks_.size();
  // Less than one chunk is left for the padding at the end.
  if (first_block_ + index >= PS_MAX_BLOCKS - PS_CHUNK_BLOCKS)
    throw std::length_error("the addresses of the lists need more than 2 GiB of tables");
  static_assert(sizeof node == sizeof(ps_block));
  std::memcpy(&blocks_.emplace_back(), &node, sizeof node);
  return static_cast<uint32_t>(index);
}

void NodePool::grow() {
  std::vector<Place> bigger(places_.size() * 2);
  for (const auto& place : places_) {
    if (place.node == 0) continue;
    size_t at = place.hash & (bigger.size() - 1);
    while (bigger[at].node != 0) at = (at + 1) & (bigger.size() - 1);
    bigger[at] = place;
  }
  places_ = std::move(bigger);
}

uint32_t NodePool::slot_of(const NodeRuns& runs) {
  if (runs.slots().size() == 1 && !(runs.slots()[0] & PS_SLOT_NODE)) return runs.slots()[0];
  if (used_ * 2 >= places_.size()) grow();
  const auto hash = hash_of(runs);
  size_t at = hash & (places_.size() - 1);
  for (; places_[at].node != 0; at = (at + 1) & (places_.size() - 1))
    if (places_[at].hash == hash && holds(places_[at].node - 1, runs))
      return PS_SLOT_NODE | (first_block_ + places_[at].node - 1);
  const auto node = append(runs);
  places_[at] = {hash, node + 1};
  used_++;
  return PS_SLOT_NODE | (first_block_ + node);
}

namespace {

// Walks over the parts of a stretch of addresses that is cut into equal children, and calls
// covered(last child, value) for children that one segment covers, from the next one not yet called
// about, and partly(child, its segments) for those that are cut further. Gaps are covered with 0.
template <typename Key, typename Covered, typename Partly>
void for_each_child(Key base, int child_bits, uint32_t children,
                    std::span<const Segment<Key>> segments, Covered covered, Partly partly) {
  const Key span = static_cast<Key>((Key{1} << child_bits) - 1);  // of one child, less one
  const auto first_of = [&](uint32_t child) {
    return static_cast<Key>(base + (static_cast<Key>(child) << child_bits));
  };
  const auto child_of = [&](Key key) { return static_cast<uint32_t>((key - base) >> child_bits); };
  const Key end = static_cast<Key>(first_of(children - 1) + span);

  uint32_t child = 0;
  for (size_t i = 0; i < segments.size() && child < children;) {
    const auto& segment = segments[i];
    const auto starts_in = segment.first <= base ? 0 : child_of(segment.first);
    if (starts_in > child) {
      covered(starts_in - 1, 0);
      child = starts_in;
    }
    const Key child_end = static_cast<Key>(first_of(child) + span);
    if (segment.first <= first_of(child) && segment.last >= child_end) {
      const auto last =
          segment.last >= end ? children - 1 : child_of(static_cast<Key>(segment.last + 1)) - 1;
      covered(last, segment.value);
      if (segment.last <= static_cast<Key>(first_of(last) + span)) i++;
      child = last + 1;
      continue;
    }
    size_t behind = i;
    while (behind < segments.size() && segments[behind].first <= child_end) behind++;
    partly(child, segments.subspan(i, behind - i));
    i = segments[behind - 1].last > child_end ? behind - 1 : behind;
    child++;
  }
  if (child < children) covered(children - 1, 0);
}

template <typename Key>
uint32_t build_node(Key base, int bits, std::span<const Segment<Key>> segments, NodePool& pool) {
  const int child_bits = bits - 8;
  NodeRuns runs;
  for_each_child(
      base, child_bits, 256u, segments,
      [&](uint32_t last, uint32_t value) { runs.add(last, value); },
      [&](uint32_t child, std::span<const Segment<Key>> part) {
        const Key child_base = static_cast<Key>(base + (static_cast<Key>(child) << child_bits));
        runs.add(child, build_node(child_base, child_bits, part, pool));
      });
  return pool.slot_of(runs);
}

}  // namespace

template <typename Key>
std::vector<uint32_t> build_trie(std::span<const Segment<Key>> segments, NodePool& pool) {
  constexpr int kBehindRoot = kKeyBits<Key> - 16;
  std::vector<uint32_t> root;
  root.reserve(PS_ROOT_SLOTS);
  for_each_child(
      Key{0}, kBehindRoot, PS_ROOT_SLOTS, segments,
      [&](uint32_t last, uint32_t value) { root.resize(last + 1, value); },
      [&](uint32_t child, std::span<const Segment<Key>> part) {
        root.push_back(build_node(static_cast<Key>(static_cast<Key>(child) << kBehindRoot),
                                  kBehindRoot, part, pool));
      });
  return root;
}

template std::vector<uint32_t> build_trie(std::span<const Segment<KeyV4>>, NodePool&);
template std::vector<uint32_t> build_trie(std::span<const Segment<KeyV6>>, NodePool&);

}  // namespace postern
