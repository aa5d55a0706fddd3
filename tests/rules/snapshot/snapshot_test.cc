// SPDX-License-Identifier: BSD-3-Clause
//
// What a snapshot tells of the policy it was compiled from, opened from a file and from bytes.
#include "rules/snapshot/snapshot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <random>
#include <system_error>

#include "tests/rules/support/compiled.h"

namespace postern::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kPolicy =
    "list drop     \"drop.json\"   category hijacked  expires 7d\n"  // 1
    "list dynamic  \"dynamic.txt\" category dynamic   contact \"https://example.net/\"\n"
    "list partners \"partners.txt\" format domains category accredited\n"  // 3
    "protect 203.0.113.7 2001:db8:ffff::/48\n"
    "service mx 198.51.100.0/24 2001:db8:25::/64\n"  // 5
    "service submission 198.51.100.25 port 587\n"
    "connection to mx\n"  // 7
    "  drop list drop\n"
    "  reset category dynamic\n"  // 9
    "message\n"
    "  accept domain in accredited\n";  // 11

class SnapshotTest : public testing::Test {
 protected:
  SnapshotTest() {
    shop_.list("drop.json",
               "{\"cidr\":\"203.0.113.0/24\",\"sblid\":\"SBL1\"}\n"
               "{\"cidr\":\"2001:db8:bad::/48\",\"sblid\":\"SBL2\"}\n"
               "{\"type\":\"metadata\",\"records\":2}\n");
    shop_.list("dynamic.txt", "# pools\n203.0.113.64/26\n192.0.2.1\n");
    shop_.list("partners.txt", "Example.NET\n# x\nexample.com\n");
    result_ = shop_.compile(kPolicy);
    snapshot_ = Snapshot::from_bytes(result_.bytes, "test");
  }
  Explanation explain(std::string_view source, std::optional<IpAddress> to = std::nullopt) const {
    return snapshot_->explain(address(source), to, snapshot_->created());
  }

  Workshop shop_;
  CompileResult result_;
  std::shared_ptr<const Snapshot> snapshot_;
};

// Nested, overlapping and single entries in several blocks of the index: it finds what is found
// without.
TEST(EntryIndexTest, FindsWhatALookAtAllEntriesFinds) {
  std::mt19937 random(11);
  std::string v4, v6;
  for (int i = 0; i < 3000; i++) {
    const int length = 8 + static_cast<int>(random() % 25);
    const auto bits = 10u << 24 | static_cast<uint32_t>(random() % (1u << 24));
    v4 += Prefix::make(IpAddress::v4(bits), length, Prefix::HostBits::kMask)->to_string() + "\n";
    const int length6 = 40 + static_cast<int>(random() % 25);
    std::array<uint8_t, 16> bytes{0x20, 0x01, 0x0d, 0xb8};
    for (size_t byte = 4; byte < 8; byte++)
      bytes[byte] = static_cast<uint8_t>(random() % 3 ? 0 : random());
    v6 += Prefix::make(IpAddress::v6(bytes), length6, Prefix::HostBits::kMask)->to_string() + "\n";
  }
  Workshop shop;
  shop.list("v4.txt", v4);
  shop.list("v6.txt", v6);
  const auto result = shop.compile(
      "list four \"v4.txt\" category a\nlist six \"v6.txt\" category b\n"
      "service mx 198.51.100.0/24\nconnection to mx\n  drop category a\nmessage\n  accept any\n");
  const auto plain = Snapshot::from_bytes(result.bytes, "plain");
  const auto indexed = Snapshot::from_bytes(result.bytes, "indexed");
  indexed->index_entries();
  indexed->index_entries();
  size_t found = 0;
  const auto compare = [&](const IpAddress& source) {
    const auto expected = plain->explain(source, std::nullopt, plain->created()).entries;
    const auto seen = indexed->explain(source, std::nullopt, plain->created()).entries;
    ASSERT_EQ(seen.size(), expected.size()) << source.to_string();
    for (size_t i = 0; i < seen.size(); i++) {
      EXPECT_EQ(seen[i].list, expected[i].list);
      EXPECT_EQ(seen[i].line, expected[i].line);
      EXPECT_EQ(seen[i].range, expected[i].range);
    }
    found += seen.size();
  };
  for (int i = 0; i < 2000; i++) {
    compare(IpAddress::v4(10u << 24 | static_cast<uint32_t>(random() % (1u << 24))));
    std::array<uint8_t, 16> bytes{0x20, 0x01, 0x0d, 0xb8};
    for (size_t byte = 4; byte < 8; byte++)
      bytes[byte] = static_cast<uint8_t>(random() % 3 ? 0 : random());
    compare(IpAddress::v6(bytes));
  }
  compare(IpAddress::v4(0));
  compare(IpAddress::v4(~0u));
  EXPECT_GT(found, 1000u);
}

TEST_F(SnapshotTest, IsTheSameFromAFileAndFromBytes) {
  const auto path = shop_.directory().path("site.snapshot");
  write_snapshot(path, result_.bytes);
  const auto opened = Snapshot::open(path);
  EXPECT_EQ(opened->name(), path);
  EXPECT_EQ(snapshot_->name(), "test");
  EXPECT_EQ(opened->generation(), snapshot_->generation());
  EXPECT_TRUE(std::ranges::equal(opened->image_bytes(), snapshot_->image_bytes()));
  EXPECT_EQ(opened->class_of(address("203.0.113.1")), snapshot_->class_of(address("203.0.113.1")));
}

TEST_F(SnapshotTest, HandsEnginesWholeChunksWithTheHeaderInBlock0) {
  EXPECT_EQ(snapshot_->image_bytes().size() % PS_CHUNK_BYTES, 0u);
  EXPECT_EQ(snapshot_->image_bytes().size(),
            size_t{snapshot_->header().engine_blocks} * PS_BLOCK_BYTES);
  auto image = snapshot_->image();
  EXPECT_EQ(ps_image_header(&image)->generation, snapshot_->generation());
  EXPECT_EQ(reinterpret_cast<uintptr_t>(image.blocks) % alignof(ps_block), 0u);
}

TEST_F(SnapshotTest, KnowsTheListsOfAClass) {
  const auto lists = [&](std::string_view source) {
    return snapshot_->lists_of(snapshot_->class_of(address(source)), snapshot_->created());
  };
  EXPECT_THAT(lists("203.0.113.1"), ElementsAre(0u));
  EXPECT_THAT(lists("203.0.113.65"), ElementsAre(0u, 1u));
  EXPECT_THAT(lists("192.0.2.1"), ElementsAre(1u));
  EXPECT_THAT(lists("203.0.113.7"), ElementsAre(0u));
  EXPECT_THAT(lists("198.51.100.1"), IsEmpty());
  EXPECT_EQ(snapshot_->class_of(address("198.51.100.1")), 0u);
  const auto is_protected = [&](std::string_view source) {
    return snapshot_->is_protected(snapshot_->class_of(address(source)), snapshot_->created());
  };
  EXPECT_TRUE(is_protected("203.0.113.7"));
  EXPECT_TRUE(is_protected("2001:db8:ffff::1"));
  EXPECT_FALSE(is_protected("203.0.113.8"));
  EXPECT_FALSE(is_protected("198.51.100.1"));
  EXPECT_THAT(snapshot_->lists_of(1000000, snapshot_->created()), IsEmpty());
  EXPECT_FALSE(snapshot_->is_protected(1000000, snapshot_->created()));
}

TEST_F(SnapshotTest, KnowsWhichListsStillCount) {
  const auto expiry = *snapshot_->lists()[0].expires_at;
  const auto address_class = snapshot_->class_of(address("203.0.113.65"));
  EXPECT_THAT(snapshot_->lists_of(address_class, expiry - 1), ElementsAre(0u, 1u));
  EXPECT_THAT(snapshot_->lists_of(address_class, expiry), ElementsAre(1u));
}

TEST_F(SnapshotTest, FindsServices) {
  EXPECT_EQ(snapshot_->service_of(address("198.51.100.25"), 25)->service, 0);
  EXPECT_EQ(snapshot_->service_of(address("198.51.100.25"), 587)->service, 1);
  EXPECT_EQ(snapshot_->service_of(address("2001:db8:25::9"), 25)->service, 0);
  EXPECT_EQ(snapshot_->service_of(address("198.51.100.26"), 587), std::nullopt);
  EXPECT_EQ(snapshot_->service_of(address("198.51.101.1"), 25), std::nullopt);
}

TEST_F(SnapshotTest, AllowsOutsideTheMatrix) {
  EXPECT_EQ(snapshot_->verdict(999, 0).reason, PS_REASON_NO_RULE);
  EXPECT_EQ(snapshot_->verdict(0, 999999).reason, PS_REASON_NO_RULE);
}

TEST_F(SnapshotTest, KeepsTheFactsOfLists) {
  ASSERT_THAT(snapshot_->lists(), SizeIs(3));
  const auto& drop = snapshot_->lists()[0];
  EXPECT_EQ(drop.name, "drop");
  EXPECT_EQ(drop.file, shop_.directory().path("drop.json"));
  EXPECT_EQ(drop.format, "drop");
  EXPECT_EQ(drop.category, "hijacked");
  EXPECT_EQ(drop.contact, "");
  EXPECT_EQ(drop.entries, 2u);
  EXPECT_EQ(drop.expires_at, drop.modified_at + 7 * 86400);
  EXPECT_FALSE(drop.expired || drop.kept_previous);
  EXPECT_EQ(snapshot_->lists()[1].contact, "https://example.net/");
  EXPECT_EQ(snapshot_->lists()[1].expires_at, std::nullopt);
}

TEST_F(SnapshotTest, KeepsThePolicy) {
  ASSERT_THAT(snapshot_->policy().sources, SizeIs(1));
  EXPECT_EQ(snapshot_->policy().sources[0].text, kPolicy);
  EXPECT_EQ(snapshot_->policy().file(), shop_.directory().path("site.policy"));
  EXPECT_THAT(snapshot_->policy().messages, SizeIs(1));
}

TEST_F(SnapshotTest, KeepsEntriesAndDomains) {
  const auto contents = snapshot_->contents();
  ASSERT_THAT(contents, SizeIs(3));
  const auto& content = contents[0];
  ASSERT_THAT(content.v4, SizeIs(1));
  EXPECT_EQ(content.v4[0].first, 0xcb007100u);
  EXPECT_EQ(content.v4[0].last, 0xcb0071ffu);
  EXPECT_EQ(content.v4[0].line, 1u);
  EXPECT_EQ(content.notes[content.v4[0].note].text, "SBL1");
  ASSERT_THAT(content.v6, SizeIs(1));
  EXPECT_EQ(content.notes[content.v6[0].note].text, "SBL2");
  EXPECT_THAT(snapshot_->domains_of(2), ElementsAre("example.com", "example.net"));
  EXPECT_THAT(snapshot_->domains_of(0), IsEmpty());
  EXPECT_EQ(contents[2].domains[0].line, 3u);
}

TEST_F(SnapshotTest, ExplainsAVerdictDownToTheLine) {
  const auto explanation = explain("203.0.113.65");
  ASSERT_THAT(explanation.entries, SizeIs(2));
  EXPECT_EQ(explanation.entries[0].list, 0u);
  EXPECT_EQ(explanation.entries[0].line, 1u);
  EXPECT_EQ(explanation.entries[1].list, 1u);
  EXPECT_EQ(explanation.entries[1].line, 2u);
  EXPECT_EQ(explanation.entries[1].range.to_string(), "203.0.113.64/26");
  EXPECT_FALSE(explanation.is_protected);
  ASSERT_THAT(explanation.services, SizeIs(2));
  EXPECT_EQ(explanation.services[0].service, "mx");
  EXPECT_EQ(explanation.services[0].verdict.action, PS_ACTION_DROP);
  ASSERT_NE(explanation.services[0].rule, nullptr);
  EXPECT_EQ(explanation.services[0].rule->text, "drop list drop");
  EXPECT_EQ(explanation.services[0].rule->place.line, 8u);
  EXPECT_EQ(explanation.services[1].service, "submission");
  EXPECT_EQ(explanation.services[1].verdict.reason, PS_REASON_NO_RULE);
  EXPECT_EQ(explanation.services[1].rule, nullptr);
}

TEST_F(SnapshotTest, ExplainsProtection) {
  const auto explanation = explain("203.0.113.7");
  EXPECT_TRUE(explanation.is_protected);
  ASSERT_TRUE(explanation.protect_place);
  EXPECT_EQ(explanation.protect_place->line, 4u);
  EXPECT_THAT(explanation.entries, SizeIs(1));
  EXPECT_EQ(explanation.services[0].verdict.reason, PS_REASON_PROTECTED);
  EXPECT_EQ(explanation.services[0].verdict.flags, PS_VERDICT_FINAL);
}

TEST_F(SnapshotTest, ExplainsIpv6AndUnlisted) {
  EXPECT_THAT(explain("2001:db8:bad::1").entries, SizeIs(1));
  EXPECT_EQ(explain("2001:db8:bad::1").services[0].verdict.action, PS_ACTION_DROP);
  EXPECT_THAT(explain("2001:db8::1").entries, IsEmpty());
  EXPECT_FALSE(explain("2001:db8::1").protect_place);
}

TEST_F(SnapshotTest, ExplainsOnlyServicesThatADestinationReaches) {
  EXPECT_THAT(explain("192.0.2.1", address("198.51.100.25")).services, SizeIs(2));
  EXPECT_THAT(explain("192.0.2.1", address("198.51.100.1")).services, SizeIs(1));
  EXPECT_THAT(explain("192.0.2.1", address("192.0.2.1")).services, IsEmpty());
}

TEST_F(SnapshotTest, SaysWhichFileItCannotOpen) {
  EXPECT_THROW(Snapshot::open(shop_.directory().path("missing")), std::system_error);
  EXPECT_EQ(complaint_of([&] { Snapshot::open("/dev/null"); }), "/dev/null: is not a file");
  const auto empty = shop_.directory().write("empty", "");
  EXPECT_EQ(complaint_of([&] { Snapshot::open(empty); }),
            empty + ": is not a snapshot: it has only 0 bytes");
}

}  // namespace
}  // namespace postern::test
