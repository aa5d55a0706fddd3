// SPDX-License-Identifier: BSD-3-Clause
//
// NodePool: each content once, and no more than the format can number.
#include "rules/compile/node_pool.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace postern {
namespace {

ps_block block_with(uint32_t word) {
  ps_block block{};
  block.words[3] = word;
  return block;
}

TEST(NodePool, GrowsAndStillFindsWhatItHas) {
  NodePool pool(100);
  std::vector<uint32_t> slots;
  for (int round = 0; round < 2; round++)
    for (uint32_t i = 0; i < 10000; i++) {
      const auto block = block_with(i);
      const auto slot = pool.store(kind_tag(PS_SLOT_RUNS16), std::span(&block, 1));
      if (round == 0) {
        EXPECT_EQ(slot, kind_tag(PS_SLOT_RUNS16) | (100 + i));
        slots.push_back(slot);
      } else {
        EXPECT_EQ(slot, slots[i]);
      }
    }
  EXPECT_EQ(pool.blocks().size(), 10000u);
}

TEST(NodePool, KeepsTheSameBytesOfOtherKindsAndSizesApart) {
  NodePool pool(0);
  const ps_block blocks[] = {block_with(1), block_with(1)};
  const auto one = pool.store(kind_tag(PS_SLOT_RUNS8), std::span(blocks, 1));
  const auto other_kind = pool.store(kind_tag(PS_SLOT_RUNS16), std::span(blocks, 1));
  const auto two = pool.store(kind_tag(PS_SLOT_RUNS8), std::span(blocks, 2));
  EXPECT_EQ(pool.blocks().size(), 4u);
  EXPECT_NE(PS_SLOT_BLOCK(one), PS_SLOT_BLOCK(other_kind));
  EXPECT_NE(one, two);
  EXPECT_EQ(pool.store(kind_tag(PS_SLOT_RUNS8), std::span(blocks, 2)), two);
}

TEST(NodePool, RefusesToOutgrowTheFormat) {
  NodePool pool(PS_MAX_BLOCKS - PS_CHUNK_BLOCKS);
  const auto block = block_with(1);
  EXPECT_THROW(pool.store(kind_tag(PS_SLOT_RUNS8), std::span(&block, 1)), std::length_error);
}

}  // namespace
}  // namespace postern
