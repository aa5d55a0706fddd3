// SPDX-License-Identifier: BSD-3-Clause
//
// The corpus's rules, and their image (tests/packets/world.h).
#include "tests/packets/world.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <set>
#include <stdexcept>

#include "dataplane/engine/limit_table.h"
#include "rules/address/key.h"

namespace postern::packets {
namespace {

Prefix prefix(const std::string& text) {
  const auto parsed = Prefix::parse(text, Prefix::HostBits::kRefuse);
  if (!parsed) throw std::invalid_argument("not a prefix: " + text);
  return *parsed;
}

// The columns of the matrix.
enum Class : uint32_t {
  kUnlisted,
  kDropped,
  kReset,
  kInspected,
  kAllowed,
  kProtected,
  kHard,
  kHardReset,
  kRefused,
  kRefusedAtOnce,
  kLimited,
  kLimitedReset,
  kLimitedRefused,
  kLimitObserved,
  kRefusedAndLimited,
  kResident,
  kClasses
};

// The places of texts; the first are those of ps_fixed_text.
// Behind each greeting comes the answer to HELO.
constexpr uint16_t kGreeting = 4, kNamedGreeting = 6, kRefusal = 8, kLongRefusal = 9;

// Of exactly PS_TEXT_LINE bytes where the address is of 39.
std::string longest_refusal() {
  std::string text = "554 5.7.1 %a refused: spam (list long); https://x.example/?a=%a&b=%a&c=";
  while (text.size() - 6 + 3 * 39 < PS_TEXT_LINE - 2) text += 'x';
  return text + "\r\n";
}

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
  const auto numbered = [&source](uint32_t address_class, const std::string& number) {
    source(
        address_class,
        {("198.19." + number + ".0/24").c_str(),
         ("2001:db8:19" + std::string(number.size() < 2 ? "0" : "") + number + "::/48").c_str()});
  };
  numbered(kHard, "1");
  numbered(kHardReset, "2");
  numbered(kRefused, "3");
  numbered(kRefusedAtOnce, "4");
  numbered(kLimited, "5");
  numbered(kLimitedReset, "6");
  numbered(kLimitedRefused, "7");
  numbered(kLimitObserved, "8");
  numbered(kRefusedAndLimited, "9");
  source(kResident, {"192.168.0.0/16", "2001:db8:1a::/48"});
  source(kRefused, {"198.51.100.129/32", "239.1.0.0/16"});  // the first is itself a service
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
  destination("198.51.100.25/32", {{25, 0, 0, kGreeting}, {587, 1, 1, kNamedGreeting}});
  destination("198.51.100.128/25", {{25, 1, 2, kGreeting}});
  destination("239.0.0.0/8", {{25, 0, 0, kGreeting}});
  destination("2001:db8:25::/64", {{25, 0, 0, kGreeting}, {587, 1, 1, kNamedGreeting}});
  destination("2001:db8:26::/48", {{25, 1, 2, kGreeting}});
  destination("ff05::/16", {{25, 0, 0, kGreeting}});

  constexpr auto kFinal = PS_VERDICT_FINAL;
  constexpr auto kHardly = PS_VERDICT_HARD;
  constexpr ps_verdict kNoRule = {PS_ACTION_ALLOW, PS_REASON_NO_RULE, 0, 0, 0, 0, 0};
  constexpr ps_verdict kProtect = {PS_ACTION_ALLOW, PS_REASON_PROTECTED, kFinal, 0, 0, 0, 0};
  const auto limited = [](uint8_t number) {
    return ps_verdict{PS_ACTION_ALLOW, PS_REASON_NO_RULE, 0, number, 0, 0, 0};
  };
  world.matrix = {
      {kNoRule,
       {PS_ACTION_DROP, PS_REASON_RULE_DROP, 0, 0, 2, 0, 0},
       {PS_ACTION_RESET, PS_REASON_RULE_RESET, 0, 0, 3, 0, 0},
       {PS_ACTION_INSPECT, PS_REASON_RULE_INSPECT, 0, 0, 4, 0, 0},
       {PS_ACTION_ALLOW, PS_REASON_RULE_ALLOW, kFinal, 0, 1, 0, 0},
       kProtect,
       {PS_ACTION_DROP, PS_REASON_RULE_DROP, kHardly, 0, 5, 0, 0},
       {PS_ACTION_RESET, PS_REASON_RULE_RESET, kHardly, 0, 6, 0, 0},
       {PS_ACTION_REFUSE, PS_REASON_RULE_REFUSE, 0, 0, 7, 0, kRefusal},
       {PS_ACTION_REFUSE, PS_REASON_RULE_REFUSE, PS_VERDICT_GREETING, 0, 8, 0, kLongRefusal},
       limited(1),
       limited(2),
       limited(3),
       limited(4),
       {PS_ACTION_REFUSE, PS_REASON_RULE_REFUSE, 0, 3, 9, 0, kRefusal},
       kNoRule},
      // The other policy resets what the first drops, and allows nothing by rule.
      {kNoRule,
       {PS_ACTION_RESET, PS_REASON_RULE_RESET, 0, 0, 1, 0, 0},
       {PS_ACTION_DROP, PS_REASON_RULE_DROP, 0, 0, 2, 0, 0},
       kNoRule,
       kNoRule,
       kProtect,
       kNoRule,
       kNoRule,
       {PS_ACTION_REFUSE, PS_REASON_RULE_REFUSE, 0, 0, 3, 0, kLongRefusal},
       kNoRule,
       limited(1),
       kNoRule,
       kNoRule,
       kNoRule,
       kNoRule,
       kNoRule},
      // From the inside, by destination.
      {{PS_ACTION_RESET, PS_REASON_RULE_RESET, 0, 0, 3, 0, 0},
       {PS_ACTION_DROP, PS_REASON_RULE_DROP, 0, 0, 2, 0, 0},
       {PS_ACTION_DROP, PS_REASON_RULE_DROP, kHardly, 0, 4, 0, 0},
       kNoRule,
       {PS_ACTION_ALLOW, PS_REASON_RULE_ALLOW, kFinal, 0, 1, 0, 0},
       kProtect,
       kNoRule,
       kNoRule,
       {PS_ACTION_REFUSE, PS_REASON_RULE_REFUSE, 0, 0, 5, 0, kRefusal},
       kNoRule,
       limited(1),
       kNoRule,
       kNoRule,
       kNoRule,
       kNoRule,
       kNoRule}};
  world.outbound.resize(kClasses);
  world.outbound[kResident] = {25, 2};
  constexpr uint64_t kSecond = 1'000'000'000;
  world.limits = {{},
                  {kSecond, 3, PS_ACTION_DROP, 0, {0, 0}},
                  {60 * kSecond, 1, PS_ACTION_RESET, 0, {0, 0}},
                  {10 * kSecond, 2, PS_ACTION_REFUSE, 0, {0, 0}},
                  {kSecond, 1, PS_ACTION_DROP, 1, {0, 0}}};
  world.texts = {"",
                 "554 5.7.1 %a refused by policy\r\n",
                 "554 5.7.1 %a refused as learned\r\n",
                 "421 4.7.1 %a has made too many connections\r\n",
                 "220 %d ESMTP\r\n",
                 "250 %d Hello\r\n",
                 "220 mx.example ESMTP\r\n",
                 "250 mx.example Hello\r\n",
                 "554 5.7.1 %a refused: dynamic (list pool); see https://postmaster.example/\r\n",
                 longest_refusal()};
  world.features = PS_FEATURE_REFUSE | PS_FEATURE_LIMIT | PS_FEATURE_HARD | PS_FEATURE_OUTBOUND;
  world.cookies.epoch = 5'666'666;
  world.cookies.accepted = 0b1110;  // of epochs 5666665 to 5666667, modulo 4
  for (uint64_t i = 0; i < PS_COOKIE_KEYS; i++)
    world.cookies.keys[i] = {{0x0123456789abcdef * (i + 1), 0xfedcba9876543210 ^ i << 40}};

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
  entry("198.18.6.0/24", Action::REFUSE, kLater);
  entry("198.19.1.9/32", Action::ALLOW, kLater);    // dropped by a hard rule
  entry("198.19.3.9/32", Action::DROP, kLater);     // refused by rule
  entry("198.19.5.9/32", Action::INSPECT, kLater);  // limited by rule
  entry("192.168.9.0/24", Action::DROP, kLater);    // inside
  entry("2001:db8:18:600::/56", Action::REFUSE, kLater);
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
  header.source_v4_root = writer.v4_root_of(stretches_of(sources, Family::kV4));
  const auto sources_v6 = stretches_of(sources, Family::kV6);
  header.source_v6_root = writer.v6_root_of(sources_v6);
  header.source_v6_bits = Writer::kRootBits;
  header.source_v6 = writer.v6_keys_of(sources_v6, 0, UINT64_MAX);
  header.service_v4 = writer.v4_keys_of(stretches_of(destinations, Family::kV4));
  header.service_v6 = writer.v6_keys_of(stretches_of(destinations, Family::kV6), 0, UINT64_MAX);

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

WorldEntries::WorldEntries(const World& world, uint32_t buckets_log2)
    : memory_(1 + (size_t{1} << buckets_log2)) {
  DynamicTable table(memory_);
  add_entries(world, table);
}

WorldLimits::WorldLimits() : memory_(limit_buckets_for(8192)) {
  start_limits(memory_);
}

void add_entries(const World& world, DynamicTable& table) {
  // Added while all of them were still alive.
  for (const auto& entry : world.entries) table.add(entry, kNow - 1'000'000'000);
}

}  // namespace postern::packets
