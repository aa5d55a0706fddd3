// SPDX-License-Identifier: BSD-3-Clause
//
// Parts of a list, each resolved by itself: against what each says alone, by the naive reading.
#include "rules/lists/list_parts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/rules/lists/naive_listing.h"

namespace postern::test {
namespace {

using testing::ElementsAre;

AddressRange range(const std::string& first, const std::string& last) {
  return AddressRange::make(*IpAddress::parse(first), *IpAddress::parse(last)).value();
}

TEST(ListParts, KeepTheirExclusionsToThemselves) {
  ListContent content;
  ListParts parts(content);
  const auto excluded = content.notes.number_of({.excluded = true});
  parts.enter("a");
  content.add(range("10.0.0.0", "10.255.255.255"), 1);
  content.add(range("2001:db8::", "2001:db8::ffff"), 2);
  parts.enter("b");
  content.add(range("10.1.0.0", "10.1.255.255"), 3, excluded);
  parts.enter("a");
  content.add(range("10.2.0.0", "10.2.255.255"), 4, excluded);
  parts.finish(Overlap::kAll, "a.list");
  EXPECT_THAT(entries_of(content),
              ElementsAre("10.0.0.0/15@1", "10.3.0.0-10.255.255.255@1", "2001:db8::/112@2"));
  EXPECT_EQ(content.overlap, Overlap::kAll);
}

TEST(ListParts, LeaveASinglePartAsItIs) {
  ListContent content;
  ListParts parts(content);
  parts.enter("a");
  content.add(range("10.0.0.0", "10.255.255.255"), 1);
  content.add(range("10.1.0.0", "10.1.255.255"), 2, content.notes.number_of({.excluded = true}));
  parts.finish(Overlap::kMostSpecific, "a.list");
  EXPECT_THAT(entries_of(content), ElementsAre("10.0.0.0/8@1", "10.1.0.0/16@2"));
  EXPECT_EQ(content.overlap, Overlap::kMostSpecific);
}

TEST(ListParts, AreRefusedWhenTooManyOfOneOverlap) {
  ListContent content;
  ListParts parts(content);
  content.notes.number_of({.excluded = true});
  parts.enter("a");
  parts.enter("b");
  for (uint32_t i = 0; i <= ListParts::kMaxOverlap; i++)
    content.add(range("10.0.0.0", "10.0.0.9"), i + 1,
                content.notes.number_of({.word = std::to_string(i)}));
  try {
    parts.finish(Overlap::kAll, "a.list");
    FAIL();
  } catch (const BadInput& refused) {
    EXPECT_STREQ(refused.what(),
                 "a.list:257: more than 256 entries of one part of this file overlap at 10.0.0.0");
  }
}

// Random entries at either end of the address space and between.
template <typename Key>
void compare_with_naive(Overlap overlap, uint32_t seed) {
  std::mt19937 random(seed);
  NoteTable notes;
  std::vector<ListEntry<Key>> entries;
  const Key bases[] = {0, static_cast<Key>(kLastKey<Key> - 40), 1000};
  for (auto count = 1 + random() % 12; count > 0; count--) {
    const Key base = bases[random() % 3];
    auto first = static_cast<Key>(base + random() % 41),
         last = static_cast<Key>(base + random() % 41);
    if (last < first) std::swap(first, last);
    EntryNote note{.word = std::string(1, static_cast<char>('a' + random() % 3)),
                   .excluded = random() % 3 == 0};
    if (random() % 4 == 0) note.specificity = static_cast<uint8_t>(random() % 40);
    entries.push_back(
        {first, last, static_cast<uint32_t>(entries.size() + 1), notes.number_of(std::move(note))});
  }
  const auto result = resolved(entries, notes, overlap, "a.list");
  for (const auto base : bases)
    for (uint32_t i = 0; i <= 40; i++) {
      const auto key = static_cast<Key>(base + i);
      auto words = [&](const std::vector<ListEntry<Key>>& of, Overlap how) {
        std::string all;
        for (const auto& note : listing_at<Key>(of, notes, how, key))
          if (all.find(note.word) == std::string::npos) all += note.word;
        std::ranges::sort(all);
        return all;
      };
      ASSERT_EQ(words(result, Overlap::kAll), words(entries, overlap))
          << "seed " << seed << " at " << address_of(key).to_string();
    }
}

TEST(ListParts, ResolveAsTheNaiveReadingDoes) {
  for (uint32_t seed = 1; seed <= 700; seed++)
    for (const auto overlap : {Overlap::kAll, Overlap::kMostSpecific, Overlap::kFirst}) {
      compare_with_naive<KeyV4>(overlap, seed);
      compare_with_naive<KeyV6>(overlap, seed);
    }
}

}  // namespace
}  // namespace postern::test
