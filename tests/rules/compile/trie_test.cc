// SPDX-License-Identifier: BSD-3-Clause
//
// The tables, read by the code that the engines use, one by one and in bursts, against a walk over
// the segments.
#include "rules/compile/trie.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <set>
#include <stdexcept>

#include "rules/snapshot/lookup_burst.h"

namespace postern {
namespace {

// An image with one table, reached by a root and by a slot.
template <typename Key>
class Table {
 public:
  explicit Table(std::span<const Segment<Key>> segments) : pool_(kRoot + PS_ROOT_BLOCKS) {
    const auto root = build_root(segments, pool_);
    EXPECT_EQ(root.size(), PS_ROOT_ENTRIES);
    nodes_ = pool_.blocks().size();
    slot_ = build_slot(segments, pool_);
    blocks_.resize(kRoot + PS_ROOT_BLOCKS);
    ps_snapshot_header header{};
    header.source_v4_root = header.source_v6_root = kRoot;
    std::memcpy(blocks_.data(), &header, sizeof header);
    std::memcpy(&blocks_[kRoot], root.data(), root.size() * sizeof root[0]);
    blocks_.insert(blocks_.end(), pool_.blocks().begin(), pool_.blocks().end());
    blocks_.emplace_back();
  }
  uint32_t at(Key key) const { return class_in(image(), key); }
  uint32_t by_slot(Key key) const {
    auto whole = image();
    const auto address = address_of(key).abi();
    return ps_slot_lookup(&whole, slot_, ps_digits_of(&address));
  }
  std::vector<uint32_t> burst(const std::vector<Key>& keys) const {
    return burst_in(image(), keys);
  }
  size_t nodes() const { return nodes_; }
  std::vector<ps_block>& blocks() { return blocks_; }
  ps_image image() const { return {blocks_.data(), static_cast<uint32_t>(blocks_.size())}; }

  static uint32_t class_in(ps_image image, Key key) {
    const auto address = address_of(key).abi();
    return ps_class_of(&image, sizeof(Key) == 4 ? PS_FAMILY_V4 : PS_FAMILY_V6, &address);
  }
  static std::vector<uint32_t> burst_in(ps_image image, const std::vector<Key>& keys) {
    const auto count = static_cast<uint32_t>(keys.size());
    std::vector<uint32_t> classes(keys.size(), 0xdead);
    if constexpr (sizeof(Key) == 4) {
      classes_of(image, keys.data(), count, classes.data());
    } else {
      std::vector<ps_address> addresses;
      for (const auto key : keys) addresses.push_back(address_of(key).abi());
      classes_of(image, addresses.data(), count, classes.data());
    }
    return classes;
  }
  static constexpr uint32_t kRoot = sizeof(ps_snapshot_header) / PS_BLOCK_BYTES;

 private:
  NodePool pool_;
  size_t nodes_ = 0;
  uint32_t slot_ = 0;
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

// Of each kind of line there is: values of one, two and more bytes, whole /24s, and so many runs
// within one digit that one line, separators and splits are needed.
template <typename Key>
std::vector<Segment<Key>> random_segments(std::mt19937_64& random) {
  static constexpr size_t kCounts[] = {0, 1, 5, 40, 150, 1500};
  static constexpr uint32_t kLargest[] = {1, 5, 255, 300, 65000};
  std::set<Key> edges;
  const auto count = kCounts[random() % std::size(kCounts)];
  const auto largest = kLargest[random() % std::size(kLargest)];
  const Key base = random_key<Key>(random);
  const int position = static_cast<int>(random() % (sizeof(Key) / 2)) * 16;  // of the dense digit
  const Key step = random() % 3 == 0 ? 256 : 1;
  const Key dense = random() % 2 == 0 ? 0xffff : 0x0fff;
  while (edges.size() < count) {
    if (random() % 8 == 0)
      edges.insert(random_key<Key>(random));
    else
      edges.insert(static_cast<Key>((base & ~(Key{0xffff} << position)) |
                                    ((random() & dense & ~(step - 1)) << position)));
    if (step > 1 && random() % 1000 == 0) break;  // there may be no more
  }
  std::vector<Segment<Key>> segments;
  for (auto it = edges.begin(); it != edges.end() && std::next(it) != edges.end(); ++it)
    if (random() % 4 != 0)
      segments.push_back({*it, static_cast<Key>(*std::next(it) - 1),
                          static_cast<uint32_t>(1 + random() % largest)});
  if (!edges.empty() && random() % 2 == 0) segments.push_back({*edges.rbegin(), kLastKey<Key>, 7});
  return segments;
}

template <typename Key>
void compare_with_naive(int rounds) {
  std::mt19937_64 random(1);
  for (int round = 0; round < rounds; round++) {
    const auto segments = random_segments<Key>(random);
    Table<Key> table(segments);
    std::vector<Key> keys = {0, kLastKey<Key>};
    for (const auto& segment : segments)
      for (const int step : {-1, 0, 1}) {
        keys.push_back(static_cast<Key>(segment.first + static_cast<Key>(step)));
        keys.push_back(static_cast<Key>(segment.last + static_cast<Key>(step)));
      }
    for (int i = 0; i < 200; i++) keys.push_back(random_key<Key>(random));
    std::shuffle(keys.begin(), keys.end(), random);
    const auto burst = table.burst(keys);
    for (size_t i = 0; i < keys.size(); i++) {
      const auto expected = naive(segments, keys[i]);
      ASSERT_EQ(table.at(keys[i]), expected) << address_of(keys[i]).to_string();
      ASSERT_EQ(table.by_slot(keys[i]), expected) << address_of(keys[i]).to_string();
      ASSERT_EQ(burst[i], expected) << address_of(keys[i]).to_string();
    }
  }
}

TEST(TableV4, AgreesWithAWalkOverTheSegments) {
  compare_with_naive<KeyV4>(120);
}
TEST(TableV6, AgreesWithAWalkOverTheSegments) {
  compare_with_naive<KeyV6>(120);
}

// The same segments, so that a change that makes one kind unused is seen.
TEST(TableV4, HasEveryKindOfLine) {
  std::mt19937_64 random(1);
  std::set<uint32_t> kinds;
  const auto note = [&](uint32_t slot) { kinds.insert(slot >> PS_SLOT_KIND_SHIFT); };
  for (int round = 0; round < 120; round++) {
    Table<KeyV4> table(random_segments<KeyV4>(random));
    const auto* root = reinterpret_cast<const ps_root_entry*>(&table.blocks()[table.kRoot]);
    for (uint32_t i = 0; i < PS_ROOT_ENTRIES; i++) {
      note(root[i].slot);
      if (root[i].slot >> PS_SLOT_KIND_SHIFT == PS_SLOT_SPLIT12)
        for (const uint32_t slot : table.blocks()[PS_SLOT_BLOCK(root[i].slot)].words) note(slot);
    }
  }
  for (const uint32_t kind : {PS_SLOT_VALUE, PS_SLOT_SPLIT12, PS_SLOT_SPLIT8, PS_SLOT_HIGH8,
                              PS_SLOT_RUNS8, PS_SLOT_RUNS16})
    EXPECT_TRUE(kinds.contains(kind)) << kind;
  EXPECT_TRUE(kinds.contains(8u | PS_SLOT_RUNS8));
  EXPECT_TRUE(kinds.contains(8u | PS_SLOT_RUNS16));
}

TEST(TableV4, ReadsWhatLiesOutsideAsClassNone) {
  Table<KeyV4> table(std::vector<Segment<KeyV4>>{{0x0a000000, 0x0a000003, 3}});
  auto image = table.image();
  image.count = table.kRoot + PS_ROOT_BLOCKS;  // the node is cut off
  table.blocks()[image.count - 1] = ps_block{};
  EXPECT_EQ(Table<KeyV4>::class_in(image, 0x0a000001), 0u);
  EXPECT_EQ(Table<KeyV4>::burst_in(image, {0x0a000001}), std::vector<uint32_t>{0});
  image.count--;  // the root, too
  EXPECT_EQ(Table<KeyV4>::burst_in(image, {0x0a000001}), std::vector<uint32_t>{0});
  image.count = 0;
  EXPECT_EQ(Table<KeyV4>::burst_in(image, {0x0a000001}), std::vector<uint32_t>{0});
}

TEST(TableV4, NeedsNoNodeForWholeSlots) {
  Table<KeyV4> table(std::vector<Segment<KeyV4>>{{0x0a000000, 0x0affffff, 3}});
  EXPECT_EQ(table.nodes(), 0u);
  EXPECT_EQ(table.at(0x09ffffff), 0u);
  EXPECT_EQ(table.at(0x0a000000), 3u);
  EXPECT_EQ(table.at(0x0affffff), 3u);
  EXPECT_EQ(table.at(0x0b000000), 0u);
}

TEST(TableV4, HoldsEveryOtherAddressOfASlash16) {
  std::vector<Segment<KeyV4>> segments;
  for (KeyV4 key = 0; key < 0x10000; key += 2)
    segments.push_back({0xc0a80000 + key, 0xc0a80000 + key, 1 + key / 2 % 200});
  Table<KeyV4> table(segments);
  for (KeyV4 key = 0; key < 0x10000; key++)
    ASSERT_EQ(table.at(0xc0a80000 + key), key % 2 == 0 ? 1 + key / 2 % 200 : 0);
}

TEST(NodePool, StoresEqualNodesOnce) {
  // The same pattern in a thousand /16 is one line.
  std::vector<Segment<KeyV4>> segments;
  for (KeyV4 i = 0; i < 1000; i++) segments.push_back({i << 16 | 0x0102, i << 16 | 0x0103, 1});
  Table<KeyV4> table(segments);
  EXPECT_EQ(table.nodes(), 1u);
}

TEST(NodePool, GrowsAndStillFindsWhatItHas) {
  NodePool pool(100);
  std::vector<uint32_t> slots;
  for (int round = 0; round < 2; round++)
    for (uint32_t i = 0; i < 10000; i++) {
      DigitRuns runs;
      runs.add(i % 65535, i + 1);
      runs.add(65535, 0);
      const auto slot = pool.slot_of(runs.all());
      if (round == 0) {
        EXPECT_EQ(PS_SLOT_BLOCK(slot), 100 + i);
        slots.push_back(slot);
      } else {
        EXPECT_EQ(slot, slots[i]);
      }
    }
  EXPECT_EQ(pool.blocks().size(), 10000u);
}

TEST(NodePool, RefusesToOutgrowTheFormat) {
  NodePool pool(PS_MAX_BLOCKS - PS_CHUNK_BLOCKS);
  DigitRuns runs;
  runs.add(7, 1);
  runs.add(65535, 0);
  EXPECT_THROW(pool.slot_of(runs.all()), std::length_error);
}

}  // namespace
}  // namespace postern
