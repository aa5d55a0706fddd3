// SPDX-License-Identifier: BSD-3-Clause
//
// Workloads of the table benchmark (perf/rules/workload.h).
#include "perf/rules/workload.h"

#include <algorithm>
#include <filesystem>
#include <random>
#include <unordered_set>

#include "rules/abi/snapshot_format.h"
#include "rules/lists/list_format.h"
#include "rules/text/compressed.h"
#include "rules/text/diagnostic.h"
#include "rules/text/file_text.h"

namespace postern::perf {
namespace {

// Each owner makes a class, and each overlap of several one more.
template <typename Key>
void sweep_into(Workload<Key>& workload, std::vector<Interval<Key>>& intervals, size_t owners) {
  std::sort(intervals.begin(), intervals.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  OwnerSets sets(PS_MAX_CLASSES);
  workload.segments = sweep<Key>(intervals, owners, sets);
  workload.classes = static_cast<uint32_t>(sets.sets().size());
}

template <typename Key>
Interval<Key> interval_of(Key address, int length, uint32_t owner) {
  const Key span = length == kKeyBits<Key> ? Key{0} : static_cast<Key>(kLastKey<Key> >> length);
  const Key first = static_cast<Key>(address & ~span);
  return {first, static_cast<Key>(first | span), owner};
}

}  // namespace

Workload<KeyV4> scattered_v4(size_t entries, int length, uint32_t classes, uint64_t seed) {
  Workload<KeyV4> workload;
  workload.entries = entries;
  std::mt19937_64 random(seed);
  std::unordered_set<KeyV4> seen;
  std::vector<Interval<KeyV4>> intervals;
  while (intervals.size() < entries) {
    const auto interval = interval_of(static_cast<KeyV4>(random()), length,
                                      static_cast<uint32_t>(random() % (classes - 1)));
    if (seen.insert(interval.first).second) intervals.push_back(interval);
  }
  sweep_into(workload, intervals, classes - 1);
  return workload;
}

Workload<KeyV6> allocated_v6(size_t entries, uint32_t classes, uint64_t seed) {
  Workload<KeyV6> workload;
  workload.entries = entries;
  std::mt19937_64 random(seed);
  std::vector<Interval<KeyV6>> intervals;
  static constexpr uint32_t kBlocks[] = {0x20010000, 0x24000000, 0x26000000,
                                         0x28000000, 0x2a000000, 0x2c000000};
  static constexpr int kInside[] = {36, 40, 44, 48, 48, 48, 48, 52, 56, 64};
  const auto owner = [&] { return static_cast<uint32_t>(random() % (classes - 1)); };
  while (intervals.size() < entries) {
    const auto high = kBlocks[random() % std::size(kBlocks)] | (random() & 0x01ffffff);
    const auto base = static_cast<KeyV6>(high) << 96;
    if (random() % 3 == 0) {  // the whole allocation
      intervals.push_back(interval_of(base, static_cast<int>(28 + random() % 5), owner()));
      continue;
    }
    for (auto inside = 1 + random() % 4; inside > 0 && intervals.size() < entries; inside--) {
      const auto address = (base & ~(kLastKey<KeyV6> >> 32)) | static_cast<KeyV6>(random() >> 32)
                                                                   << 64;
      intervals.push_back(interval_of(address, kInside[random() % std::size(kInside)], owner()));
    }
  }
  sweep_into(workload, intervals, classes - 1);
  return workload;
}

RealLists read_lists(const std::string& directory) {
  RealLists lists;
  lists.v4.name = "v4-real";
  lists.v6.name = "v6-real";
  std::vector<std::string> files;
  for (const auto& file : std::filesystem::directory_iterator(directory))
    if (file.is_regular_file()) files.push_back(file.path().string());
  std::sort(files.begin(), files.end());

  std::vector<Interval<KeyV4>> v4;
  std::vector<Interval<KeyV6>> v6;
  uint32_t owner = 0;
  for (const auto& file : files) {
    const auto name = std::filesystem::path(file).filename().string();
    constexpr size_t kMaxBytes = size_t{1} << 30;
    const auto text = uncompressed(read_file_text(file, kMaxBytes).text, file, kMaxBytes);
    const auto* format = recognise_list_format(text);
    if (!format) {
      lists.unread.push_back(name);
      continue;
    }
    const auto content = format->read(text, {.file = name});
    for (const auto& entry : content.v4) v4.push_back({entry.first, entry.last, owner});
    for (const auto& entry : content.v6) v6.push_back({entry.first, entry.last, owner});
    lists.used.push_back(name);
    owner++;
  }
  lists.v4.entries = v4.size();
  lists.v6.entries = v6.size();
  sweep_into(lists.v4, v4, owner);
  sweep_into(lists.v6, v6, owner);
  return lists;
}

template <typename Key>
uint32_t naive_class(const std::vector<Segment<Key>>& segments, Key key) {
  const auto behind =
      std::upper_bound(segments.begin(), segments.end(), key,
                       [](Key wanted, const auto& segment) { return wanted < segment.first; });
  return behind != segments.begin() && key <= std::prev(behind)->last ? std::prev(behind)->value
                                                                      : 0;
}

template <typename Key>
std::vector<Key> addresses(const Workload<Key>& workload, size_t count, double hit_share,
                           uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto any = [&] {
    Key key = 0;
    for (size_t i = 0; i < sizeof(Key); i += 4)
      key = static_cast<Key>((sizeof(Key) > 4 ? key << (sizeof(Key) > 4 ? 32 : 0) : 0) |
                             static_cast<uint32_t>(random()));
    return key;
  };
  const auto& segments = workload.segments;
  std::vector<size_t> behind_gaps;
  for (size_t i = 1; i < segments.size(); i++)
    if (segments[i].first - segments[i - 1].last > 1) behind_gaps.push_back(i);
  std::vector<Key> keys(count);
  for (auto& key : keys) {
    if (std::uniform_real_distribution<>()(random) < hit_share) {
      const auto& segment = segments[random() % segments.size()];
      const Key span = static_cast<Key>(segment.last - segment.first);
      key = static_cast<Key>(segment.first +
                             (span == kLastKey<Key> ? any() : any() % static_cast<Key>(span + 1)));
      continue;
    }
    // IPv6: near what is listed, as in the rest of the space nothing lives. Where nearly all is
    // listed, in a random gap.
    int tries = 0;
    do {
      key = any();
      if constexpr (sizeof(Key) == 16)
        key = (segments[random() % segments.size()].first & ~(kLastKey<Key> >> 24)) | key >> 24;
      if (++tries > 8 && !behind_gaps.empty()) {
        const auto at = behind_gaps[random() % behind_gaps.size()];
        const Key gap = static_cast<Key>(segments[at].first - segments[at - 1].last - 1);
        key = static_cast<Key>(segments[at - 1].last + 1 + any() % gap);
      }
    } while (naive_class(segments, key) != 0);
  }
  return keys;
}

template uint32_t naive_class(const std::vector<Segment<KeyV4>>&, KeyV4);
template uint32_t naive_class(const std::vector<Segment<KeyV6>>&, KeyV6);
template std::vector<KeyV4> addresses(const Workload<KeyV4>&, size_t, double, uint64_t);
template std::vector<KeyV6> addresses(const Workload<KeyV6>&, size_t, double, uint64_t);

}  // namespace postern::perf
