// SPDX-License-Identifier: BSD-3-Clause
//
// Lines of runs of keys (rules/compile/key_table.h).
#include "rules/compile/key_table.h"

#include <algorithm>
#include <bit>
#include <stdexcept>

#include "rules/compile/children.h"

namespace postern {
namespace {

// The keys up to `last`, from behind the run before it, lead to `slot`.
struct KeyRun {
  uint64_t last;
  uint32_t slot;
};

// Neighbours differ.
void add_run(std::vector<KeyRun>& runs, uint64_t last, uint32_t slot) {
  if (!runs.empty() && runs.back().slot == slot)
    runs.back().last = last;
  else
    runs.push_back({last, slot});
}

// Lines of one kind and the separators above them. The last of a run as the lines have it is
// last << taken, of which KEYS32 lines have the upper half.
struct Keys64 {
  static constexpr auto kKind = PS_SLOT_KEYS64;
  static constexpr size_t kRuns = PS_KEYS64_RUNS, kChildren = PS_SEPARATORS64 + 1;
  using Line = ps_line_keys64;
  using Separators = ps_separators64;
  static uint64_t last_of(const KeyRun& run, uint32_t) { return run.last; }
  static void set(Line& line, size_t number, uint32_t slot) { line.slots[number] = slot; }
};
struct Keys32 {
  static constexpr auto kKind = PS_SLOT_KEYS32;
  static constexpr size_t kRuns = PS_KEYS32_RUNS, kChildren = PS_SEPARATORS32 + 1;
  using Line = ps_line_keys32;
  using Separators = ps_separators32;
  static uint32_t last_of(const KeyRun& run, uint32_t taken) {
    return static_cast<uint32_t>((run.last << taken) >> 32);
  }
  static void set(Line& line, size_t number, uint32_t value) {
    line.values[number] = static_cast<uint16_t>(value);
  }
};

template <typename Keys>
uint32_t slot_by(std::span<const KeyRun> runs, uint32_t taken, NodePool& pool) {
  struct Node {
    uint64_t last;  // as the lines have it
    ps_block block;
  };
  std::vector<Node> nodes;
  for (size_t at = 0; at < runs.size(); at += Keys::kRuns) {
    const auto of_line = runs.subspan(at, std::min(Keys::kRuns, runs.size() - at));
    typename Keys::Line line{};
    using Last = std::remove_reference_t<decltype(line.lasts[0])>;
    std::fill(std::begin(line.lasts), std::end(line.lasts), static_cast<Last>(~Last{0}));
    // The last run of a line needs no last: the next line begins behind it.
    for (size_t i = 0; i + 1 < of_line.size(); i++)
      line.lasts[i] = Keys::last_of(of_line[i], taken);
    for (size_t i = 0; i < of_line.size(); i++) Keys::set(line, i, of_line[i].slot);
    nodes.push_back({Keys::last_of(of_line.back(), taken), block_of(line)});
  }
  std::vector<ps_block> together;
  const auto store = [&](std::span<const Node> some, uint32_t levels) {
    together.clear();
    for (const auto& node : some) together.push_back(node.block);
    return pool.store(kind_tag(Keys::kKind) | levels << PS_SLOT_LEVELS_SHIFT, together);
  };
  uint32_t levels = 0;
  for (; nodes.size() > 1; levels++) {
    if (levels == PS_MAX_LEVELS)
      throw std::length_error("the addresses of the lists lie too close for the tables");
    std::vector<Node> above;
    for (size_t at = 0; at < nodes.size(); at += Keys::kChildren) {
      const auto children =
          std::span<const Node>(nodes).subspan(at, std::min(Keys::kChildren, nodes.size() - at));
      typename Keys::Separators separators{};
      using Last = std::remove_reference_t<decltype(separators.lasts[0])>;
      std::fill(std::begin(separators.lasts), std::end(separators.lasts),
                static_cast<Last>(~Last{0}));
      for (size_t i = 0; i + 1 < children.size(); i++)
        separators.lasts[i] = static_cast<Last>(children[i].last);
      separators.first = PS_SLOT_BLOCK(store(children, levels));
      above.push_back({children.back().last, block_of(separators)});
    }
    nodes = std::move(above);
  }
  return store(nodes, levels);
}

uint32_t slot_of(std::span<const KeyRun> runs, uint32_t taken, NodePool& pool) {
  if (runs.size() == 1 && PS_IS_VALUE(runs[0].slot)) return runs[0].slot;
  const uint64_t behind = taken >= 32 ? 0 : (uint64_t{1} << (32 - taken)) - 1;  // the 32 bits
  const bool fits = std::ranges::all_of(runs, [&](const KeyRun& run) {
    return PS_IS_VALUE(run.slot) && (run.last & behind) == behind;
  });
  return fits ? slot_by<Keys32>(runs, taken, pool) : slot_by<Keys64>(runs, taken, pool);
}

// The runs of the high half of IPv6 keys from `base` on, of which there are last_child + 1.
std::vector<KeyRun> runs_of(KeyV6 base, uint64_t last_child,
                            std::span<const Segment<KeyV6>> segments, NodePool& pool) {
  const auto first = static_cast<uint64_t>(base >> 64);
  std::vector<KeyRun> runs;
  for_each_child(
      base, 64, last_child, segments,
      [&](uint64_t last, uint32_t value) { add_run(runs, first + last, value); },
      [&](uint64_t child, std::span<const Segment<KeyV6>> part) {
        std::vector<KeyRun> low;
        for_each_child(
            static_cast<KeyV6>(base + (static_cast<KeyV6>(child) << 64)), 0, UINT64_MAX, part,
            [&](uint64_t last, uint32_t value) { add_run(low, last, value); },
            [](uint64_t, auto) {});  // single addresses are not cut
        add_run(runs, first + child, slot_of(low, 0, pool));
      });
  return runs;
}

// An IPv4 address is the upper half of the high half.
std::vector<KeyRun> runs_of(std::span<const Segment<KeyV4>> segments) {
  std::vector<KeyRun> runs;
  for_each_child(
      KeyV4{0}, 0, uint64_t{UINT32_MAX}, segments,
      [&](uint64_t last, uint32_t value) { add_run(runs, last << 32 | UINT32_MAX, value); },
      [](uint64_t, auto) {});
  return runs;
}

constexpr KeyV6 kRootFirst = static_cast<KeyV6>(PS_V6_ROOT_HIGH) << (128 - PS_V6_ROOT_PREFIX);
constexpr KeyV6 kRootLast = kRootFirst + ((KeyV6{1} << (128 - PS_V6_ROOT_PREFIX)) - 1);

// What lies outside of 2000::/3; inside there is nothing.
std::vector<Segment<KeyV6>> outside_of_root(std::span<const Segment<KeyV6>> segments) {
  std::vector<Segment<KeyV6>> outside;
  for (const auto& segment : segments) {
    if (segment.first < kRootFirst)
      outside.push_back({segment.first, std::min(segment.last, static_cast<KeyV6>(kRootFirst - 1)),
                         segment.value});
    if (segment.last > kRootLast)
      outside.push_back({std::max(segment.first, static_cast<KeyV6>(kRootLast + 1)), segment.last,
                         segment.value});
  }
  return outside;
}

}  // namespace

template <typename Key>
uint32_t build_key_table(std::span<const Segment<Key>> segments, NodePool& pool) {
  if constexpr (sizeof(Key) == 4)
    return slot_of(runs_of(segments), 0, pool);
  else
    return slot_of(runs_of(KeyV6{0}, UINT64_MAX, segments, pool), 0, pool);
}

RootedTable build_rooted_table(std::span<const Segment<KeyV6>> segments, uint32_t bits,
                               NodePool& pool) {
  RootedTable table;
  table.bits = bits;
  if (bits == 0) {
    table.slot = build_key_table(segments, pool);
    return table;
  }
  const auto outside = outside_of_root(segments);
  table.slot = build_key_table(std::span<const Segment<KeyV6>>(outside), pool);
  const auto begin = std::ranges::partition_point(
      segments, [](const auto& segment) { return segment.last < kRootFirst; });
  const uint32_t taken = PS_V6_ROOT_PREFIX + bits;
  const int behind = 128 - static_cast<int>(taken);
  table.root.reserve(size_t{1} << bits);
  for_each_child(
      kRootFirst, behind, (uint64_t{1} << bits) - 1, {begin, segments.end()},
      [&](uint64_t last, uint32_t value) { table.root.resize(last + 1, value); },
      [&](uint64_t child, std::span<const Segment<KeyV6>> part) {
        const auto base = static_cast<KeyV6>(kRootFirst + (static_cast<KeyV6>(child) << behind));
        table.root.push_back(
            slot_of(runs_of(base, (uint64_t{1} << (behind - 64)) - 1, part, pool), taken, pool));
      });
  return table;
}

uint32_t root_bits_for(size_t segments) noexcept {
  constexpr size_t kFew = 64;
  constexpr uint32_t kSlotsPerSegment = 5, kMostBits = 21;  // bits, and 4 MiB of root
  if (segments < kFew) return 0;
  return std::min(static_cast<uint32_t>(std::bit_width(segments)) + kSlotsPerSegment, kMostBits);
}

template uint32_t build_key_table(std::span<const Segment<KeyV4>>, NodePool&);
template uint32_t build_key_table(std::span<const Segment<KeyV6>>, NodePool&);

}  // namespace postern
