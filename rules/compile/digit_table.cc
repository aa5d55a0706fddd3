// SPDX-License-Identifier: BSD-3-Clause
//
// Lines of runs of a digit (rules/compile/digit_table.h).
#include "rules/compile/digit_table.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "rules/compile/children.h"

namespace postern {
namespace {

constexpr size_t kRootLines = 3;  // that a root entry chooses among
constexpr size_t kMaxLines = PS_SEPARATORS + 1;

// The digits up to `last`, from behind the run before it, lead to `value`.
struct DigitRun {
  uint16_t last;
  uint32_t value;
};

// The kind of line that takes the fewest bytes for these runs.
ps_slot_kind kind_for(std::span<const DigitRun> runs) {
  uint32_t largest = 0;
  bool high = true;
  for (const auto& run : runs) {
    largest = std::max(largest, run.value);
    high = high && (run.last & 255) == 255;
  }
  if (largest >= 256) return PS_SLOT_RUNS16;
  return high ? PS_SLOT_HIGH8 : PS_SLOT_RUNS8;
}

size_t runs_in_line(ps_slot_kind kind) {
  switch (kind) {
    case PS_SLOT_HIGH8:
      return PS_HIGH8_RUNS;
    case PS_SLOT_RUNS8:
      return PS_RUNS8_RUNS;
    default:
      return PS_RUNS16_RUNS;
  }
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
  for (size_t i = 0; i < runs.size(); i++) (line.*values)[i] = static_cast<Value>(runs[i].value);
  return block_of(line);
}

ps_block line_of(ps_slot_kind kind, std::span<const DigitRun> runs) {
  switch (kind) {
    case PS_SLOT_HIGH8:
      return line_of(runs, &ps_line_high8::values, 8);
    case PS_SLOT_RUNS8:
      return line_of(runs, &ps_line_runs8::values, 0);
    default:
      return line_of(runs, &ps_line_runs16::values, 0);
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

uint32_t slot_of(std::span<const DigitRun> runs, int splits, NodePool& pool);

// By four bits of the digit; the runs are those below the splits before it. Two splits leave at
// most 256 digits, and so at most 24 lines.
uint32_t split(std::span<const DigitRun> runs, int splits, NodePool& pool) {
  const int shift = splits == 0 ? 12 : 8;
  const uint32_t start = uint32_t{runs.back().last} >> (shift + 4) << (shift + 4);
  ps_block slots{};
  std::vector<DigitRun> part;
  size_t at = 0;
  for (uint32_t i = 0; i < 16; i++) {
    const auto last = static_cast<uint16_t>(start + ((i + 1) << shift) - 1);
    part.clear();
    while (runs[at].last < last) part.push_back(runs[at++]);
    part.push_back({last, runs[at].value});
    if (runs[at].last == last) at++;
    slots.words[i] = slot_of(part, splits + 1, pool);
  }
  return pool.store(kind_tag(splits == 0 ? PS_SLOT_SPLIT12 : PS_SLOT_SPLIT8), std::span(&slots, 1));
}

uint32_t slot_of(std::span<const DigitRun> runs, int splits, NodePool& pool) {
  if (runs.size() == 1) return runs[0].value;
  const auto kind = kind_for(runs);
  const auto lines = line_count(kind, runs);
  if (lines == 1) {
    const auto line = line_of(kind, runs);
    return pool.store(kind_tag(kind), std::span(&line, 1));
  }
  if (lines > kMaxLines) return split(runs, splits, pool);
  std::array<ps_block, 1 + kMaxLines> node;
  ps_separators separators;
  std::fill(std::begin(separators.lasts), std::end(separators.lasts), uint16_t{UINT16_MAX});
  size_t count = 0;
  for_each_line(kind, runs, [&](std::span<const DigitRun> of_line) {
    if (count > 0) separators.lasts[count - 1] = (of_line.data() - 1)->last;
    node[1 + count++] = line_of(kind, of_line);
  });
  node[0] = block_of(separators);
  return pool.store(PS_SLOT_SEPARATED | kind_tag(kind), std::span(node.data(), 1 + count));
}

ps_root_entry entry_of(std::span<const DigitRun> runs, NodePool& pool) {
  ps_root_entry entry{0, {UINT16_MAX, UINT16_MAX}};
  const auto kind = kind_for(runs);
  if (runs.size() == 1 || line_count(kind, runs) > kRootLines) {
    entry.slot = slot_of(runs, 0, pool);
    return entry;
  }
  std::array<ps_block, kRootLines> lines;
  size_t count = 0;
  for_each_line(kind, runs, [&](std::span<const DigitRun> of_line) {
    if (count > 0) entry.separators[count - 1] = (of_line.data() - 1)->last;
    lines[count++] = line_of(kind, of_line);
  });
  entry.slot = pool.store(kind_tag(kind), std::span(lines.data(), count));
  return entry;
}

}  // namespace

std::vector<ps_root_entry> build_digit_table(std::span<const Segment<KeyV4>> segments,
                                             NodePool& pool) {
  constexpr int kDigitBits = 16;
  std::vector<ps_root_entry> root;
  root.reserve(PS_ROOT_ENTRIES);
  std::vector<DigitRun> runs;
  for_each_child(
      KeyV4{0}, kDigitBits, PS_ROOT_ENTRIES - 1, segments,
      [&](uint64_t last, uint32_t value) {
        root.resize(last + 1, {value, {UINT16_MAX, UINT16_MAX}});
      },
      [&](uint64_t child, std::span<const Segment<KeyV4>> part) {
        runs.clear();
        for_each_child(
            static_cast<KeyV4>(child << kDigitBits), 0, uint64_t{UINT16_MAX}, part,
            [&](uint64_t last, uint32_t value) {
              runs.push_back({static_cast<uint16_t>(last), value});
            },
            [](uint64_t, auto) {});  // single addresses are not cut
        root.push_back(entry_of(runs, pool));
      });
  return root;
}

}  // namespace postern
