// SPDX-License-Identifier: BSD-3-Clause
//
// The table of IPv4 sources, read by the code that the engines use, one by one and in bursts,
// against a walk over the segments.
#include "rules/compile/digit_table.h"

#include <gtest/gtest.h>

#include "tests/rules/support/tables.h"

namespace postern::test {
namespace {

class Table {
 public:
  explicit Table(const std::vector<Segment<KeyV4>>& segments) : pool_(kImageRoot + PS_ROOT_BLOCKS) {
    root_ = build_digit_table(segments, pool_);
    EXPECT_EQ(root_.size(), PS_ROOT_ENTRIES);
    ps_snapshot_header header{};
    header.source_v4_root = kImageRoot;
    blocks_ = image_of(header, std::as_bytes(std::span(root_)), pool_.blocks());
  }
  const std::vector<ps_root_entry>& root() const { return root_; }
  std::vector<ps_block>& blocks() { return blocks_; }
  size_t nodes() const { return pool_.blocks().size(); }
  uint32_t at(KeyV4 key) const { return class_in(view_of(blocks_), key); }

 private:
  NodePool pool_;
  std::vector<ps_root_entry> root_;
  std::vector<ps_block> blocks_;
};

TEST(DigitTable, AgreesWithAWalkOverTheSegments) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 120; round++) {
    const auto segments = random_segments<KeyV4>(random);
    Table table(segments);
    const auto keys = keys_near(segments, random);
    const auto burst = burst_in(view_of(table.blocks()), keys);
    for (size_t i = 0; i < keys.size(); i++) {
      const auto expected = naive_value(segments, keys[i]);
      ASSERT_EQ(table.at(keys[i]), expected) << address_of(keys[i]).to_string();
      ASSERT_EQ(burst[i], expected) << address_of(keys[i]).to_string();
    }
  }
}

// The same segments, so that a change that makes one kind unused is seen.
TEST(DigitTable, HasEveryKindOfLine) {
  std::mt19937_64 random(1);
  std::set<uint32_t> kinds;
  const auto note = [&](uint32_t slot) { kinds.insert(slot >> PS_SLOT_KIND_SHIFT); };
  for (int round = 0; round < 120; round++) {
    const auto segments = random_segments<KeyV4>(random);
    Table table(segments);
    keys_near(segments, random);
    for (const auto& entry : table.root()) {
      note(entry.slot);
      if (entry.slot >> PS_SLOT_KIND_SHIFT == PS_SLOT_SPLIT12)
        for (const uint32_t slot : table.blocks()[PS_SLOT_BLOCK(entry.slot)].words) note(slot);
    }
  }
  for (const uint32_t kind : {PS_SLOT_VALUE, PS_SLOT_SPLIT12, PS_SLOT_SPLIT8, PS_SLOT_HIGH8,
                              PS_SLOT_RUNS8, PS_SLOT_RUNS16})
    EXPECT_TRUE(kinds.contains(kind)) << kind;
  EXPECT_TRUE(kinds.contains(8u | PS_SLOT_RUNS8));
  EXPECT_TRUE(kinds.contains(8u | PS_SLOT_RUNS16));
}

TEST(DigitTable, ReadsWhatLiesOutsideAsClassNone) {
  Table table({{0x0a000000, 0x0a000003, 3}});
  auto image = view_of(table.blocks());
  image.count = kImageRoot + PS_ROOT_BLOCKS;  // the node is cut off
  table.blocks()[image.count - 1] = ps_block{};
  EXPECT_EQ(class_in(image, KeyV4{0x0a000001}), 0u);
  EXPECT_EQ(burst_in<KeyV4>(image, {0x0a000001}), std::vector<uint32_t>{0});
  image.count--;  // the root, too
  EXPECT_EQ(burst_in<KeyV4>(image, {0x0a000001}), std::vector<uint32_t>{0});
  image.count = 0;
  EXPECT_EQ(burst_in<KeyV4>(image, {0x0a000001}), std::vector<uint32_t>{0});
}

TEST(DigitTable, NeedsNoNodeForWholeSlots) {
  Table table({{0x0a000000, 0x0affffff, 3}});
  EXPECT_EQ(table.nodes(), 0u);
  EXPECT_EQ(table.at(0x09ffffff), 0u);
  EXPECT_EQ(table.at(0x0a000000), 3u);
  EXPECT_EQ(table.at(0x0affffff), 3u);
  EXPECT_EQ(table.at(0x0b000000), 0u);
}

TEST(DigitTable, HoldsEveryOtherAddressOfASlash16) {
  std::vector<Segment<KeyV4>> segments;
  for (KeyV4 key = 0; key < 0x10000; key += 2)
    segments.push_back({0xc0a80000 + key, 0xc0a80000 + key, 1 + key / 2 % 200});
  Table table(segments);
  for (KeyV4 key = 0; key < 0x10000; key++)
    ASSERT_EQ(table.at(0xc0a80000 + key), key % 2 == 0 ? 1 + key / 2 % 200 : 0);
}

TEST(DigitTable, StoresEqualNodesOnce) {
  // The same pattern in a thousand /16 is one line.
  std::vector<Segment<KeyV4>> segments;
  for (KeyV4 i = 0; i < 1000; i++) segments.push_back({i << 16 | 0x0102, i << 16 | 0x0103, 1});
  EXPECT_EQ(Table(segments).nodes(), 1u);
}

}  // namespace
}  // namespace postern::test
