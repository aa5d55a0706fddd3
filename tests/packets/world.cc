// SPDX-License-Identifier: BSD-3-Clause
//
// The corpus's rules (tests/packets/world.h).
#include "tests/packets/world.h"

#include <array>
#include <cstdio>
#include <initializer_list>
#include <stdexcept>
#include <utility>

#include "dataplane/engine/limit_table.h"

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
  source(kDropped, {"198.51.100.9/32"});  // itself a service, but in one VLAN only
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
  // Customers with the same addresses: the first has one more of its own behind two tags.
  const ps_service other{25, 1, 3, kNamedGreeting}, submission{587, 0, 4, kGreeting};
  world.zones = {
      {100, 7, {{prefix("198.51.100.25/32"), {submission}}}},
      {100, {}, {{prefix("198.51.100.0/24"), {other}}, {prefix("2001:db8:25::/48"), {other}}}},
      {200, {}, {{prefix("10.0.0.25/32"), {other, submission}}}}};

  constexpr auto kFinal = PS_VERDICT_FINAL;
  constexpr auto kHardly = PS_VERDICT_HARD;
  constexpr ps_verdict kNoRule = {PS_ACTION_ALLOW, PS_REASON_NO_RULE, 0, 0, 0, 0, 0};
  constexpr ps_verdict kProtect = {PS_ACTION_ALLOW, PS_REASON_PROTECTED, kFinal, 0, 0, 0, 0};
  const auto limited = [](uint8_t number) {
    return ps_verdict{PS_ACTION_ALLOW, PS_REASON_NO_RULE, 0, number, 0, 0, 0};
  };
  // A class that a policy says nothing of matches no rule; what is protected is so in all.
  const auto policy = [&](std::initializer_list<std::pair<Class, ps_verdict>> rules) {
    std::vector<ps_verdict> row(kClasses, kNoRule);
    row[kProtected] = kProtect;
    for (const auto& [address_class, verdict] : rules) row[address_class] = verdict;
    world.matrix.push_back(std::move(row));
  };
  policy({{kDropped, {PS_ACTION_DROP, PS_REASON_RULE_DROP, 0, 0, 2, 0, 0}},
          {kReset, {PS_ACTION_RESET, PS_REASON_RULE_RESET, 0, 0, 3, 0, 0}},
          {kInspected, {PS_ACTION_INSPECT, PS_REASON_RULE_INSPECT, 0, 0, 4, 0, 0}},
          {kAllowed, {PS_ACTION_ALLOW, PS_REASON_RULE_ALLOW, kFinal, 0, 1, 0, 0}},
          {kHard, {PS_ACTION_DROP, PS_REASON_RULE_DROP, kHardly, 0, 5, 0, 0}},
          {kHardReset, {PS_ACTION_RESET, PS_REASON_RULE_RESET, kHardly, 0, 6, 0, 0}},
          {kRefused, {PS_ACTION_REFUSE, PS_REASON_RULE_REFUSE, 0, 0, 7, 0, kRefusal}},
          {kRefusedAtOnce,
           {PS_ACTION_REFUSE, PS_REASON_RULE_REFUSE, PS_VERDICT_GREETING, 0, 8, 0, kLongRefusal}},
          {kLimited, limited(1)},
          {kLimitedReset, limited(2)},
          {kLimitedRefused, limited(3)},
          {kLimitObserved, limited(4)},
          {kRefusedAndLimited, {PS_ACTION_REFUSE, PS_REASON_RULE_REFUSE, 0, 3, 9, 0, kRefusal}}});
  // This one resets what the first drops, and allows nothing by rule.
  policy({{kDropped, {PS_ACTION_RESET, PS_REASON_RULE_RESET, 0, 0, 1, 0, 0}},
          {kReset, {PS_ACTION_DROP, PS_REASON_RULE_DROP, 0, 0, 2, 0, 0}},
          {kRefused, {PS_ACTION_REFUSE, PS_REASON_RULE_REFUSE, 0, 0, 3, 0, kLongRefusal}},
          {kLimited, limited(1)}});
  // From the inside, by destination.
  policy({{kUnlisted, {PS_ACTION_RESET, PS_REASON_RULE_RESET, 0, 0, 3, 0, 0}},
          {kDropped, {PS_ACTION_DROP, PS_REASON_RULE_DROP, 0, 0, 2, 0, 0}},
          {kReset, {PS_ACTION_DROP, PS_REASON_RULE_DROP, kHardly, 0, 4, 0, 0}},
          {kAllowed, {PS_ACTION_ALLOW, PS_REASON_RULE_ALLOW, kFinal, 0, 1, 0, 0}},
          {kRefused, {PS_ACTION_REFUSE, PS_REASON_RULE_REFUSE, 0, 0, 5, 0, kRefusal}},
          {kLimited, limited(1)}});
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

}  // namespace

const World& corpus_world() {
  static const World world = make_world();
  return world;
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
