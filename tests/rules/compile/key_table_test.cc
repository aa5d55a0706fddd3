// SPDX-License-Identifier: BSD-3-Clause
//
// The tables of IPv6 sources and of destinations, read by the code that the engines use, one by one
// and in bursts, against a walk over the segments.
#include "rules/compile/key_table.h"

#include <gtest/gtest.h>

#include "tests/rules/support/tables.h"

namespace postern::test {
namespace {

// Sources with a root of so many bits.
class Rooted {
 public:
  Rooted(const std::vector<Segment<KeyV6>>& segments, uint32_t bits)
      : pool_(kImageRoot + (bits ? (4u << bits) / PS_BLOCK_BYTES : 0)),
        table_(build_rooted_table(segments, bits, pool_)) {
    ps_snapshot_header header{};
    header.source_v6_root = kImageRoot;
    header.source_v6_bits = bits;
    header.source_v6 = table_.slot;
    blocks_ = image_of(header, std::as_bytes(std::span(table_.root)), pool_.blocks());
  }
  const RootedTable& table() const { return table_; }
  const std::vector<ps_block>& blocks() const { return blocks_; }

 private:
  NodePool pool_;
  RootedTable table_;
  std::vector<ps_block> blocks_;
};

// Destinations: a slot without a root.
template <typename Key>
class Unrooted {
 public:
  explicit Unrooted(const std::vector<Segment<Key>>& segments) : pool_(kImageRoot) {
    slot_ = build_key_table(std::span<const Segment<Key>>(segments), pool_);
    blocks_ = image_of({}, {}, pool_.blocks());
  }
  uint32_t slot() const { return slot_; }
  uint32_t at(Key key) const {
    auto image = view_of(blocks_);
    const auto address = address_of(key).abi();
    const auto whole = ps_key_of(sizeof(Key) == 4 ? PS_FAMILY_V4 : PS_FAMILY_V6, &address);
    return ps_key_lookup(&image, slot_, &whole, 0);
  }

 private:
  NodePool pool_;
  uint32_t slot_ = 0;
  std::vector<ps_block> blocks_;
};

TEST(KeyTable, OfSourcesAgreesWithAWalkOverTheSegments) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 200; round++) {
    static constexpr uint32_t kBits[] = {0, PS_MIN_V6_ROOT_BITS, 9, 14, 17};
    const auto segments = random_segments<KeyV6>(random);
    const Rooted sources(segments, kBits[static_cast<size_t>(round) % std::size(kBits)]);
    const auto keys = keys_near(segments, random);
    const auto burst = burst_in(view_of(sources.blocks()), keys);
    for (size_t i = 0; i < keys.size(); i++) {
      const auto expected = naive_value(segments, keys[i]);
      ASSERT_EQ(class_in(view_of(sources.blocks()), keys[i]), expected)
          << address_of(keys[i]).to_string();
      ASSERT_EQ(burst[i], expected) << address_of(keys[i]).to_string();
    }
  }
}

template <typename Key>
void compare_destinations() {
  std::mt19937_64 random(2);
  for (int round = 0; round < 120; round++) {
    const auto segments = random_segments<Key>(random);
    const Unrooted<Key> destinations(segments);
    for (const auto key : keys_near(segments, random))
      ASSERT_EQ(destinations.at(key), naive_value(segments, key)) << address_of(key).to_string();
  }
}
TEST(KeyTable, OfDestinationsAgreesWithAWalkOverTheSegments) {
  compare_destinations<KeyV4>();
  compare_destinations<KeyV6>();
}

// The same segments, so that a change that makes one kind unused is seen.
TEST(KeyTable, HasEveryKindOfLineAndSeveralLevels) {
  std::mt19937_64 random(1);
  std::set<std::pair<uint32_t, uint32_t>> seen;  // kind, levels
  for (int round = 0; round < 200; round++) {
    const auto segments = random_segments<KeyV6>(random);
    const Rooted sources(segments, round % 2 == 0 ? 0 : 9);
    keys_near(segments, random);
    const auto note = [&](uint32_t slot) {
      seen.insert({PS_SLOT_KIND(slot), PS_IS_VALUE(slot) ? 0 : PS_SLOT_LEVELS(slot)});
    };
    note(sources.table().slot);
    for (const uint32_t slot : sources.table().root) note(slot);
  }
  for (const auto& [kind, levels] :
       {std::pair{PS_SLOT_VALUE, 0u}, std::pair{PS_SLOT_KEYS32, 0u}, std::pair{PS_SLOT_KEYS32, 1u},
        std::pair{PS_SLOT_KEYS32, 2u}, std::pair{PS_SLOT_KEYS64, 0u}, std::pair{PS_SLOT_KEYS64, 1u},
        std::pair{PS_SLOT_KEYS64, 3u}})
    EXPECT_TRUE(seen.contains({kind, levels})) << kind << " with levels " << levels;
}

TEST(KeyTable, HoldsManyHostsOfOneSlash64) {
  std::vector<Segment<KeyV6>> segments;
  const auto base = static_cast<KeyV6>(0x20010db800000000) << 64;
  for (uint32_t i = 0; i < 100'000; i++) {
    const auto host = static_cast<KeyV6>(base + i * 3u);
    segments.push_back({host, host, 1 + i % 500});
  }
  const Rooted sources(segments, root_bits_for(segments.size()));
  for (uint32_t i = 0; i < 100'000; i += 7) {
    ASSERT_EQ(class_in(view_of(sources.blocks()), static_cast<KeyV6>(base + i * 3u)), 1 + i % 500);
    ASSERT_EQ(class_in(view_of(sources.blocks()), static_cast<KeyV6>(base + i * 3u + 1)), 0u);
  }
}

TEST(KeyTable, ReadsWhatLiesOutsideAsClassNone) {
  const auto listed = static_cast<KeyV6>(0x20010db800000000) << 64;
  for (const uint32_t bits : {0u, 9u}) {
    const Rooted sources({{listed, listed, 3}}, bits);
    auto image = view_of(sources.blocks());
    EXPECT_EQ(burst_in<KeyV6>(image, {listed}), std::vector<uint32_t>{3});
    image.count -= 2;  // the node that leads on
    std::vector<ps_block> cut(image.blocks, image.blocks + image.count);
    cut.back() = ps_block{};
    EXPECT_EQ(class_in(view_of(cut), listed), 0u);
    EXPECT_EQ(burst_in<KeyV6>(view_of(cut), {listed}), std::vector<uint32_t>{0});
    image.count = 0;
    EXPECT_EQ(burst_in<KeyV6>(image, {listed}), std::vector<uint32_t>{0});
  }
}

TEST(KeyTable, TakesBurstsOfEverySizeAndWritesNoFurther) {
  std::mt19937_64 random(3);
  constexpr uint32_t kUntouched = 0xdead;
  std::vector<Segment<KeyV6>> segments;
  while (segments.size() < 50) segments = random_segments<KeyV6>(random);
  const Rooted sources(segments, 9);
  const auto keys = keys_near(segments, random);
  ASSERT_GT(keys.size(), 2 * kLookupBurst);
  for (uint32_t count = 0; count <= 2 * kLookupBurst + 1; count++) {
    std::vector<ps_address> addresses;
    for (uint32_t i = 0; i < count; i++) addresses.push_back(address_of(keys[i]).abi());
    std::vector<uint32_t> classes(count + 16, kUntouched);
    classes_of(view_of(sources.blocks()), addresses.data(), count, classes.data());
    for (uint32_t i = 0; i < count; i++)
      ASSERT_EQ(classes[i], naive_value(segments, keys[i])) << i << " of " << count;
    for (uint32_t i = count; i < classes.size(); i++) ASSERT_EQ(classes[i], kUntouched) << count;
  }
}

// No verified image has such roots. Bursts sort by kind what single look-ups walk.
TEST(KeyTable, TakesSlotsThatNoRootHasAsSingleLookUpsDo) {
  std::mt19937_64 random(4);
  constexpr uint32_t kBits = 9;
  for (int round = 0; round < 100; round++) {
    const auto segments = random_segments<KeyV6>(random);
    auto blocks = Rooted(segments, kBits).blocks();
    const auto any_slot = [&] {
      const auto slot = static_cast<uint32_t>(random());
      const uint32_t kind = slot >> PS_SLOT_KIND_SHIFT;
      // Blocks that are none of theirs are not sorted, and bursts and single look-ups search them
      // differently. KEYS32 lead outside instead, KEYS64 become separators that are none.
      if (kind == PS_SLOT_KEYS32)
        return PS_SLOT_KEYS32 << PS_SLOT_KIND_SHIFT |
               static_cast<uint32_t>(blocks.size() + random() % 1000);
      return kind == PS_SLOT_KEYS64 ? slot | PS_SLOT_SEPARATED : slot;
    };
    for (uint32_t i = 0; i < 1u << kBits; i++)
      if (random() % 2 == 0) blocks[kImageRoot + i / 16].words[i % 16] = any_slot();
    reinterpret_cast<ps_snapshot_header*>(blocks.data())->source_v6 = any_slot();
    auto keys = keys_near(segments, random);
    for (int i = 0; i < 500; i++) keys.push_back(static_cast<KeyV6>(random()) << 64);
    const auto burst = burst_in(view_of(blocks), keys);
    for (size_t i = 0; i < keys.size(); i++)
      ASSERT_EQ(burst[i], class_in(view_of(blocks), keys[i])) << address_of(keys[i]).to_string();
  }
}

TEST(KeyTable, NeedsNoRootForFewSegments) {
  EXPECT_EQ(root_bits_for(0), 0u);
  EXPECT_EQ(root_bits_for(10), 0u);
  for (const size_t segments : {100, 1000, 1'000'000, 100'000'000}) {
    EXPECT_GE(root_bits_for(segments), PS_MIN_V6_ROOT_BITS);
    EXPECT_LE(root_bits_for(segments), PS_MAX_V6_ROOT_BITS);
  }
}

TEST(KeyTable, NeedsNoNodeForEverythingOrNothing) {
  EXPECT_EQ(Unrooted<KeyV6>({}).slot(), 0u);
  EXPECT_EQ(Unrooted<KeyV6>({{0, kLastKey<KeyV6>, 9}}).slot(), 9u);
  EXPECT_EQ(Unrooted<KeyV4>({{0, kLastKey<KeyV4>, 9}}).slot(), 9u);
}

}  // namespace
}  // namespace postern::test
