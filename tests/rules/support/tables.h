// SPDX-License-Identifier: BSD-3-Clause
//
// For tests of the tables: segments and keys that make every kind of node, the naive twin of a
// table, and images that are nothing but one.
#pragma once

#include <algorithm>
#include <cstring>
#include <random>
#include <set>
#include <span>
#include <vector>

#include "rules/address/key.h"
#include "rules/compile/segments.h"
#include "rules/snapshot/lookup_burst.h"

namespace postern::test {

inline constexpr uint32_t kImageRoot = sizeof(ps_snapshot_header) / PS_BLOCK_BYTES;

// An image of a header, a root, and a pool that lies behind them.
inline std::vector<ps_block> image_of(const ps_snapshot_header& header,
                                      std::span<const std::byte> root,
                                      std::span<const ps_block> pool) {
  std::vector<ps_block> blocks(kImageRoot + root.size() / PS_BLOCK_BYTES);
  std::memcpy(blocks.data(), &header, sizeof header);
  if (!root.empty()) std::memcpy(&blocks[kImageRoot], root.data(), root.size());
  blocks.insert(blocks.end(), pool.begin(), pool.end());
  blocks.emplace_back();
  return blocks;
}
inline ps_image view_of(const std::vector<ps_block>& blocks) {
  return {blocks.data(), static_cast<uint32_t>(blocks.size())};
}

template <typename Key>
uint32_t class_in(ps_image image, Key key) {
  const auto address = address_of(key).abi();
  return ps_class_of(&image, sizeof(Key) == 4 ? PS_FAMILY_V4 : PS_FAMILY_V6, &address);
}
template <typename Key>
std::vector<uint32_t> burst_in(ps_image image, const std::vector<Key>& keys) {
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

template <typename Key>
uint32_t naive_value(const std::vector<Segment<Key>>& segments, Key key) {
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
  // Half of IPv6 in 2000::/3, where the root is.
  if constexpr (sizeof(Key) == 16)
    if (random() % 2 == 0) key = (key >> 3) | static_cast<Key>(1) << 125;
  return key;
}

// Of each kind of line there is: values of one and of two bytes, whole /24s and /64s, and so many
// runs within 16 bits that one line, separators, levels of them and splits are needed.
template <typename Key>
std::vector<Segment<Key>> random_segments(std::mt19937_64& random) {
  static constexpr size_t kCounts[] = {0, 1, 5, 40, 150, 1500};
  static constexpr uint32_t kLargest[] = {1, 5, 255, 300, 65000};
  std::set<Key> edges;
  const auto count = kCounts[random() % std::size(kCounts)];
  const auto largest = kLargest[random() % std::size(kLargest)];
  const Key base = random_key<Key>(random);
  const int position = static_cast<int>(random() % (sizeof(Key) / 2)) * 16;  // of the dense bits
  const Key step = random() % 3 == 0 ? 256 : 1;
  const Key dense = random() % 2 == 0 ? 0xffff : 0x0fff;
  const Key behind = random() % 2 == 0 ? static_cast<Key>((Key{1} << position) - 1) : Key{0};
  while (edges.size() < count) {
    if (random() % 8 == 0)
      edges.insert(random_key<Key>(random) & ~behind);
    else
      edges.insert(static_cast<Key>((base & ~(Key{0xffff} << position) & ~behind) |
                                    ((random() & dense & ~(step - 1)) << position)));
    if ((step > 1 || behind != 0) && random() % 1000 == 0) break;  // there may be no more
  }
  std::vector<Segment<Key>> segments;
  for (auto it = edges.begin(); it != edges.end() && std::next(it) != edges.end(); ++it)
    if (random() % 4 != 0)
      segments.push_back({*it, static_cast<Key>(*std::next(it) - 1),
                          static_cast<uint32_t>(1 + random() % largest)});
  if (!edges.empty() && random() % 2 == 0) segments.push_back({*edges.rbegin(), kLastKey<Key>, 7});
  return segments;
}

// Every address near a boundary, and others, in no order.
template <typename Key>
std::vector<Key> keys_near(const std::vector<Segment<Key>>& segments, std::mt19937_64& random) {
  std::vector<Key> keys = {0, kLastKey<Key>};
  for (const auto& segment : segments)
    for (const int step : {-1, 0, 1}) {
      keys.push_back(static_cast<Key>(segment.first + static_cast<Key>(step)));
      keys.push_back(static_cast<Key>(segment.last + static_cast<Key>(step)));
    }
  for (int i = 0; i < 200; i++) keys.push_back(random_key<Key>(random));
  std::shuffle(keys.begin(), keys.end(), random);
  return keys;
}

}  // namespace postern::test
