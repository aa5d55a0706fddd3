// SPDX-License-Identifier: BSD-3-Clause
//
// A world as the bytes that engines look up in (tests/packets/world.h): the tables of
// rules/abi/snapshot_format.h in their plainest form, always the widest lines.
#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <set>
#include <stdexcept>

#include "rules/address/key.h"
#include "tests/packets/world.h"

namespace postern::packets {
namespace {

ps_text text_of(const std::string& written) {
  ps_text text{};
  size_t used = 0;
  for (size_t i = 0; i < written.size(); i++) {
    if (written[i] != '%') {
      text.bytes[used++] = static_cast<uint8_t>(written[i]);
      continue;
    }
    text.ends[text.parts] = static_cast<uint8_t>(used);
    text.gaps[text.parts++] = written[++i] == 'a' ? PS_TEXT_SOURCE : PS_TEXT_DESTINATION;
  }
  text.ends[text.parts++] = static_cast<uint8_t>(used);
  return text;
}

// A stretch of addresses with one value.
struct Stretch {
  KeyV6 last;  // from behind the stretch before it
  uint32_t value;
};

// The whole space of a family by the longest match over (prefix, value) pairs, asked anew at every
// boundary there is.
std::vector<Stretch> stretches_of(const std::vector<std::pair<Prefix, uint32_t>>& entries,
                                  Family family) {
  const auto key = [&](const IpAddress& address) {
    return family == Family::kV4 ? KeyV6{key_of<KeyV4>(address)} : key_of<KeyV6>(address);
  };
  const KeyV6 end = family == Family::kV4 ? KeyV6{kLastKey<KeyV4>} : kLastKey<KeyV6>;
  std::set<KeyV6> lasts = {end};
  for (const auto& [prefix, value] : entries) {
    if (prefix.family() != family) continue;
    if (key(prefix.first()) > 0) lasts.insert(static_cast<KeyV6>(key(prefix.first()) - 1));
    lasts.insert(key(prefix.last()));
  }
  std::vector<Stretch> stretches;
  for (const KeyV6 last : lasts) {
    int longest = -1;
    uint32_t found = 0;
    for (const auto& [prefix, value] : entries)
      if (prefix.family() == family && key(prefix.first()) <= last && last <= key(prefix.last()) &&
          prefix.length() > longest) {
        longest = prefix.length();
        found = value;
      }
    stretches.push_back({last, found});
  }
  return stretches;
}

// Writes a row of blocks; a number of a block is its place in the row.
struct Writer {
  using Runs = std::vector<std::pair<uint64_t, uint32_t>>;  // last, slot
  std::vector<ps_block> blocks;

  uint32_t reserve(size_t count) {
    blocks.resize(blocks.size() + count);
    return static_cast<uint32_t>(blocks.size() - count);
  }
  template <typename Block>
  void put(uint32_t place, const Block& block) {
    std::memcpy(&blocks[place], &block, sizeof(ps_block));
  }
  void next_chunk() { reserve(PS_CHUNK_BLOCKS - blocks.size() % PS_CHUNK_BLOCKS); }

  // The digits below one root entry of IPv4. Always the widest lines, with separators before them.
  uint32_t slot_of_digits(const Runs& runs) {
    if (runs.size() == 1) return runs[0].second;
    const auto lines = (runs.size() + PS_RUNS16_RUNS - 1) / PS_RUNS16_RUNS;
    if (lines > PS_SEPARATORS + 1) throw std::length_error("a world of too many runs");
    const uint32_t block = reserve(1 + lines);
    ps_separators separators;
    std::ranges::fill(separators.lasts, UINT16_MAX);
    for (uint32_t i = 0; i < lines; i++) {
      ps_line_runs16 line{};
      std::ranges::fill(line.lasts, UINT16_MAX);
      for (size_t j = 0; j < PS_RUNS16_RUNS && i * PS_RUNS16_RUNS + j < runs.size(); j++) {
        const auto [last, value] = runs[i * PS_RUNS16_RUNS + j];
        line.values[j] = static_cast<uint16_t>(value);
        if (j + 1 < PS_RUNS16_RUNS)
          line.lasts[j] = static_cast<uint16_t>(last);
        else if (i + 1 < lines)
          separators.lasts[i] = static_cast<uint16_t>(last);
      }
      put(block + 1 + i, line);
    }
    put(block, separators);
    return PS_SLOT_SEPARATED | uint32_t{PS_SLOT_RUNS16} << PS_SLOT_KIND_SHIFT | block;
  }
  // The nodes of a large table lie in other chunks than its root: so here.
  uint32_t v4_root_of(const std::vector<Stretch>& stretches) {
    const uint32_t root = reserve(PS_ROOT_BLOCKS);
    next_chunk();
    size_t at = 0;
    for (uint32_t digit = 0; digit < PS_ROOT_ENTRIES; digit++) {
      const KeyV6 last = digit << 16 | 0xffff;
      Runs runs;
      while (stretches[at].last < last) {
        runs.emplace_back(static_cast<uint64_t>(stretches[at].last) & 0xffff, stretches[at].value);
        at++;
      }
      runs.emplace_back(0xffff, stretches[at].value);
      if (stretches[at].last == last) at++;
      const ps_root_entry entry{slot_of_digits(runs), {UINT16_MAX, UINT16_MAX}};
      std::memcpy(&blocks[root + digit / 8].words[digit % 8 * 2], &entry, sizeof(entry));
    }
    return root;
  }

  // Runs of a half of a key, by whole keys, with one level of separators at least.
  uint32_t slot_of_keys(const Runs& runs) {
    if (runs.size() == 1 && PS_IS_VALUE(runs[0].second)) return runs[0].second;
    std::vector<std::pair<uint64_t, ps_block>> nodes;
    for (size_t at = 0; at < runs.size(); at += PS_KEYS64_RUNS) {
      ps_line_keys64 line{};
      std::ranges::fill(line.lasts, UINT64_MAX);
      const auto end = std::min<size_t>(runs.size(), at + PS_KEYS64_RUNS);
      for (size_t i = at; i < end; i++) {
        line.slots[i - at] = runs[i].second;
        if (i + 1 < end) line.lasts[i - at] = runs[i].first;
      }
      ps_block block;
      std::memcpy(&block, &line, sizeof block);
      nodes.emplace_back(runs[end - 1].first, block);
    }
    uint32_t levels = 0;
    do {
      std::vector<std::pair<uint64_t, ps_block>> above;
      for (size_t at = 0; at < nodes.size(); at += PS_SEPARATORS64 + 1) {
        const auto end = std::min<size_t>(nodes.size(), at + PS_SEPARATORS64 + 1);
        ps_separators64 separators{};
        std::ranges::fill(separators.lasts, UINT64_MAX);
        separators.first = reserve(end - at);
        for (size_t i = at; i < end; i++) {
          put(separators.first + static_cast<uint32_t>(i - at), nodes[i].second);
          if (i + 1 < end) separators.lasts[i - at] = nodes[i].first;
        }
        ps_block block;
        std::memcpy(&block, &separators, sizeof block);
        above.emplace_back(nodes[end - 1].first, block);
      }
      nodes = std::move(above);
      levels++;
    } while (nodes.size() > 1);
    const uint32_t block = reserve(1);
    put(block, nodes[0].second);
    return uint32_t{PS_SLOT_KEYS64} << PS_SLOT_KIND_SHIFT | levels << PS_SLOT_LEVELS_SHIFT | block;
  }
  // Destinations of IPv4 lie in the upper half of the high half.
  uint32_t v4_keys_of(const std::vector<Stretch>& stretches) {
    Runs runs;
    for (const auto& [last, value] : stretches)
      runs.emplace_back(static_cast<uint64_t>(last) << 32 | UINT32_MAX, value);
    return slot_of_keys(runs);
  }
  // The high halves from `first` to `last`. One that is cut is a run by itself.
  uint32_t v6_keys_of(const std::vector<Stretch>& stretches, uint64_t first, uint64_t last) {
    std::set<uint64_t> ends = {last};
    std::map<uint64_t, Runs> cut;
    for (const auto& stretch : stretches) {
      const auto high = static_cast<uint64_t>(stretch.last >> 64);
      const auto low = static_cast<uint64_t>(stretch.last);
      if (high < first || high > last) continue;
      ends.insert(high);
      if (low == UINT64_MAX) continue;
      if (high > first) ends.insert(high - 1);
      cut[high].emplace_back(low, stretch.value);
    }
    Runs runs;
    for (const uint64_t high : ends) {
      const auto whole = static_cast<KeyV6>(high) << 64 | UINT64_MAX;
      const auto value = std::ranges::lower_bound(stretches, whole, {}, &Stretch::last)->value;
      const auto found = cut.find(high);
      if (found == cut.end()) {
        runs.emplace_back(high, value);
      } else {
        found->second.emplace_back(UINT64_MAX, value);
        runs.emplace_back(high, slot_of_keys(found->second));
      }
    }
    return slot_of_keys(runs);
  }
  static constexpr uint32_t kRootBits = 9;
  uint32_t v6_root_of(const std::vector<Stretch>& stretches) {
    const uint32_t root = reserve((4u << kRootBits) / PS_BLOCK_BYTES);
    next_chunk();
    constexpr int kBehind = 64 - static_cast<int>(PS_V6_ROOT_PREFIX + kRootBits);
    for (uint64_t i = 0; i < 1u << kRootBits; i++) {
      const uint64_t first = uint64_t{PS_V6_ROOT_HIGH} << (64 - PS_V6_ROOT_PREFIX) | i << kBehind;
      const auto slot = v6_keys_of(stretches, first, first | ((uint64_t{1} << kBehind) - 1));
      blocks[root + i / 16].words[i % 16] = slot;
    }
    return root;
  }
};

}  // namespace

WorldImage::WorldImage(const World& world) {
  Writer writer;
  writer.reserve(sizeof(ps_snapshot_header) / PS_BLOCK_BYTES);
  ps_snapshot_header header{};
  header.magic = PS_SNAPSHOT_MAGIC;
  header.version = PS_SNAPSHOT_VERSION;
  header.header_bytes = sizeof(header);
  header.generation = 1;

  std::vector<std::pair<Prefix, uint32_t>> sources;
  for (const auto& source : world.sources)
    sources.emplace_back(source.prefix, source.address_class);
  header.source_v4_root = writer.v4_root_of(stretches_of(sources, Family::kV4));
  const auto sources_v6 = stretches_of(sources, Family::kV6);
  header.source_v6_root = writer.v6_root_of(sources_v6);
  header.source_v6_bits = Writer::kRootBits;
  header.source_v6 = writer.v6_keys_of(sources_v6, 0, UINT64_MAX);
  std::vector<ps_service_set> sets(1);
  const auto zone_of = [&](const std::vector<World::Destination>& its) {
    std::vector<std::pair<Prefix, uint32_t>> destinations;
    for (const auto& destination : its) {
      destinations.emplace_back(destination.prefix, sets.size());
      auto& set = sets.emplace_back();
      set.count = static_cast<uint32_t>(destination.services.size());
      std::ranges::copy(destination.services, set.services);
    }
    return ps_zone{writer.v4_keys_of(stretches_of(destinations, Family::kV4)),
                   writer.v6_keys_of(stretches_of(destinations, Family::kV6), 0, UINT64_MAX)};
  };
  std::vector<ps_zone> zones = {zone_of(world.destinations)};
  header.service_v4 = zones[0].service_v4;
  header.service_v6 = zones[0].service_v6;
  // A table for the inner tags of every outer one that has a zone, whether they matter or not. The
  // first zone that fits stays.
  std::vector<ps_vlan_zones> vlans(1);
  for (const auto& zone : world.zones) {
    const auto table = [&] { return vlans[0].zones[zone.outer]; };
    if (table() == 0) {
      vlans[0].zones[zone.outer] = PS_VLAN_BY_INNER | static_cast<uint32_t>(vlans.size());
      vlans.emplace_back();
    }
    for (uint32_t inner = 0; inner < PS_VLANS; inner++)
      if (auto& number = vlans[table() % PS_VLANS].zones[inner];
          number == 0 && zone.inner.value_or(inner) == inner)
        number = static_cast<uint32_t>(zones.size());
    zones.push_back(zone_of(zone.destinations));
  }
  header.vlan_count = world.zones.empty() ? 0 : static_cast<uint32_t>(vlans.size());
  header.vlans = header.vlan_count > 0 ? writer.reserve(vlans.size() * PS_VLAN_BLOCKS) : 0;
  if (header.vlans != 0)
    std::memcpy(&writer.blocks[header.vlans], vlans.data(), vlans.size() * sizeof(vlans[0]));
  header.zone_count = static_cast<uint32_t>(zones.size());
  header.zones = writer.reserve((zones.size() + 7) / 8);
  std::memcpy(&writer.blocks[header.zones], zones.data(), zones.size() * sizeof(ps_zone));

  header.service_set_count = static_cast<uint32_t>(sets.size());
  header.service_sets = writer.reserve(sets.size());
  std::memcpy(&writer.blocks[header.service_sets], sets.data(), sets.size() * sizeof(sets[0]));

  header.policy_count = static_cast<uint32_t>(world.matrix.size());
  header.class_count = static_cast<uint32_t>(world.matrix.front().size());
  header.matrix = writer.reserve((header.policy_count * header.class_count + 7) / 8);
  uint32_t cell = 0;
  for (const auto& row : world.matrix)
    for (const auto& verdict : row) {
      std::memcpy(&writer.blocks[header.matrix + cell / 8].words[(cell % 8) * 2], &verdict,
                  sizeof(verdict));
      cell++;
    }

  header.limit_count = static_cast<uint32_t>(world.limits.size());
  header.limits = writer.reserve((world.limits.size() + 3) / 4);
  std::memcpy(&writer.blocks[header.limits], world.limits.data(),
              world.limits.size() * sizeof(ps_limit));
  if (!world.outbound.empty()) {
    header.outbound = writer.reserve((world.outbound.size() + 15) / 16);
    std::memcpy(&writer.blocks[header.outbound], world.outbound.data(),
                world.outbound.size() * sizeof(ps_outbound));
  }
  header.text_count = static_cast<uint32_t>(world.texts.size());
  header.texts = writer.reserve(world.texts.size() * PS_TEXT_BLOCKS);
  for (uint32_t i = 0; i < header.text_count; i++) {
    const auto text = text_of(world.texts[i]);
    std::memcpy(&writer.blocks[header.texts + i * PS_TEXT_BLOCKS], &text, sizeof text);
  }
  header.features = world.features;

  writer.blocks.resize((writer.blocks.size() + PS_CHUNK_BLOCKS - 1) / PS_CHUNK_BLOCKS *
                       PS_CHUNK_BLOCKS);
  header.engine_blocks = static_cast<uint32_t>(writer.blocks.size());
  std::memcpy(writer.blocks.data(), &header, sizeof(header));
  blocks_ = std::move(writer.blocks);
}

}  // namespace postern::packets
