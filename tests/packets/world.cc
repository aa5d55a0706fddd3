// SPDX-License-Identifier: BSD-3-Clause
//
// The corpus's rules, and their image (tests/packets/world.h).
#include "tests/packets/world.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <stdexcept>

namespace postern::packets {
namespace {

Prefix prefix(const std::string& text) {
  const auto parsed = Prefix::parse(text, Prefix::HostBits::kRefuse);
  if (!parsed) throw std::invalid_argument("not a prefix: " + text);
  return *parsed;
}

// The columns of the matrix.
enum Class : uint32_t { kUnlisted, kDropped, kReset, kInspected, kAllowed, kProtected, kClasses };

World make_world() {
  World world;
  const auto source = [&world](uint32_t address_class, std::initializer_list<const char*> texts) {
    for (const auto* text : texts) world.sources.push_back({prefix(text), address_class});
  };
  source(kDropped, {"203.0.113.0/25", "10.0.0.0/8", "172.16.0.0/12", "2001:db8:d::/48",
                    "2001:db8:d00::/40", "2001:db8:f::1:2:3:4/128", "fc00::/7"});
  source(kReset, {"203.0.113.128/26", "2001:db8:e::/48", "100.64.0.0/10", "0.0.0.0/8",
                  "127.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4", "::/127", "ff00::/8"});
  source(kInspected, {"203.0.113.192/27", "2001:db8:1::/64", "10.20.0.0/16"});
  source(kAllowed, {"203.0.113.224/28", "2001:db8:a::/48", "10.20.30.0/24"});
  source(kProtected, {"203.0.113.77/32", "2001:db8:d:1::/64", "10.20.30.40/32"});
  // A node with many runs, whose values lie outside of it.
  for (uint32_t last = 128; last < 256; last += 2)
    source(kDropped, {("192.0.2." + std::to_string(last) + "/32").c_str()});
  for (uint32_t last = 0x10; last < 0x100; last += 0x10) {
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "2001:db8:c:%02x00::/56", last);
    source(last % 0x20 != 0 ? kDropped : kReset, {text.data()});
  }

  const auto destination = [&world](const char* text, std::vector<ps_service> services) {
    world.destinations.push_back({prefix(text), std::move(services)});
  };
  destination("198.51.100.25/32", {{25, 0, 0, 0}, {587, 1, 1, 0}});
  destination("198.51.100.128/25", {{25, 1, 2, 0}});
  destination("239.0.0.0/8", {{25, 0, 0, 0}});
  destination("2001:db8:25::/64", {{25, 0, 0, 0}, {587, 1, 1, 0}});
  destination("2001:db8:26::/48", {{25, 1, 2, 0}});
  destination("ff05::/16", {{25, 0, 0, 0}});

  constexpr auto kFinal = PS_VERDICT_FINAL;
  constexpr ps_verdict kNoRule = {PS_ACTION_ALLOW, PS_REASON_NO_RULE, 0, 0, 0, 0};
  constexpr ps_verdict kProtect = {PS_ACTION_ALLOW, PS_REASON_PROTECTED, kFinal, 0, 0, 0};
  world.matrix = {{kNoRule,
                   {PS_ACTION_DROP, PS_REASON_RULE_DROP, 0, 0, 2, 0},
                   {PS_ACTION_RESET, PS_REASON_RULE_RESET, 0, 0, 3, 0},
                   {PS_ACTION_INSPECT, PS_REASON_RULE_INSPECT, 0, 0, 4, 0},
                   {PS_ACTION_ALLOW, PS_REASON_RULE_ALLOW, kFinal, 0, 1, 0},
                   kProtect},
                  // The other policy resets what the first drops, and allows nothing by rule.
                  {kNoRule,
                   {PS_ACTION_RESET, PS_REASON_RULE_RESET, 0, 0, 1, 0},
                   {PS_ACTION_DROP, PS_REASON_RULE_DROP, 0, 0, 2, 0},
                   kNoRule,
                   kNoRule,
                   kProtect}};

  const auto entry = [&world](const char* text, Action action, uint64_t expires_ns) {
    world.entries.push_back({prefix(text), action, "in the corpus", expires_ns});
  };
  constexpr uint64_t kLater = kNow + 3'600'000'000'000;
  entry("198.18.0.1/32", Action::DROP, kLater);
  entry("198.18.1.0/24", Action::DROP, kLater);
  entry("198.18.1.7/32", Action::ALLOW, kLater);
  entry("198.18.2.1/32", Action::RESET, kLater);
  entry("198.18.3.1/32", Action::INSPECT, kLater);
  entry("198.18.4.0/24", Action::RESET, kLater);
  entry("198.18.4.1/32", Action::DROP, kNow);  // over at kNow
  entry("198.18.5.1/32", Action::DROP, kNow + 1);
  entry("203.0.113.77/32", Action::DROP, kLater);   // protected
  entry("203.0.113.225/32", Action::DROP, kLater);  // allowed by rule
  entry("203.0.113.193/32", Action::DROP, kLater);  // inspected by rule
  entry("203.0.113.10/32", Action::ALLOW, kLater);  // dropped by rule
  entry("203.0.113.130/32", Action::DROP, kLater);  // reset by rule
  entry("224.0.0.9/32", Action::RESET, kLater);
  entry("2001:db8:18::1/128", Action::DROP, kLater);
  entry("2001:db8:18:1::/64", Action::RESET, kLater);
  entry("2001:db8:18:200::/56", Action::INSPECT, kLater);
  entry("2001:db8:19::/48", Action::DROP, kLater);
  entry("2001:db8:19:7::/64", Action::INSPECT, kLater);
  entry("2001:db8:19:7::7/128", Action::ALLOW, kLater);
  entry("2001:db8:19:8::/64", Action::ALLOW, kNow);  // over at kNow
  entry("2001:db8:a::9/128", Action::DROP, kLater);  // allowed by rule
  return world;
}

// One table under construction: a tree with a branch per byte.
struct Tree {
  uint32_t value = 0;
  std::map<int, Tree> below;  // by the next byte; where absent, `value` holds
};

void insert(Tree& tree, const std::array<uint8_t, 16>& bytes, int depth, int length,
            uint32_t value) {
  // Shorter prefixes come first, so that what is here already is less specific.
  if (length <= 0) {
    tree = Tree{value, {}};
    return;
  }
  const int last = length >= 8 ? 0 : (1 << (8 - length)) - 1;
  for (int byte = bytes[static_cast<size_t>(depth)];
       byte <= (bytes[static_cast<size_t>(depth)] | last); byte++) {
    const auto [child, added] = tree.below.try_emplace(byte, Tree{tree.value, {}});
    insert(child->second, bytes, depth + 1, length - 8, value);
  }
}

// Writes a row of blocks; a number of a block is its place in the row.
struct Writer {
  std::vector<ps_block> blocks;

  uint32_t reserve(size_t count) {
    blocks.resize(blocks.size() + count);
    return static_cast<uint32_t>(blocks.size() - count);
  }
  // What the two bytes of a digit lead to, as runs of equal slots: (last digit, slot).
  std::vector<std::pair<uint32_t, uint32_t>> runs_of(const Tree& tree) {
    std::vector<std::pair<uint32_t, uint32_t>> runs;
    const auto add = [&](int last, uint32_t slot) {
      if (!runs.empty() && runs.back().second == slot) runs.pop_back();
      runs.emplace_back(static_cast<uint32_t>(last), slot);
    };
    for (int high = 0; high < 256; high++) {
      const auto first = tree.below.find(high);
      if (first == tree.below.end()) {
        add(high * 256 + 255, tree.value);
        continue;
      }
      for (int low = 0; low < 256; low++) {
        const auto second = first->second.below.find(low);
        add(high * 256 + low,
            second == first->second.below.end() ? first->second.value : slot_of(second->second));
      }
    }
    return runs;
  }
  // Always the widest lines, with separators before them.
  uint32_t slot_of(const Tree& tree) {
    if (tree.below.empty()) return tree.value;
    const auto runs = runs_of(tree);
    const auto lines = (runs.size() + PS_RUNS32_RUNS - 1) / PS_RUNS32_RUNS;
    if (lines > PS_SEPARATORS + 1) throw std::length_error("a world of too many runs");
    const uint32_t block = reserve(1 + lines);
    ps_separators separators;
    std::ranges::fill(separators.lasts, UINT16_MAX);
    for (size_t i = 0; i < lines; i++) {
      ps_line_runs32 line{};
      std::ranges::fill(line.lasts, UINT16_MAX);
      for (size_t j = 0; j < PS_RUNS32_RUNS && i * PS_RUNS32_RUNS + j < runs.size(); j++) {
        const auto [last, slot] = runs[i * PS_RUNS32_RUNS + j];
        line.slots[j] = slot;
        if (j + 1 < PS_RUNS32_RUNS)
          line.lasts[j] = static_cast<uint16_t>(last);
        else if (i + 1 < lines)
          separators.lasts[i] = static_cast<uint16_t>(last);
      }
      std::memcpy(&blocks[block + 1 + i], &line, sizeof(line));
    }
    std::memcpy(&blocks[block], &separators, sizeof(separators));
    return PS_SLOT_SEPARATED | uint32_t{PS_SLOT_RUNS32} << PS_SLOT_KIND_SHIFT | block;
  }
  void next_chunk() { reserve(PS_CHUNK_BLOCKS - blocks.size() % PS_CHUNK_BLOCKS); }

  // Longest match over (prefix, value) pairs of one family.
  static Tree tree_of(std::vector<std::pair<Prefix, uint32_t>> entries, Family family) {
    std::erase_if(entries, [family](const auto& e) { return e.first.family() != family; });
    std::ranges::stable_sort(entries, {}, [](const auto& e) { return e.first.length(); });
    Tree top;
    for (const auto& [range, value] : entries)
      insert(top, range.first().bytes(), 0, range.length(), value);
    return top;
  }
  // A table with a root. The nodes of a large table lie in other chunks than its root: so here.
  uint32_t root_of(const Tree& top) {
    const uint32_t root = reserve(PS_ROOT_BLOCKS);
    next_chunk();
    uint32_t digit = 0;
    for (const auto& [last, slot] : runs_of(top))
      for (; digit <= last; digit++) {
        const ps_root_entry entry{slot, {UINT16_MAX, UINT16_MAX}};
        std::memcpy(&blocks[root + digit / 8].words[digit % 8 * 2], &entry, sizeof(entry));
      }
    return root;
  }
};

}  // namespace

const World& corpus_world() {
  static const World world = make_world();
  return world;
}

WorldImage::WorldImage(const World& world) {
  Writer writer;
  writer.reserve(sizeof(ps_snapshot_header) / PS_BLOCK_BYTES);
  ps_snapshot_header header{};
  header.magic = PS_SNAPSHOT_MAGIC;
  header.version = PS_SNAPSHOT_VERSION;
  header.header_bytes = sizeof(header);
  header.generation = 1;

  std::vector<std::pair<Prefix, uint32_t>> sources, destinations;
  for (const auto& source : world.sources)
    sources.emplace_back(source.prefix, source.address_class);
  for (uint32_t i = 0; i < world.destinations.size(); i++)
    destinations.emplace_back(world.destinations[i].prefix, i + 1);
  header.source_v4_root = writer.root_of(Writer::tree_of(sources, Family::kV4));
  header.source_v6_root = writer.root_of(Writer::tree_of(sources, Family::kV6));
  header.service_v4 = writer.slot_of(Writer::tree_of(destinations, Family::kV4));
  header.service_v6 = writer.slot_of(Writer::tree_of(destinations, Family::kV6));

  header.service_set_count = static_cast<uint32_t>(world.destinations.size() + 1);
  header.service_sets = writer.reserve(header.service_set_count);
  for (uint32_t i = 0; i < world.destinations.size(); i++) {
    ps_service_set set{};
    set.count = static_cast<uint32_t>(world.destinations[i].services.size());
    std::ranges::copy(world.destinations[i].services, set.services);
    std::memcpy(&writer.blocks[header.service_sets + 1 + i], &set, sizeof(set));
  }

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

  writer.blocks.resize((writer.blocks.size() + PS_CHUNK_BLOCKS - 1) / PS_CHUNK_BLOCKS *
                       PS_CHUNK_BLOCKS);
  header.engine_blocks = static_cast<uint32_t>(writer.blocks.size());
  std::memcpy(writer.blocks.data(), &header, sizeof(header));
  blocks_ = std::move(writer.blocks);
}

WorldEntries::WorldEntries(const World& world, uint32_t buckets_log2)
    : memory_(1 + (size_t{1} << buckets_log2)) {
  DynamicTable table(memory_);
  add_entries(world, table);
}

void add_entries(const World& world, DynamicTable& table) {
  // Added while all of them were still alive.
  for (const auto& entry : world.entries) table.add(entry, kNow - 1'000'000'000);
}

}  // namespace postern::packets
