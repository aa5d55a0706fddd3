// SPDX-License-Identifier: BSD-3-Clause
//
// Snapshots, damaged. The input is a row of changes to a good snapshot (a snapshot has at least
// 2 MiB: too much for a fuzzer to invent): a byte that chooses a region, two of offset into it, one
// of length, then that many bytes to put there. The checksum is made to match, so that what is
// tested is everything behind it: the file is refused, or every look-up in it goes well.
#include <xxhash.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

#include "rules/compile/alternatives.h"
#include "rules/compile/compile.h"
#include "rules/policy/parse.h"
#include "rules/snapshot/lookup_burst.h"
#include "rules/snapshot/snapshot.h"
#include "rules/text/cursor.h"
#include "tests/rules/support/compiled.h"
#include "tests/rules/support/sealed.h"

using namespace postern;

namespace {

const std::vector<std::byte>& good_snapshot() {
  static const auto bytes = [] {
    test::Workshop shop;
    std::string many;
    for (int i = 0; i < 200; i += 2) many += "192.0.2." + std::to_string(i) + '\n';
    shop.list("a", many + "2001:db8::/33\n");
    shop.list("b", "192.0.2.0/25\n198.51.100.0/23\n2001:db8::1\n");
    shop.list("d", "example.net\nexample.com\n");
    return shop
        .compile(
            "list a \"a\" category x\nlist b \"b\"\nlist d \"d\"\nprotect 192.0.2.7\n"
            "service mx 203.0.113.0/24 2001:db8:25::/64\nservice sub 203.0.113.9 port 587\n"
            "connection to mx\n drop category x\n inspect list b\nmessage\n accept domain in d\n")
        .bytes;
  }();
  return bytes;
}

// Where the bytes are that matter: header, roots, tables and nodes, sections.
size_t region_start(uint8_t which, const ps_snapshot_header& header) {
  switch (which % 8) {
    case 0:
      return 0;
    case 1:
      return size_t{header.source_v4_root} * PS_BLOCK_BYTES + 0xc000 * sizeof(ps_root_entry);
    case 2:
      return size_t{PS_SLOT_BLOCK(header.source_v6)} * PS_BLOCK_BYTES;
    case 3:
      return size_t{PS_SLOT_BLOCK(header.service_v4)} * PS_BLOCK_BYTES;
    case 4:
      return size_t{header.service_sets} * PS_BLOCK_BYTES;
    case 5:
      return size_t{header.matrix} * PS_BLOCK_BYTES;
    default:
      return size_t{header.engine_blocks} * PS_BLOCK_BYTES;
  }
}

void change(std::vector<std::byte>& bytes, Cursor& input) {
  const auto header = test::header_of(good_snapshot());
  const auto which = static_cast<uint8_t>(input.take());
  const auto low = static_cast<uint8_t>(input.take()), high = static_cast<uint8_t>(input.take());
  const auto length = static_cast<uint8_t>(input.take()) % 16u;
  const auto replacement = input.take(length);
  const size_t offset = region_start(which, header) + (size_t{high} << 8 | low);
  for (size_t i = 0; i < replacement.size() && offset + i < bytes.size(); i++)
    bytes[offset + i] = static_cast<std::byte>(replacement[i]);
}

constexpr const char* kAddresses[] = {
    "192.0.2.6", "192.0.2.7", "192.0.2.99",      "198.51.100.1", "203.0.113.9",
    "0.0.0.0",   "::",        "255.255.255.255", "2001:db8::1",  "2001:db8:25::1"};

// Bursts say the same as one look-up after the other.
void look_up_together(const Snapshot& snapshot) {
  std::vector<uint32_t> v4;
  std::vector<ps_address> v6;
  for (const char* text : kAddresses) {
    const auto where = *IpAddress::parse(text);
    if (where.is_v4()) v4.push_back(where.v4_host_order());
    v6.push_back(where.abi());  // an IPv4 one is some IPv6 address here
  }
  std::vector<uint32_t> classes(v6.size());
  classes_of(snapshot.image(), v4.data(), static_cast<uint32_t>(v4.size()), classes.data());
  for (size_t i = 0; i < v4.size(); i++)
    if (classes[i] != snapshot.class_of(IpAddress::v4(v4[i]))) std::abort();
  classes_of(snapshot.image(), v6.data(), static_cast<uint32_t>(v6.size()), classes.data());
  for (size_t i = 0; i < v6.size(); i++) {
    auto view = snapshot.image();
    if (classes[i] != ps_class_of(&view, PS_FAMILY_V6, &v6[i])) std::abort();
  }
  auto view = snapshot.image();
  std::vector<uint32_t> sets(v6.size());
  // Tagged like those of the policy, like no service, and not.
  std::vector<uint32_t> vlans;
  for (uint32_t i = 0; i < v6.size(); i++) vlans.push_back(i % 3 * (100u << 16) | i % 2 * 7);
  service_sets_of(view, v4.data(), vlans.data(), static_cast<uint32_t>(v4.size()), sets.data());
  for (size_t i = 0; i < v4.size(); i++) {
    const auto address = IpAddress::v4(v4[i]).abi();
    if (sets[i] != ps_service_set_of(&view, vlans[i], PS_FAMILY_V4, &address)) std::abort();
  }
  service_sets_of(view, v6.data(), vlans.data(), static_cast<uint32_t>(v6.size()), sets.data());
  for (size_t i = 0; i < v6.size(); i++)
    if (sets[i] != ps_service_set_of(&view, vlans[i], PS_FAMILY_V6, &v6[i])) std::abort();
}

void look_up(const Snapshot& snapshot) {
  look_up_together(snapshot);
  for (const char* text : kAddresses) {
    const auto where = *IpAddress::parse(text);
    const auto address_class = snapshot.class_of(where);
    if (address_class >= snapshot.header().class_count) std::abort();
    for (const size_t list : snapshot.lists_of(address_class, 0))
      if (list >= snapshot.lists().size()) std::abort();
    if (const auto service = snapshot.service_of(where, 25)) {
      if (service->service >= snapshot.policy().services.size()) std::abort();
      snapshot.verdict(service->policy, address_class);
    }
    snapshot.explain(where, std::nullopt, 0);
  }
  snapshot.contents();
}

// As `postern explain` does. In outline, each question is answered or the file refused.
void ask(const Snapshot& snapshot) {
  for (const char* text : kAddresses) {
    const auto explanation = snapshot.explain(*IpAddress::parse(text), std::nullopt, 0);
    for (const auto& service : explanation.services)
      alternatives_for(snapshot, service.number, explanation.address_class, 0);
    snapshot.service_of(*IpAddress::parse(text), 25);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto bytes = good_snapshot();
  Cursor input(std::string_view(reinterpret_cast<const char*>(data), size));
  while (!input.at_end()) change(bytes, input);
  test::seal(bytes);
  try {
    ask(*Snapshot::from_bytes(bytes, "fuzz", Verified::kOutline));
  } catch (const BadInput&) {
  }
  try {
    look_up(*Snapshot::from_bytes(std::move(bytes), "fuzz"));
  } catch (const BadInput&) {
  }
  return 0;
}
