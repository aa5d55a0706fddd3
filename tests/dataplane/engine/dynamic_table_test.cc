// SPDX-License-Identifier: BSD-3-Clause
//
// DynamicTable against a naive twin (a std::map), under a reader that takes no lock, and over
// memory that another process left. Readers look up by the core's own ps_dynamic_action.
#include "dataplane/engine/dynamic_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace postern {
namespace {

constexpr uint64_t kForever = ~0ull;

Prefix prefix(const std::string& text) {
  return Prefix::parse(text, Prefix::HostBits::kRefuse).value();
}

class Table {
 public:
  explicit Table(size_t slots) : memory_(1 + slots / PS_DYNAMIC_WAYS), table_(memory_) {}
  DynamicTable* operator->() { return &table_; }
  const DynamicTable& operator*() const { return table_; }
  const ps_dynamic_header& header() const {
    return *reinterpret_cast<const ps_dynamic_header*>(memory_.data());
  }
  // As a packet's source is looked up: -1 for no entry.
  int find(const IpAddress& source, uint64_t now) const {
    const auto view = ps_dynamic_of(memory_.data(), static_cast<uint32_t>(memory_.size()));
    const auto address = source.abi();
    return ps_dynamic_action(&view, source.abi_family(), &address, now);
  }
  int find(const std::string& source, uint64_t now) const {
    return find(IpAddress::parse(source).value(), now);
  }
  std::vector<ps_dynamic_bucket>& memory() { return memory_; }

 private:
  std::vector<ps_dynamic_bucket> memory_;
  DynamicTable table_;
};

std::vector<DynamicEntry> list_of(const DynamicTable& table, uint64_t now) {
  std::vector<DynamicEntry> entries;
  for (auto entry = table.next(std::nullopt, now); entry; entry = table.next(entry->prefix, now))
    entries.push_back(*entry);
  return entries;
}

TEST(DynamicTable, HoldsWhatItWasTold) {
  Table table(64);
  table->add({prefix("203.0.113.7/32"), Action::RESET, "spoke first", 100}, 1);
  table->add({prefix("2001:db8:1::/48"), Action::DROP, "", 100}, 1);
  EXPECT_EQ(table.find("203.0.113.7", 99), PS_ACTION_RESET);
  EXPECT_EQ(table.find("203.0.113.8", 99), -1);
  EXPECT_EQ(table.find("2001:db8:1:ffff::1", 99), PS_ACTION_DROP);
  EXPECT_EQ(table.find("2001:db8:2::1", 99), -1);
  const auto entries = list_of(*table, 1);
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].prefix.to_string(), "203.0.113.7/32");
  EXPECT_EQ(entries[0].reason, "spoke first");
  EXPECT_EQ(entries[0].expires_ns, 100u);
}

TEST(DynamicTable, AnEntryIsAbsentAtItsExpiry) {
  Table table(64);
  table->add({prefix("203.0.113.7/32"), Action::DROP, "", 100}, 1);
  EXPECT_EQ(table.find("203.0.113.7", 99), PS_ACTION_DROP);
  EXPECT_EQ(table.find("203.0.113.7", 100), -1);
  EXPECT_TRUE(list_of(*table, 100).empty());
}

TEST(DynamicTable, TheMostSpecificEntryDecides) {
  Table table(64);
  table->add({prefix("203.0.113.0/24"), Action::DROP, "", 100}, 1);
  table->add({prefix("203.0.113.7/32"), Action::ALLOW, "", 100}, 1);
  EXPECT_EQ(table.find("203.0.113.7", 2), PS_ACTION_ALLOW);
  EXPECT_EQ(table.find("203.0.113.8", 2), PS_ACTION_DROP);
}

TEST(DynamicTable, TheGateClosesWithTheLastEntryOfItsKind) {
  Table table(64);
  EXPECT_EQ(table.header().gate.kinds, 0u);
  table->add({prefix("203.0.113.7/32"), Action::DROP, "", 100}, 1);
  table->add({prefix("203.0.113.8/32"), Action::DROP, "", 200}, 1);
  table->add({prefix("2001:db8::/64"), Action::DROP, "", 100}, 1);
  EXPECT_EQ(table.header().gate.kinds, 1u << PS_DYNAMIC_V4_32 | 1u << PS_DYNAMIC_V6_64);
  table->sweep(100);
  EXPECT_EQ(table.header().gate.kinds, 1u << PS_DYNAMIC_V4_32);
  EXPECT_EQ(table->size(), 1u);
  EXPECT_TRUE(table->remove(prefix("203.0.113.8/32")));
  EXPECT_EQ(table.header().gate.kinds, 0u);
  EXPECT_FALSE(table->remove(prefix("203.0.113.8/32")));
}

TEST(DynamicTable, ManyThatExpireAtOnceAreForgottenInParts) {
  Table table(64);
  for (int i = 0; i < 10; i++)
    table->add({prefix("203.0.113." + std::to_string(i) + "/32"), Action::DROP, "", 100u + i % 2},
               1);
  table->sweep(200, 4);
  EXPECT_EQ(table->size(), 6u);
  EXPECT_TRUE(list_of(*table, 200).empty()) << "their time has passed all the same";
  EXPECT_EQ(list_of(*table, 100).size(), 5u) << "those went first that expired first";
  EXPECT_EQ(table.header().gate.kinds, 1u << PS_DYNAMIC_V4_32);
  table->sweep(200, 6);
  EXPECT_EQ(table->size(), 0u);
  EXPECT_EQ(table.header().gate.kinds, 0u);
}

TEST(DynamicTable, AFullBucketGivesUpTheOneExpiringFirst) {
  Table table(PS_DYNAMIC_WAYS);  // one bucket
  ASSERT_EQ(table->capacity(), PS_DYNAMIC_WAYS / DynamicTable::kSlotsPerEntry);
  for (uint32_t i = 0; i < PS_DYNAMIC_WAYS; i++)  // .3 expires first
    table->add({prefix("203.0.113." + std::to_string(i) + "/32"), Action::DROP, "",
                i == 3 ? 500 : 1000 + i},
               1);
  EXPECT_EQ(table->evicted(), 0u);
  table->add({prefix("198.51.100.0/24"), Action::DROP, "", 900}, 1);
  EXPECT_EQ(table->evicted(), 1u);
  EXPECT_EQ(table->size(), PS_DYNAMIC_WAYS);
  EXPECT_EQ(table.find("203.0.113.3", 2), -1);
  EXPECT_EQ(table.find("203.0.113.0", 2), PS_ACTION_DROP);
  EXPECT_EQ(table.find("198.51.100.77", 2), PS_ACTION_DROP);
  // One that has expired makes room without being counted, though it was never swept.
  table->add({prefix("192.0.2.1/32"), Action::DROP, "", 2000}, 950);
  EXPECT_EQ(table->evicted(), 1u);
  EXPECT_EQ(table.find("198.51.100.77", 2), -1);
}

TEST(DynamicTable, ReplacesTheEntryOfTheSamePrefix) {
  Table table(PS_DYNAMIC_WAYS);
  for (int i = 0; i < 20; i++)
    table->add({prefix("203.0.113.7/32"), i % 2 ? Action::DROP : Action::RESET, std::to_string(i),
                100u + static_cast<uint64_t>(i)},
               1);
  EXPECT_EQ(table->size(), 1u);
  EXPECT_EQ(table->evicted(), 0u);
  EXPECT_EQ(list_of(*table, 1).at(0).reason, "19");
  EXPECT_EQ(table.find("203.0.113.7", 118), PS_ACTION_DROP);
  table->sweep(118);  // past the expiries that were replaced
  EXPECT_EQ(table->size(), 1u);
  table->sweep(119);
  EXPECT_EQ(table->size(), 0u);
}

TEST(DynamicTable, RefusesWhatEntriesCannotBe) {
  Table table(64);
  EXPECT_THROW(table->add({prefix("203.0.0.0/16"), Action::DROP, "", 100}, 1),
               std::invalid_argument);
  EXPECT_THROW(table->add({prefix("203.0.113.7/32"), Action::DROP, std::string(257, 'x'), 100}, 1),
               std::invalid_argument);
  EXPECT_THROW(table->add({prefix("203.0.113.7/32"), Action::DROP, "", 100}, 100),
               std::invalid_argument);
  EXPECT_EQ(table->size(), 0u);
  std::vector<ps_dynamic_bucket> memory(4);
  EXPECT_THROW(DynamicTable{memory}, std::invalid_argument);
}

TEST(DynamicTable, SizesForEntries) {
  EXPECT_EQ(DynamicTable::buckets_for(0), 2u);
  EXPECT_EQ(DynamicTable::buckets_for(2), 2u);
  EXPECT_EQ(DynamicTable::buckets_for(3), 3u);
  EXPECT_EQ(DynamicTable::buckets_for(65536), 32769u);
}

TEST(DynamicTable, HoldsAsManyAsItIsSizedForButForOneInAThousand) {
  for (const uint32_t count : {4096u, 65536u, 1'000'000u}) {
    std::vector<ps_dynamic_bucket> memory(DynamicTable::buckets_for(count));
    DynamicTable table(memory);
    EXPECT_GE(table.capacity(), count);
    for (uint32_t i = 0; i < count; i++)
      table.add(
          {*Prefix::make(IpAddress::v4(0x0b000000u + 977u * i), 32, Prefix::HostBits::kRefuse),
           Action::DROP, "", 1000},
          1);
    EXPECT_LE(table.evicted(), count / 1000 + 16) << count;
    EXPECT_EQ(table.size() + table.evicted(), count);
  }
}

TEST(DynamicTable, SeedsDiffer) {
  Table one(8), other(8);
  EXPECT_NE(one.header().seed, 0u);
  EXPECT_NE(one.header().seed, other.header().seed);
}

TEST(DynamicTable, KeepsWhatADeadProcessLeft) {
  std::vector<ps_dynamic_bucket> memory(DynamicTable::buckets_for(64));
  {
    DynamicTable before(memory);
    before.add({prefix("203.0.113.7/32"), Action::RESET, "lost text", 100}, 1);
    before.add({prefix("2001:db8::/56"), Action::DROP, "", 200}, 1);
    before.add({prefix("198.51.100.9/32"), Action::DROP, "", 300}, 1);
  }
  // The writer died in the middle of the last one.
  for (auto& bucket : memory)
    for (auto& entry : bucket.entries)
      if (entry.expires_ns == 300) entry.sequence++;
  DynamicTable after(memory);
  const auto entries = list_of(after, 1);
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].prefix.to_string(), "203.0.113.7/32");
  EXPECT_EQ(entries[0].action, Action::RESET);
  EXPECT_EQ(entries[0].reason, DynamicTable::kAdopted);
  EXPECT_EQ(entries[1].prefix.to_string(), "2001:db8::/56");
  after.sweep(200);
  EXPECT_EQ(after.size(), 0u);
  for (size_t bucket = 1; bucket < memory.size(); bucket++)
    for (const auto& entry : memory[bucket].entries) {
      EXPECT_EQ(entry.expires_ns, 0u);
      EXPECT_EQ(entry.sequence % 2, 0u);
    }
}

TEST(DynamicTable, KnowsATableOfThisLayoutOnly) {
  std::vector<ps_dynamic_bucket> memory(DynamicTable::buckets_for(64));
  EXPECT_FALSE(DynamicTable::is_table(memory));
  EXPECT_FALSE(DynamicTable::is_table({}));
  DynamicTable(memory).add({prefix("203.0.113.7/32"), Action::DROP, "", 100}, 1);
  EXPECT_TRUE(DynamicTable::is_table(memory));
  EXPECT_FALSE(DynamicTable::is_table(std::span(memory).first(5)));  // of another size
  EXPECT_FALSE(DynamicTable::is_table(std::span(memory).first(4)));  // of no table's
  auto& header = *reinterpret_cast<ps_dynamic_header*>(memory.data());
  header.layout++;
  EXPECT_FALSE(DynamicTable::is_table(memory));
  DynamicTable anew(memory);
  EXPECT_EQ(anew.size(), 0u);
  EXPECT_TRUE(DynamicTable::is_table(memory));
}

TEST(DynamicTable, KnowsWhatWasLearnedAfterItsWritersDeath) {
  Table table(64);
  table->add({prefix("203.0.113.7/32"), Action::DROP, "", 100, true}, 1);
  table->add({prefix("203.0.113.8/32"), Action::DROP, "", 100}, 1);
  const DynamicTable after(table.memory());
  EXPECT_TRUE(after.find(prefix("203.0.113.7/32"), 1)->learned);
  EXPECT_FALSE(after.find(prefix("203.0.113.8/32"), 1)->learned);
  std::vector<ps_dynamic_bucket> other(DynamicTable::buckets_for(64));
  DynamicTable larger(other);
  larger.copy_from(table.memory(), 1);
  EXPECT_TRUE(larger.find(prefix("203.0.113.7/32"), 1)->learned);
  EXPECT_FALSE(larger.find(prefix("203.0.113.8/32"), 1)->learned);
}

TEST(DynamicTable, CountsWhatItsWriterLeftTorn) {
  std::vector<ps_dynamic_bucket> memory(1 + 1);
  DynamicTable(memory).add({prefix("203.0.113.7/32"), Action::DROP, "", 100}, 1);
  for (auto& entry : memory[1].entries)
    if (entry.expires_ns == 100) entry.sequence++;
  Table other(64);
  other->copy_from(memory, 1);
  EXPECT_EQ(other->size(), 0u);
  EXPECT_EQ(other->lost(), 1u);
  const DynamicTable same(memory);
  EXPECT_EQ(same.size(), 0u);
  EXPECT_EQ(same.lost(), 1u);
}

// The twin: all former entries, and those of a bucket of the new table in their order of expiry.
TEST(DynamicTable, ATableOfAnotherSizeTakesThoseThatExpireLast) {
  std::mt19937_64 random(64);
  constexpr uint64_t kNow = 1000;
  bool lost = false;
  for (const size_t size : {8, 16, 64, 512, 4096}) {
    Table former(512);
    for (uint32_t i = 0; i < 300; i++) {
      const auto kind = random() % 3;
      const auto number = std::to_string(random() % 256);
      const auto text = kind == 0   ? "203.0.113." + number + "/32"
                        : kind == 1 ? "198.51." + number + ".0/24"
                                    : "2001:db8:" + number + "::/48";
      former->add({prefix(text), random() % 2 ? Action::DROP : Action::REFUSE, "text",
                   kNow - 99 + random() % 1000},
                  1);
    }
    const auto before = list_of(*former, kNow);
    Table table(size);
    table->copy_from(former.memory(), kNow);
    EXPECT_EQ(table->size() + table->lost(), before.size());
    lost = lost || table->lost() > 0;

    const auto bucket_of = [&](const Prefix& of) {
      const auto address = of.first().abi();
      uint64_t words[2];
      std::memcpy(words, address.bytes, sizeof words);
      return ps_dynamic_bucket_of(&table.header(), words[0], words[1],
                                  DynamicTable::kind_of(of).value());
    };
    for (const auto& entry : before) {
      const auto later =
          static_cast<size_t>(std::ranges::count_if(before, [&](const DynamicEntry& other) {
            return bucket_of(other.prefix) == bucket_of(entry.prefix) &&
                   other.expires_ns > entry.expires_ns;
          }));
      const auto kept = table->find(entry.prefix, kNow);
      if (!kept) {  // of those that expire with it, some may have stayed
        const auto as_late =
            static_cast<size_t>(std::ranges::count_if(before, [&](const DynamicEntry& other) {
              return bucket_of(other.prefix) == bucket_of(entry.prefix) &&
                     other.expires_ns >= entry.expires_ns;
            }));
        EXPECT_GT(as_late, PS_DYNAMIC_WAYS) << entry.prefix.to_string();
        continue;
      }
      EXPECT_LT(later, PS_DYNAMIC_WAYS) << entry.prefix.to_string();
      EXPECT_EQ(kept->action, entry.action);
      EXPECT_EQ(kept->expires_ns, entry.expires_ns);
      EXPECT_EQ(kept->reason, DynamicTable::kAdopted);
      EXPECT_GE(table.find(entry.prefix.first(), kNow), 0);
    }
  }
  EXPECT_TRUE(lost);
}

TEST(DynamicTable, StartsEmptyOverMemoryThatIsNotATable) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 200; round++) {
    std::vector<ps_dynamic_bucket> memory(DynamicTable::buckets_for(64));
    auto* words = reinterpret_cast<uint64_t*>(memory.data());
    for (size_t i = 0; i < memory.size() * sizeof(ps_dynamic_bucket) / 8; i++) words[i] = random();
    if (round % 2) {  // a header that looks sound, and rubbish behind it
      auto* header = reinterpret_cast<ps_dynamic_header*>(memory.data());
      header->layout = PS_DYNAMIC_LAYOUT;
      header->gate.kinds = 63;
      header->buckets_log2 = 3;
    }
    DynamicTable table(memory);
    EXPECT_EQ(table.size(), 0u);
    table.add({prefix("203.0.113.7/32"), Action::DROP, "", kForever}, 1);
    EXPECT_EQ(list_of(table, 1).size(), 1u);
  }
}

// The twin: a map that evicts as the table says it does, told by what the table dropped.
TEST(DynamicTable, AgreesWithANaiveTwin) {
  std::mt19937 random(42);
  const auto pick = [&](uint32_t below) {
    return std::uniform_int_distribution<uint32_t>(0, below - 1)(random);
  };
  Table table(2048);
  std::map<Prefix, DynamicEntry> twin;
  std::vector<Prefix> universe;
  for (uint32_t i = 0; i < 300; i++) {
    universe.push_back(*Prefix::make(IpAddress::v4(0xcb007100u + i), 32, Prefix::HostBits::kMask));
    std::array<uint8_t, 16> bytes{0x20, 0x01, 0x0d, 0xb8};
    bytes[5] = static_cast<uint8_t>(i);
    bytes[7] = static_cast<uint8_t>(i * 7);
    const int lengths[] = {48, 56, 64, 128};
    universe.push_back(
        *Prefix::make(IpAddress::v6(bytes), lengths[pick(4)], Prefix::HostBits::kMask));
  }
  universe.push_back(prefix("203.0.113.0/24"));
  universe.push_back(prefix("203.0.114.0/24"));

  uint64_t now = 1;
  for (int step = 0; step < 50'000; step++) {
    now += pick(3);
    const auto& chosen = universe[pick(static_cast<uint32_t>(universe.size()))];
    switch (pick(8)) {
      case 0:
      case 1:
      case 2: {
        const DynamicEntry entry{chosen, static_cast<Action>(pick(PS_ACTION_COUNT)),
                                 std::to_string(step), now + 1 + pick(2000)};
        const auto evicted = table->evicted();
        table->add(entry, now);
        twin[chosen] = entry;
        if (table->evicted() != evicted) {  // the twin gives up the same one
          ASSERT_EQ(table->evicted(), evicted + 1);
          size_t gone = 0;
          for (auto it = twin.begin(); it != twin.end();) {
            const bool live = it->second.expires_ns > now;
            if (live && table.find(it->first.first(), now) < 0) {
              it = twin.erase(it);
              gone++;
            } else {
              ++it;
            }
          }
          ASSERT_LE(gone, 1u);
        }
        break;
      }
      case 3: {
        const auto live = twin.find(chosen);
        const bool there = live != twin.end() && live->second.expires_ns > now;
        if (there)
          ASSERT_TRUE(table->remove(chosen));
        else
          table->remove(chosen);
        twin.erase(chosen);
        break;
      }
      case 4:
        if (pick(50) == 0) table->sweep(now);
        break;
      default: {
        const auto source = chosen.first();
        std::set<Prefix> covering;
        int expected = -1, longest = -1;
        for (const auto& [p, entry] : twin)
          if (entry.expires_ns > now && p.contains(source)) {
            covering.insert(p);
            if (p.length() <= longest) continue;
            longest = p.length();
            expected = static_cast<int>(entry.action);
          }
        ASSERT_EQ(table.find(source, now), expected)
            << "step " << step << " " << source.to_string();
        int last = 129;
        for (const auto& entry : table->covering(source, now)) {
          ASSERT_EQ(covering.erase(entry.prefix), 1u) << entry.prefix.to_string();
          ASSERT_LT(entry.prefix.length(), last);
          last = entry.prefix.length();
        }
        ASSERT_TRUE(covering.empty()) << "step " << step << " " << source.to_string();
      }
    }
  }
  std::erase_if(twin, [&](const auto& item) { return item.second.expires_ns <= now; });
  table->sweep(now);
  const auto entries = list_of(*table, now);
  ASSERT_EQ(entries.size(), twin.size());
  for (const auto& entry : entries) {
    ASSERT_TRUE(twin.contains(entry.prefix));
    EXPECT_EQ(twin[entry.prefix].action, entry.action);
    EXPECT_EQ(twin[entry.prefix].reason, entry.reason);
  }
}

// One slot's worth of bucket is fought over by prefixes whose action follows from their address. A
// reader who ever put the fields of two together would see an action that the address never had.
TEST(DynamicTable, ReadersNeverSeeATornEntry) {
  Table table(PS_DYNAMIC_WAYS);
  constexpr uint32_t kSources = 64;
  const auto source_of = [](uint32_t i) { return IpAddress::v4(0xc6336400u + i); };
  const auto action_of = [](uint32_t i) { return static_cast<Action>(i % PS_ACTION_COUNT); };
  std::atomic<bool> done = false;
  std::atomic<uint64_t> wrong = 0;
  std::thread reader([&] {
    std::mt19937 random(3);
    uint64_t seen = 0, torn = 0;
    while (!done.load(std::memory_order_relaxed) || seen < 1000) {
      for (int k = 0; k < 64; k++) {
        const uint32_t i = random() % kSources;
        const int action = table.find(source_of(i), 1000);
        if (action < 0) continue;
        seen++;
        if (action != static_cast<int>(action_of(i))) torn++;
      }
    }
    wrong = torn;
  });
  std::mt19937 random(4);
  for (int step = 0; step < 300'000; step++) {
    const uint32_t i = random() % kSources;
    const auto p = *Prefix::make(source_of(i), 32, Prefix::HostBits::kMask);
    if (random() % 4 == 0)
      table->remove(p);
    else
      table->add({p, action_of(i), "", 2000 + random() % 1000}, 1000);
  }
  // Leave something to be seen, so that the reader ends.
  table->add({*Prefix::make(source_of(1), 32, Prefix::HostBits::kMask), action_of(1), "", 9000},
             1000);
  done = true;
  reader.join();
  EXPECT_EQ(wrong, 0u);
  EXPECT_GT(table->evicted(), 0u);
  EXPECT_EQ(table.find(source_of(1), 1000), static_cast<int>(action_of(1)));
}

}  // namespace
}  // namespace postern
