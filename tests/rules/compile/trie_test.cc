// SPDX-License-Identifier: BSD-3-Clause
//
// The tries, read by the code that the engines use, against a walk over the segments.
#include "rules/compile/trie.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <stdexcept>

#include "rules/abi/lookup.h"

namespace postern {
namespace {

template <typename Key>
class Trie {
 public:
  explicit Trie(std::span<const Segment<Key>> segments) : pool_(PS_ROOT_BLOCKS) {
    const auto root = build_trie(segments, pool_);
    EXPECT_EQ(root.size(), PS_ROOT_SLOTS);
    blocks_.resize(PS_ROOT_BLOCKS);
    for (size_t i = 0; i < root.size(); i++) blocks_[i / 16].words[i % 16] = root[i];
    blocks_.insert(blocks_.end(), pool_.blocks().begin(), pool_.blocks().end());
  }
  uint32_t at(Key key) {
    ps_image image{blocks_.data(), static_cast<uint32_t>(blocks_.size())};
    const auto address = address_of(key).abi();
    return ps_trie_lookup(&image, 0, &address, sizeof(Key));
  }
  size_t nodes() const { return pool_.blocks().size(); }

 private:
  NodePool pool_;
  std::vector<ps_block> blocks_;
};

template <typename Key>
uint32_t naive(const std::vector<Segment<Key>>& segments, Key key) {
  for (const auto& segment : segments)
    if (segment.first <= key && key <= segment.last) return segment.value;
  return 0;
}

template <typename Key>
Key random_key(std::mt19937_64& random) {
  Key key = 0;
  for (size_t i = 0; i < sizeof(Key); i++) {
    // Bytes that often agree, so that addresses share much of their way.
    const auto byte = random() % 3 == 0 ? random() % 256 : (random() % 2 == 0 ? 0 : 255);
    key = static_cast<Key>(key << 8 | byte);
  }
  return key;
}

template <typename Key>
std::vector<Segment<Key>> random_segments(std::mt19937_64& random) {
  std::set<Key> edges;
  const auto count = random() % 80;
  const Key base = random_key<Key>(random);
  while (edges.size() < count) {
    if (random() % 2 == 0)
      edges.insert(random_key<Key>(random));
    else  // dense, so that nodes have many runs
      edges.insert(static_cast<Key>((base & ~Key{0xfff}) | (random() & 0xfff)));
  }
  std::vector<Segment<Key>> segments;
  for (auto it = edges.begin(); it != edges.end() && std::next(it) != edges.end(); ++it)
    if (random() % 4 != 0)
      segments.push_back(
          {*it, static_cast<Key>(*std::next(it) - 1), static_cast<uint32_t>(1 + random() % 5)});
  if (!edges.empty() && random() % 2 == 0) segments.push_back({*edges.rbegin(), kLastKey<Key>, 7});
  return segments;
}

template <typename Key>
void compare_with_naive(int rounds) {
  std::mt19937_64 random(1);
  for (int round = 0; round < rounds; round++) {
    const auto segments = random_segments<Key>(random);
    Trie<Key> trie(segments);
    std::vector<Key> keys = {0, kLastKey<Key>};
    for (const auto& segment : segments)
      for (const int step : {-1, 0, 1}) {
        keys.push_back(static_cast<Key>(segment.first + static_cast<Key>(step)));
        keys.push_back(static_cast<Key>(segment.last + static_cast<Key>(step)));
      }
    for (int i = 0; i < 200; i++) keys.push_back(random_key<Key>(random));
    for (const auto key : keys)
      ASSERT_EQ(trie.at(key), naive(segments, key)) << address_of(key).to_string();
  }
}

TEST(TrieV4, AgreesWithAWalkOverTheSegments) {
  compare_with_naive<KeyV4>(150);
}
TEST(TrieV6, AgreesWithAWalkOverTheSegments) {
  compare_with_naive<KeyV6>(150);
}

TEST(TrieV4, NeedsNoNodeForWholeSlots) {
  Trie<KeyV4> trie(std::vector<Segment<KeyV4>>{{0x0a000000, 0x0affffff, 3}});
  EXPECT_EQ(trie.nodes(), 0u);
  EXPECT_EQ(trie.at(0x09ffffff), 0u);
  EXPECT_EQ(trie.at(0x0a000000), 3u);
  EXPECT_EQ(trie.at(0x0affffff), 3u);
  EXPECT_EQ(trie.at(0x0b000000), 0u);
}

TEST(TrieV4, HoldsEveryOtherAddressOfASlash16) {
  std::vector<Segment<KeyV4>> segments;
  for (KeyV4 key = 0; key < 0x10000; key += 2)
    segments.push_back({0xc0a80000 + key, 0xc0a80000 + key, 1 + key / 2 % 200});
  Trie<KeyV4> trie(segments);
  for (KeyV4 key = 0; key < 0x10000; key++)
    ASSERT_EQ(trie.at(0xc0a80000 + key), key % 2 == 0 ? 1 + key / 2 % 200 : 0);
}

TEST(NodePool, StoresEqualNodesOnce) {
  // The same pattern in a thousand /16 is one subtree.
  std::vector<Segment<KeyV4>> segments;
  for (KeyV4 i = 0; i < 1000; i++) segments.push_back({i << 16 | 0x0102, i << 16 | 0x0103, 1});
  Trie<KeyV4> trie(segments);
  EXPECT_EQ(trie.nodes(), 2u);
}

TEST(NodePool, GrowsAndStillFindsWhatItHas) {
  NodePool pool(100);
  std::vector<uint32_t> slots;
  for (int round = 0; round < 2; round++)
    for (uint32_t i = 0; i < 10000; i++) {
      NodeRuns runs;
      runs.add(i % 255, i + 1);
      runs.add(255, 0);
      const auto slot = pool.slot_of(runs);
      if (round == 0) {
        EXPECT_EQ(slot, PS_SLOT_NODE | (100 + i));
        slots.push_back(slot);
      } else {
        EXPECT_EQ(slot, slots[i]);
      }
    }
  EXPECT_EQ(pool.blocks().size(), 10000u);
}

TEST(NodePool, RefusesToOutgrowTheFormat) {
  NodePool pool(PS_MAX_BLOCKS - PS_CHUNK_BLOCKS);
  NodeRuns runs;
  runs.add(7, 1);
  runs.add(255, 0);
  EXPECT_THROW(pool.slot_of(runs), std::length_error);
}

}  // namespace
}  // namespace postern
