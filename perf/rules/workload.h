// SPDX-License-Identifier: BSD-3-Clause
//
// Workload: what a benchmark of the tables asks of them: disjoint segments with their classes, as
// the compiler hands them to the tables, and the addresses to look up. Generated from a seed, or
// read from list files. Both kinds go through the project's own sweep (rules/compile/segments.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "perf/rules/contender.h"
#include "rules/compile/segments.h"

namespace postern::perf {

template <typename Key>
struct Workload {
  std::string name;   // a word, to choose it by
  std::string about;  // one line
  std::string target;
  size_t entries = 0;
  uint32_t classes = 0;  // classes are below this
  std::vector<Segment<Key>> segments;
};

// entries prefixes of one length, scattered over all the space, each of one of `classes` classes.
Workload<KeyV4> scattered_v4(size_t entries, int length, uint32_t classes, uint64_t seed);
// Prefixes of many lengths as they are announced: allocations of /28 to /32 inside 2000::/3, most
// of them with /36 to /64 inside.
Workload<KeyV6> allocated_v6(size_t entries, uint32_t classes, uint64_t seed);

// Lists in files, each as one owner, of both families at once.
struct RealLists {
  Workload<KeyV4> v4;
  Workload<KeyV6> v6;
  std::vector<std::string> used, unread;  // files; unread are of no format that is known here
};
RealLists read_lists(const std::string& directory);

// count addresses, in random order: hit_share of them inside segments (a random segment, a random
// address of it), the others outside all of them.
template <typename Key>
std::vector<Key> addresses(const Workload<Key>& workload, size_t count, double hit_share,
                           uint64_t seed);

// Does a binary search over the segments, the obvious way.
template <typename Key>
uint32_t naive_class(const std::vector<Segment<Key>>& segments, Key key);

// Calls with each prefix (first address, length, class) that the segments are made of.
template <typename Key, typename Call>
void for_each_prefix(const std::vector<Segment<Key>>& segments, Call call) {
  for (const auto& segment : segments) {
    for (Key first = segment.first;;) {
      int free_bits = 0;  // of the widest prefix that begins here and ends within the segment
      while (free_bits < kKeyBits<Key>) {
        const Key span = static_cast<Key>(static_cast<Key>(Key{2} << free_bits) - 1);
        if ((first & span) != 0 || span > segment.last - first) break;
        free_bits++;
      }
      call(first, kKeyBits<Key> - free_bits, segment.value);
      const Key last = static_cast<Key>(first + static_cast<Key>((Key{1} << free_bits) - 1));
      if (last >= segment.last) break;
      first = static_cast<Key>(last + 1);
    }
  }
}

}  // namespace postern::perf
