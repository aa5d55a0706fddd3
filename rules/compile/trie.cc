// SPDX-License-Identifier: BSD-3-Clause
//
// Tables from segments (rules/compile/trie.h).
#include "rules/compile/trie.h"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>

namespace postern {
namespace {

constexpr uint32_t kDigits = 65536;
constexpr size_t kRootLines = 3;  // that a root entry chooses among
constexpr size_t kMaxLines = PS_SEPARATORS + 1;

bool is_value(uint32_t slot) {
  return PS_SLOT_KIND(slot) == PS_SLOT_VALUE;
}

uint32_t tags_of(ps_slot_kind kind) {
  return uint32_t{kind} << PS_SLOT_KIND_SHIFT;
}

// The kind of line that takes the fewest bytes for these runs.
ps_slot_kind kind_for(std::span<const DigitRun> runs) {
  uint32_t largest = 0;
  bool high = true;
  for (const auto& run : runs) {
    largest = std::max(largest, run.slot);
    high = high && (run.last & 255) == 255;
  }
  if (largest < 256) return high ? PS_SLOT_HIGH8 : PS_SLOT_RUNS8;
  return largest < 65536 ? PS_SLOT_RUNS16 : PS_SLOT_RUNS32;
}

size_t runs_in_line(ps_slot_kind kind) {
  switch (kind) {
    case PS_SLOT_HIGH8:
      return PS_HIGH8_RUNS;
    case PS_SLOT_RUNS8:
      return PS_RUNS8_RUNS;
    case PS_SLOT_RUNS16:
      return PS_RUNS16_RUNS;
    default:
      return PS_RUNS32_RUNS;
  }
}

template <typename Line>
ps_block block_of(const Line& line) {
  static_assert(sizeof(Line) == sizeof(ps_block));
  ps_block block;
  std::memcpy(&block, &line, sizeof block);
  return block;
}

// values: which array of the line holds what the runs lead to. The last run of a line needs no
// last: the next line, or the next slot, begins behind it.
template <typename Line, typename Value, size_t kRuns>
ps_block line_of(std::span<const DigitRun> runs, Value (Line::*values)[kRuns], int shift) {
  Line line{};
  using Last = std::remove_reference_t<decltype(line.lasts[0])>;
  std::fill(std::begin(line.lasts), std::end(line.lasts), static_cast<Last>(~Last{0}));
  for (size_t i = 0; i + 1 < runs.size(); i++)
    line.lasts[i] = static_cast<Last>(runs[i].last >> shift);
  for (size_t i = 0; i < runs.size(); i++) (line.*values)[i] = static_cast<Value>(runs[i].slot);
  return block_of(line);
}

ps_block line_of(ps_slot_kind kind, std::span<const DigitRun> runs) {
  switch (kind) {
    case PS_SLOT_HIGH8:
      return line_of(runs, &ps_line_high8::values, 8);
    case PS_SLOT_RUNS8:
      return line_of(runs, &ps_line_runs8::values, 0);
    case PS_SLOT_RUNS16:
      return line_of(runs, &ps_line_runs16::values, 0);
    default:
      return line_of(runs, &ps_line_runs32::slots, 0);
  }
}

// The runs cut into lines. Calls with the runs of each.
template <typename Call>
void for_each_line(ps_slot_kind kind, std::span<const DigitRun> runs, Call call) {
  for (size_t at = 0, room = runs_in_line(kind); at < runs.size(); at += room)
    call(runs.subspan(at, std::min(room, runs.size() - at)));
}

size_t line_count(ps_slot_kind kind, std::span<const DigitRun> runs) {
  return (runs.size() + runs_in_line(kind) - 1) / runs_in_line(kind);
}

}  // namespace

NodePool::NodePool(uint32_t first_block) : first_block_(first_block), places_(1 << 12) {}

void NodePool::grow() {
  std::vector<Place> bigger(places_.size() * 2);
  for (const auto& place : places_) {
    if (place.blocks == 0) continue;
    size_t at = place.hash & (bigger.size() - 1);
    while (bigger[at].blocks != 0) at = (at + 1) & (bigger.size() - 1);
    bigger[at] = place;
  }
  places_ = std::move(bigger);
}

// tags: what the slot has beside the block. They are part of the content: no block is two things.
uint32_t NodePool::store(uint32_t tags, std::span<const ps_block> node) {
  if (used_ * 2 >= places_.size()) grow();
  const auto hash = XXH3_64bits_withSeed(node.data(), node.size_bytes(), tags);
  const auto index_of = [&](uint32_t slot) { return PS_SLOT_BLOCK(slot) - first_block_; };
  size_t at = hash & (places_.size() - 1);
  for (; places_[at].blocks != 0; at = (at + 1) & (places_.size() - 1)) {
    const auto& place = places_[at];
    if (place.hash == hash && place.blocks == node.size() &&
        place.slot == (tags | PS_SLOT_BLOCK(place.slot)) &&
        std::memcmp(&blocks_[index_of(place.slot)], node.data(), node.size_bytes()) == 0)
      return place.slot;
  }
  // Less than one chunk is left for the padding at the end.
  if (first_block_ + blocks_.size() + node.size() > PS_MAX_BLOCKS - PS_CHUNK_BLOCKS)
    throw std::length_error("the addresses of the lists need more than 2 GiB of tables");
  const auto slot = tags | (first_block_ + static_cast<uint32_t>(blocks_.size()));
  blocks_.insert(blocks_.end(), node.begin(), node.end());
  places_[at] = {hash, slot, static_cast<uint32_t>(node.size())};
  used_++;
  return slot;
}

ps_root_entry NodePool::entry_of(std::span<const DigitRun> runs) {
  ps_root_entry entry{0, {UINT16_MAX, UINT16_MAX}};
  const auto kind = kind_for(runs);
  if ((runs.size() == 1 && is_value(runs[0].slot)) || line_count(kind, runs) > kRootLines) {
    entry.slot = slot_of(runs);
    return entry;
  }
  std::array<ps_block, kRootLines> lines;
  size_t count = 0;
  for_each_line(kind, runs, [&](std::span<const DigitRun> of_line) {
    if (count > 0) entry.separators[count - 1] = (of_line.data() - 1)->last;
    lines[count++] = line_of(kind, of_line);
  });
  entry.slot = store(tags_of(kind), std::span(lines.data(), count));
  return entry;
}

uint32_t NodePool::slot_of(std::span<const DigitRun> runs, int splits) {
  if (runs.size() == 1 && is_value(runs[0].slot)) return runs[0].slot;
  const auto kind = kind_for(runs);
  const auto lines = line_count(kind, runs);
  if (lines == 1) {
    const auto line = line_of(kind, runs);
    return store(tags_of(kind), std::span(&line, 1));
  }
  if (lines > kMaxLines) return split(runs, splits);
  std::array<ps_block, 1 + kMaxLines> node;
  ps_separators separators;
  std::fill(std::begin(separators.lasts), std::end(separators.lasts), uint16_t{UINT16_MAX});
  size_t count = 0;
  for_each_line(kind, runs, [&](std::span<const DigitRun> of_line) {
    if (count > 0) separators.lasts[count - 1] = (of_line.data() - 1)->last;
    node[1 + count++] = line_of(kind, of_line);
  });
  node[0] = block_of(separators);
  return store(PS_SLOT_SEPARATED | tags_of(kind), std::span(node.data(), 1 + count));
}

// By four bits of the digit; the runs are those below the splits before it. Two splits leave at
// most 256 digits, and so at most 24 lines.
uint32_t NodePool::split(std::span<const DigitRun> runs, int splits) {
  const int shift = splits == 0 ? 12 : 8;
  const uint32_t start = uint32_t{runs.back().last} >> (shift + 4) << (shift + 4);
  ps_block slots{};
  std::vector<DigitRun> part;
  size_t at = 0;
  for (uint32_t i = 0; i < 16; i++) {
    const auto last = static_cast<uint16_t>(start + ((i + 1) << shift) - 1);
    part.clear();
    while (runs[at].last < last) part.push_back(runs[at++]);
    part.push_back({last, runs[at].slot});
    if (runs[at].last == last) at++;
    slots.words[i] = slot_of(part, splits + 1);
  }
  return store(tags_of(splits == 0 ? PS_SLOT_SPLIT12 : PS_SLOT_SPLIT8), std::span(&slots, 1));
}

namespace {

// Walks over the parts of a stretch of addresses that is cut into equal children, and calls
// covered(last child, value) for children that one segment covers, from the next one not yet called
// about, and partly(child, its segments) for those that are cut further. Gaps are covered with 0.
template <typename Key, typename Covered, typename Partly>
void for_each_child(Key base, int child_bits, uint32_t children,
                    std::span<const Segment<Key>> segments, Covered covered, Partly partly) {
  const Key span = static_cast<Key>((Key{1} << child_bits) - 1);  // of one child, less one
  const auto first_of = [&](uint32_t child) {
    return static_cast<Key>(base + (static_cast<Key>(child) << child_bits));
  };
  const auto child_of = [&](Key key) { return static_cast<uint32_t>((key - base) >> child_bits); };
  const Key end = static_cast<Key>(first_of(children - 1) + span);

  uint32_t child = 0;
  for (size_t i = 0; i < segments.size() && child < children;) {
    const auto& segment = segments[i];
    const auto starts_in = segment.first <= base ? 0 : child_of(segment.first);
    if (starts_in > child) {
      covered(starts_in - 1, 0);
      child = starts_in;
    }
    const Key child_end = static_cast<Key>(first_of(child) + span);
    if (segment.first <= first_of(child) && segment.last >= child_end) {
      const auto last =
          segment.last >= end ? children - 1 : child_of(static_cast<Key>(segment.last + 1)) - 1;
      covered(last, segment.value);
      if (segment.last <= static_cast<Key>(first_of(last) + span)) i++;
      child = last + 1;
      continue;
    }
    size_t behind = i;
    while (behind < segments.size() && segments[behind].first <= child_end) behind++;
    partly(child, segments.subspan(i, behind - i));
    i = segments[behind - 1].last > child_end ? behind - 1 : behind;
    child++;
  }
  if (child < children) covered(children - 1, 0);
}

// What the digit leads to of which the first value begins at `base` and `bits` bits are behind it.
template <typename Key>
void collect_runs(Key base, int bits, std::span<const Segment<Key>> segments, NodePool& pool,
                  DigitRuns& runs) {
  runs.clear();
  for_each_child(
      base, bits, kDigits, segments, [&](uint32_t last, uint32_t value) { runs.add(last, value); },
      [&](uint32_t child, std::span<const Segment<Key>> part) {
        const Key child_base = static_cast<Key>(base + (static_cast<Key>(child) << bits));
        DigitRuns deeper;
        collect_runs(child_base, bits - 16, part, pool, deeper);
        runs.add(child, pool.slot_of(deeper.all()));
      });
}

}  // namespace

template <typename Key>
std::vector<ps_root_entry> build_root(std::span<const Segment<Key>> segments, NodePool& pool) {
  constexpr int kBehindRoot = kKeyBits<Key> - 16;
  constexpr uint16_t kUnused = UINT16_MAX;
  std::vector<ps_root_entry> root;
  root.reserve(PS_ROOT_ENTRIES);
  DigitRuns runs;
  for_each_child(
      Key{0}, kBehindRoot, PS_ROOT_ENTRIES, segments,
      [&](uint32_t last, uint32_t value) {
        root.resize(last + 1, {value, {kUnused, kUnused}});
      },
      [&](uint32_t child, std::span<const Segment<Key>> part) {
        collect_runs(static_cast<Key>(static_cast<Key>(child) << kBehindRoot), kBehindRoot - 16,
                     part, pool, runs);
        root.push_back(pool.entry_of(runs.all()));
      });
  return root;
}

template <typename Key>
uint32_t build_slot(std::span<const Segment<Key>> segments, NodePool& pool) {
  DigitRuns runs;
  collect_runs(Key{0}, kKeyBits<Key> - 16, segments, pool, runs);
  return pool.slot_of(runs.all());
}

template std::vector<ps_root_entry> build_root(std::span<const Segment<KeyV4>>, NodePool&);
template std::vector<ps_root_entry> build_root(std::span<const Segment<KeyV6>>, NodePool&);
template uint32_t build_slot(std::span<const Segment<KeyV4>>, NodePool&);
template uint32_t build_slot(std::span<const Segment<KeyV6>>, NodePool&);

}  // namespace postern
