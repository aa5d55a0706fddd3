// SPDX-License-Identifier: BSD-3-Clause
//
// Damaged and foreign snapshots: each is refused with one line, whatever the damage, and also when
// the checksum has been made to match it.
#include "rules/snapshot/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "rules/compile/alternatives.h"
#include "rules/snapshot/sections.h"
#include "tests/rules/support/compiled.h"
#include "tests/rules/support/sealed.h"

namespace postern::test {
namespace {

using testing::HasSubstr;

class Damage : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    Workshop shop;
    // Some nodes with few runs, some with many, in both families.
    std::string many;
    for (int i = 0; i < 200; i += 2) many += "192.0.2." + std::to_string(i) + '\n';
    shop.list("a", many + "2001:db8::/33\n");
    shop.list("b", "192.0.2.0/25\n198.51.100.0/23\n2001:db8::1\n");
    shop.list("d", "example.net\nexample.com\n");
    bytes_ = new std::vector<std::byte>(
        shop.compile(
                "list a \"a\" category x\nlist b \"b\"\nlist d \"d\"\nprotect 192.0.2.7\n"
                "service mx 203.0.113.0/24 2001:db8:25::/64\nservice sub 203.0.113.9 port 587\n"
                "connection to mx\n drop category x\n inspect list b\n"
                "message\n accept domain in d\n")
            .bytes);
  }
  static void TearDownTestSuite() {
    delete bytes_;
    bytes_ = nullptr;
  }

  static const std::vector<std::byte>& good() { return *bytes_; }
  static std::string refusal(std::vector<std::byte> bytes) {
    return complaint_of([&] { Snapshot::from_bytes(std::move(bytes), "s"); });
  }
  // With damage to the header that the checksum covers up.
  static std::string refusal_of(const std::function<void(ps_snapshot_header&)>& damage) {
    auto bytes = good();
    auto header = header_of(bytes);
    damage(header);
    std::memcpy(bytes.data(), &header, sizeof header);
    seal(bytes);
    return refusal(std::move(bytes));
  }
  template <typename Item>
  static std::string refusal_at(size_t offset, const std::function<void(Item&)>& damage) {
    auto bytes = good();
    Item item;
    std::memcpy(&item, bytes.data() + offset, sizeof item);
    damage(item);
    std::memcpy(bytes.data() + offset, &item, sizeof item);
    seal(bytes);
    return refusal(std::move(bytes));
  }
  static size_t section(ps_section which) { return header_of(good()).sections[which].offset; }

 private:
  static std::vector<std::byte>* bytes_;
};

std::vector<std::byte>* Damage::bytes_ = nullptr;

TEST_F(Damage, IsNotInTheOriginal) {
  EXPECT_EQ(refusal(good()), "");
}

// The file at the alignment of a block, to be damaged in place.
class InPlace {
 public:
  explicit InPlace(const std::vector<std::byte>& bytes)
      : blocks_(bytes.size() / sizeof(ps_block) + 1), size_(bytes.size()) {
    std::memcpy(blocks_.data(), bytes.data(), size_);
  }
  std::span<std::byte> bytes() { return std::as_writable_bytes(std::span(blocks_)).first(size_); }
  std::string refusal_with_flipped(size_t at, std::byte bits) {
    bytes()[at] ^= bits;
    const auto refusal = complaint_of([&] { verify_image(bytes(), "s"); });
    bytes()[at] ^= bits;
    return refusal;
  }
  std::string refusal_cut_to(size_t size) {
    return complaint_of([&] { verify_image(bytes().first(size), "s"); });
  }

 private:
  std::vector<ps_block> blocks_;
  size_t size_;
};

TEST_F(Damage, OfAnyHeaderByteIsSeen) {
  InPlace file(good());
  for (size_t i = 0; i < sizeof(ps_snapshot_header); i++)
    EXPECT_NE(file.refusal_with_flipped(i, std::byte{1}), "") << "byte " << i;
  EXPECT_EQ(file.refusal_cut_to(good().size()), "");
}

TEST_F(Damage, OfOtherBytesIsSeen) {
  InPlace file(good());
  std::mt19937_64 random(1);
  for (int i = 0; i < 200; i++) {
    const auto at =
        sizeof(ps_snapshot_header) + random() % (good().size() - sizeof(ps_snapshot_header));
    EXPECT_EQ(file.refusal_with_flipped(at, static_cast<std::byte>(1 + random() % 255)),
              "s: is a damaged snapshot: its checksum does not match");
  }
}

TEST_F(Damage, ByTruncationIsSeen) {
  const auto size = good().size();
  std::vector<size_t> sizes = {size - 1, size - 8, size - 64};
  for (size_t i = 0; i <= 300; i++) sizes.push_back(i);
  for (size_t i = 0; i < size; i += size / 50) sizes.push_back(i);
  InPlace file(good());
  for (const auto cut : sizes)
    EXPECT_THAT(file.refusal_cut_to(cut),
                testing::AnyOf(HasSubstr("is not a snapshot"), HasSubstr("bytes and has")))
        << cut;
  auto longer = good();
  longer.push_back(std::byte{0});
  EXPECT_THAT(refusal(std::move(longer)), HasSubstr("bytes and has"));
}

TEST_F(Damage, ForeignFilesAreNamedAsSuch) {
  const auto refusal_of_text = [](std::string_view text) {
    std::vector<std::byte> bytes(text.size());
    std::memcpy(bytes.data(), text.data(), text.size());
    return refusal(std::move(bytes));
  };
  EXPECT_EQ(refusal_of_text("short"), "s: is not a snapshot: it has only 5 bytes");
  EXPECT_EQ(refusal_of_text(std::string(1000, 'x')), "s: is not a snapshot");
  EXPECT_EQ(refusal_of([](auto& h) { h.magic = __builtin_bswap64(h.magic); }),
            "s: is a snapshot made on a machine of the other byte order; compile it here");
  EXPECT_EQ(refusal_of([](auto& h) { h.version = 1; }),
            "s: is a snapshot of version 1; this program reads version 7");
}

TEST_F(Damage, OfTheLayoutIsSeenBehindAGoodChecksum) {
  const std::function<void(ps_snapshot_header&)> kDamages[] = {
      [](auto& h) { h.header_bytes++; },
      [](auto& h) { h.file_bytes--; },
      [](auto& h) { h.engine_blocks = 0; },
      [](auto& h) { h.engine_blocks += 1; },
      [](auto& h) { h.engine_blocks += PS_CHUNK_BLOCKS; },
      [](auto& h) { h.engine_blocks = PS_MAX_BLOCKS * 2; },
      [](auto& h) { h.source_v4_root = 0; },
      [](auto& h) { h.source_v4_root = h.engine_blocks - PS_ROOT_BLOCKS + 1; },
      [](auto& h) { h.source_v6_bits = PS_MIN_V6_ROOT_BITS - 1; },
      [](auto& h) { h.source_v6_bits = PS_MAX_V6_ROOT_BITS + 1; },
      [](auto& h) {
        h.source_v6_bits = PS_MIN_V6_ROOT_BITS;
        h.source_v6_root = UINT32_MAX;
      },
      [](auto& h) {
        h.source_v6_bits = PS_MAX_V6_ROOT_BITS;  // beyond the image
        h.source_v6_root = h.source_v4_root;
      },
      [](auto& h) { h.source_v6 = h.class_count; },
      [](auto& h) {
        h.service_v4 = uint32_t{PS_SLOT_KEYS32} << PS_SLOT_KIND_SHIFT | h.engine_blocks;
      },
      [](auto& h) { h.service_v6 = h.service_set_count; },
      [](auto& h) { h.service_sets = h.engine_blocks; },
      [](auto& h) { h.service_set_count = 0; },
      [](auto& h) { h.service_set_count = PS_MAX_SERVICE_SETS + 1; },
      [](auto& h) { h.service_set_count--; },
      [](auto& h) { h.zones = h.engine_blocks; },
      [](auto& h) { h.zone_count = 0; },
      [](auto& h) { h.zone_count = PS_MAX_ZONES + 1; },
      [](auto& h) {
        h.vlans = h.engine_blocks - PS_VLAN_BLOCKS + 1;
        h.vlan_count = 1;
      },
      [](auto& h) { h.vlans = h.source_v4_root; },  // of no table
      [](auto& h) {
        h.vlans = h.source_v4_root;
        h.vlan_count = PS_VLANS + 1;
      },
      [](auto& h) {
        h.zones = h.source_v4_root;  // what is there is no slot of a zone
        h.zone_count = 9;
      },
      [](auto& h) { h.matrix = h.engine_blocks; },
      [](auto& h) { h.policy_count = PS_MAX_POLICIES + 1; },
      [](auto& h) { h.policy_count--; },
      [](auto& h) { h.class_count = 0; },
      [](auto& h) { h.class_count--; },
      [](auto& h) { h.class_count = PS_MAX_CLASSES + 1; },
      [](auto& h) { h.sections[PS_SECTION_POLICY].offset = 0; },
      [](auto& h) { h.sections[PS_SECTION_POLICY].bytes = 4; },
      [](auto& h) { h.sections[PS_SECTION_LISTS].bytes -= sizeof(ps_list_record); },
      [](auto& h) { h.sections[PS_SECTION_LISTS].bytes--; },
      [](auto& h) { h.sections[PS_SECTION_CLASSES].bytes -= 4; },
      [](auto& h) { h.sections[PS_SECTION_CLASSES].bytes = 0; },
      [](auto& h) { h.sections[PS_SECTION_ENTRIES_V4].offset = UINT64_MAX - 7; },
      [](auto& h) { h.sections[PS_SECTION_ENTRIES_V6].bytes = UINT64_MAX; },
      [](auto& h) { h.sections[PS_SECTION_DOMAINS].offset += 4; },
      [](auto& h) { h.sections[PS_SECTION_ROWS].bytes = 0; },
      [](auto& h) { h.sections[PS_SECTION_STRINGS].bytes = 1; }};
  for (size_t i = 0; i < std::size(kDamages); i++)
    EXPECT_THAT(refusal_of(kDamages[i]), HasSubstr("s: is a damaged snapshot: ")) << "damage " << i;
}

TEST_F(Damage, OfTheTablesIsSeenBehindAGoodChecksum) {
  const auto header = header_of(good());
  const auto block = [](uint32_t number) { return size_t{number} * PS_BLOCK_BYTES; };
  const auto matrix = block(header.matrix), sets = block(header.service_sets + 1);
  const auto root = block(header.source_v4_root);
  using Verdict = std::function<void(ps_verdict&)>;
  for (const auto& damage :
       {Verdict([](auto& v) { v.action = PS_ACTION_COUNT; }),
        Verdict([](auto& v) { v.reason = PS_REASON_COUNT; }), Verdict([](auto& v) { v.flags = 8; }),
        Verdict([](auto& v) { v.limit = 1; }),
        Verdict([&](auto& v) { v.text = header.text_count & 0x3fffu; }),
        Verdict([](auto& v) { v.observed_rule = PS_MAX_RULES_PER_POLICY + 1; }),
        Verdict([](auto& v) { v.rule = PS_MAX_RULES_PER_POLICY + 1; })})
    EXPECT_THAT(refusal_at(matrix, damage), HasSubstr("a verdict that there is not"));
  EXPECT_THAT(refusal_at<ps_service_set>(sets, [](auto& s) { s.count = 8; }),
              HasSubstr("too many services"));
  EXPECT_THAT(refusal_at<ps_service_set>(sets, [](auto& s) { s.services[0].policy = 9; }),
              HasSubstr("a policy or a greeting that there is not"));
  EXPECT_THAT(
      refusal_at<ps_service_set>(sets, [&](auto& s) { s.services[0].greeting = UINT16_MAX; }),
      HasSubstr("a policy or a greeting that there is not"));
  EXPECT_THAT(refusal_at<ps_service_set>(sets, [](auto& s) { s.services[0].service = 9; }),
              HasSubstr("a service that there is not"));
  EXPECT_THAT(refusal_at<ps_service_set>(sets, [](auto& s) { s.services[0].policy ^= 1; }),
              HasSubstr("a service that there is not"));
  EXPECT_THAT(refusal_at<uint32_t>(root, [&](auto& slot) { slot = header.class_count; }),
              HasSubstr("source_v4_root leads to a value that there is not"));
}

TEST_F(Damage, OfTextsIsSeenBehindAGoodChecksum) {
  const auto header = header_of(good());
  const auto text = size_t{header.texts + PS_TEXT_BY_POLICY * PS_TEXT_BLOCKS} * PS_BLOCK_BYTES;
  const auto damaged = [&](const std::function<void(ps_text&)>& damage) {
    return refusal_at<ps_text>(text, damage);
  };
  EXPECT_THAT(damaged([](auto& t) { t.parts = 0; }), HasSubstr("a wrong number of parts"));
  EXPECT_THAT(damaged([](auto& t) { t.parts = 5; }), HasSubstr("a wrong number of parts"));
  EXPECT_THAT(damaged([](auto& t) { t.ends[0] = 255; }), HasSubstr("out of order"));
  EXPECT_THAT(damaged([](auto& t) { t.gaps[0] = 2; }), HasSubstr("a gap that there is not"));
  EXPECT_THAT(damaged([](auto& t) { t.bytes[3] = '\n'; }), HasSubstr("no line that"));
  EXPECT_THAT(damaged([](auto& t) { t.bytes[3] = 0x80; }), HasSubstr("no line that"));
  EXPECT_THAT(damaged([](auto& t) { t.ends[1] = 170; }), HasSubstr("no line that"));
  EXPECT_THAT(damaged([](auto& t) { t.ends[1]--; }), HasSubstr("no line that"));
  EXPECT_THAT(refusal_of([](auto& h) { h.text_count = PS_TEXT_FIXED_COUNT - 1; }),
              HasSubstr("the texts lie outside"));
  EXPECT_THAT(refusal_of([](auto& h) { h.texts = h.engine_blocks - 1; }),
              HasSubstr("the texts lie outside"));
}

// A slot of the tables by its kind.
uint32_t slot_of(ps_slot_kind kind, uint32_t block) {
  return uint32_t{kind} << PS_SLOT_KIND_SHIFT | block;
}

TEST_F(Damage, OfSlotsIsSeenBehindAGoodChecksum) {
  const auto header = header_of(good());
  const auto with = [&](uint32_t slot) {
    return refusal_at<ps_root_entry>(size_t{header.source_v4_root} * PS_BLOCK_BYTES,
                                     [&](auto& entry) { entry.slot = slot; });
  };
  const auto end = header.engine_blocks;
  EXPECT_THAT(with(slot_of(PS_SLOT_RUNS8, end)), HasSubstr("outside the image"));
  EXPECT_THAT(with(slot_of(PS_SLOT_SPLIT12, end)), HasSubstr("outside the image"));
  EXPECT_THAT(with(slot_of(PS_SLOT_SPLIT8, end - 1)), HasSubstr("a slot that there is not"));
  for (const auto kind : {PS_SLOT_KEYS32, PS_SLOT_KEYS64})
    EXPECT_THAT(with(slot_of(kind, header.source_v4_root)), HasSubstr("a slot that there is not"));
  EXPECT_THAT(with(1u << PS_SLOT_LEVELS_SHIFT), HasSubstr("a slot that there is not"));
  EXPECT_THAT(with(PS_SLOT_SEPARATED | 0), HasSubstr("a slot that there is not"));
  EXPECT_THAT(with(PS_SLOT_SEPARATED | slot_of(PS_SLOT_SPLIT12, end - 1)),
              HasSubstr("a slot that there is not"));
  // All zeros are 33 lines that begin where the image ends.
  EXPECT_THAT(with(PS_SLOT_SEPARATED | slot_of(PS_SLOT_RUNS8, end - 1)),
              HasSubstr("outside the image"));
}

// 192.0.2.0 lies behind root entry 0xc000, in several lines behind separators.
TEST_F(Damage, OfLinesIsSeenBehindAGoodChecksum) {
  const auto header = header_of(good());
  const size_t place =
      size_t{header.source_v4_root} * PS_BLOCK_BYTES + 0xc000 * sizeof(ps_root_entry);
  ps_root_entry entry;
  std::memcpy(&entry, good().data() + place, sizeof entry);
  ASSERT_EQ(entry.slot >> PS_SLOT_KIND_SHIFT, 8u | PS_SLOT_RUNS8);
  const size_t separators = size_t{PS_SLOT_BLOCK(entry.slot)} * PS_BLOCK_BYTES;
  const size_t line = separators + PS_BLOCK_BYTES;

  EXPECT_THAT(
      refusal_at<ps_separators>(separators, [](auto& s) { std::swap(s.lasts[0], s.lasts[1]); }),
      HasSubstr("separators of a table are out of order"));
  EXPECT_THAT(refusal_at<ps_line_runs8>(line, [](auto& l) { l.lasts[0] = l.lasts[1] + 1; }),
              HasSubstr("runs of a table are out of order"));
  EXPECT_THAT(refusal_at<ps_line_runs8>(
                  line, [&](auto& l) { l.values[3] = static_cast<uint8_t>(header.class_count); }),
              HasSubstr("a value that there is not"));
  EXPECT_THAT(refusal_at<ps_root_entry>(place, [](auto& e) { e.separators[0] = 7; }),
              HasSubstr("separators are of no lines"));
  EXPECT_THAT(refusal_at<ps_root_entry>(place,
                                        [](auto& e) {
                                          e.slot &= ~PS_SLOT_SEPARATED;
                                          e.separators[1] = 7;
                                        }),
              HasSubstr("separators of a table are out of order"));
  EXPECT_THAT(refusal_at<ps_root_entry>(place - sizeof entry,
                                        [&](auto& e) { e.slot = entry.slot & ~PS_SLOT_SEPARATED; }),
              HasSubstr("a block of a table is two things"));
}

// 2001:db8::1 is reached through both halves of its key.
TEST_F(Damage, OfKeysIsSeenBehindAGoodChecksum) {
  const auto header = header_of(good());
  ASSERT_EQ(header.source_v6 >> PS_SLOT_KIND_SHIFT, uint32_t{PS_SLOT_KEYS64});
  ASSERT_EQ(PS_SLOT_LEVELS(header.source_v6), 0u);
  const auto place = [](uint32_t slot) { return size_t{PS_SLOT_BLOCK(slot)} * PS_BLOCK_BYTES; };
  ps_line_keys64 line;
  std::memcpy(&line, good().data() + place(header.source_v6), sizeof line);
  const auto* deeper =
      std::ranges::find_if(line.slots, [](uint32_t slot) { return !PS_IS_VALUE(slot); });
  ASSERT_NE(deeper, std::end(line.slots));

  const auto with_top = [&](uint32_t slot) {
    return refusal_of([slot](auto& h) { h.source_v6 = slot; });
  };
  EXPECT_THAT(with_top(slot_of(PS_SLOT_RUNS8, header.engine_blocks - 1)),
              HasSubstr("a slot that there is not"));
  EXPECT_THAT(with_top(slot_of(PS_SLOT_KEYS32, header.engine_blocks)),
              HasSubstr("outside the image"));
  EXPECT_THAT(with_top(header.source_v6 | 1u << PS_SLOT_LEVELS_SHIFT), HasSubstr("of a table"));
  // All zeros are separators of 8 children that begin at block 0 and are themselves separators.
  EXPECT_THAT(
      with_top(slot_of(PS_SLOT_KEYS64, header.engine_blocks - 1) | 2u << PS_SLOT_LEVELS_SHIFT),
      HasSubstr("of a table"));
  EXPECT_THAT(refusal_at<ps_line_keys64>(place(header.source_v6),
                                         [](auto& l) { std::swap(l.lasts[0], l.lasts[1]); }),
              HasSubstr("runs of a table are out of order"));
  EXPECT_THAT(refusal_at<ps_line_keys64>(place(header.source_v6),
                                         [&](auto& l) { l.slots[0] = header.source_v6; }),
              HasSubstr("outside the image or in circles"));
  EXPECT_THAT(refusal_at<ps_line_keys64>(place(header.source_v6),
                                         [&](auto& l) { l.slots[0] = header.class_count; }),
              HasSubstr("source_v6 leads to a value that there is not"));
  // A third half.
  ASSERT_EQ(header.service_v6 >> PS_SLOT_KIND_SHIFT, uint32_t{PS_SLOT_KEYS64});
  EXPECT_EQ(refusal_at<ps_line_keys64>(place(header.service_v6),
                                       [&](auto& l) { l.slots[0] = header.source_v6; }),
            "s: is a damaged snapshot: a table is too deep");
}

TEST_F(Damage, OfTheZerosAtTheEndIsSeenBehindAGoodChecksum) {
  const size_t end = size_t{header_of(good()).engine_blocks} * PS_BLOCK_BYTES;
  EXPECT_THAT(refusal_at<uint32_t>(end - 4, [](auto& word) { word = 1; }),
              HasSubstr("does not end in zeros"));
}

TEST_F(Damage, OfTheSectionsIsSeenBehindAGoodChecksum) {
  EXPECT_THAT(refusal_at<ps_entry_v4>(section(PS_SECTION_ENTRIES_V4), [](auto& e) { e.note = 9; }),
              HasSubstr("an entry is wrong"));
  EXPECT_THAT(refusal_at<ps_entry_v4>(section(PS_SECTION_ENTRIES_V4),
                                      [](auto& e) { e.first = e.last + 1; }),
              HasSubstr("an entry is wrong"));
  EXPECT_THAT(
      refusal_at<ps_entry_v6>(section(PS_SECTION_ENTRIES_V6), [](auto& e) { e.first[0] = 255; }),
      HasSubstr("an entry is wrong"));
  EXPECT_THAT(refusal_at<ps_domain_record>(section(PS_SECTION_DOMAINS),
                                           [](auto& d) { d.domain.offset = UINT32_MAX; }),
              HasSubstr("a domain is wrong"));
  EXPECT_THAT(refusal_at<ps_list_record>(section(PS_SECTION_LISTS),
                                         [](auto& l) {
                                           l.contact = {1, UINT32_MAX};
                                         }),
              HasSubstr("outside the strings"));
  EXPECT_THAT(refusal_at<uint32_t>(section(PS_SECTION_CLASSES), [](auto& w) { w = 1; }),
              HasSubstr("do not add up"));
  EXPECT_THAT(refusal_at<uint32_t>(section(PS_SECTION_ROWS), [](auto& row) { row = 64; }),
              HasSubstr("a policy that there is not"));
  EXPECT_THAT(refusal_at<ps_policy_source>(section(PS_SECTION_POLICY),
                                           [](auto& p) { p.text.bytes = UINT32_MAX; }),
              HasSubstr("the policy is cut"));
  ps_policy_source source;
  std::memcpy(&source, good().data() + section(PS_SECTION_POLICY), sizeof source);
  EXPECT_THAT(
      refusal_at<char>(section(PS_SECTION_STRINGS) + source.text.offset, [](auto& c) { c = '?'; }),
      HasSubstr("has a policy that is refused: "));
  EXPECT_THAT(
      refusal_at<ps_sublist_record>(section(PS_SECTION_SUBLISTS), [](auto& s) { s.list = 9; }),
      HasSubstr("a sub-list is wrong"));
  EXPECT_THAT(
      refusal_at<ps_sublist_record>(section(PS_SECTION_SUBLISTS), [](auto& s) { s.map = 3; }),
      HasSubstr("has other lists or services than its tables"));
  EXPECT_THAT(
      refusal_at<ps_note_record>(section(PS_SECTION_NOTES), [](auto& n) { n.sublist = 99; }),
      HasSubstr("a note is wrong"));
  EXPECT_THAT(refusal_at<ps_note_record>(section(PS_SECTION_NOTES), [](auto& n) { n.list++; }),
              HasSubstr("a note is wrong"));
  EXPECT_THAT(
      refusal_at<ps_list_record>(section(PS_SECTION_LISTS), [](auto& l) { l.note_count++; }),
      HasSubstr("a note is wrong"));
}

// Whatever else is changed: it is refused, or looking things up in it goes well.
TEST_F(Damage, NeverMakesALookUpGoWrong) {
  std::mt19937_64 random(1);
  size_t opened = 0;
  for (int round = 0; round < 300; round++) {
    auto bytes = good();
    const auto header = header_of(bytes);
    // Half of the damage into what is in use: header, matrix, nodes, sections.
    const uint64_t used = uint64_t{header.service_sets} * PS_BLOCK_BYTES;
    for (auto count = 1 + random() % 3; count > 0; count--) {
      size_t offset = used + random() % 4096;
      if (random() % 4 == 0) offset = random() % sizeof header;
      if (random() % 4 == 0)
        offset =
            section(PS_SECTION_POLICY) + random() % (bytes.size() - section(PS_SECTION_POLICY));
      bytes[std::min(offset, bytes.size() - 1)] ^= static_cast<std::byte>(1 + random() % 255);
    }
    seal(bytes);
    try {
      const auto snapshot = Snapshot::from_bytes(bytes, "s");
      opened++;
      for (uint32_t host = 0; host < 256; host++) {
        const auto source = IpAddress::v4(0xc0000200u | host);
        const auto address_class = snapshot->class_of(source);
        EXPECT_LT(address_class, snapshot->header().class_count);
        snapshot->lists_of(address_class, 0);
        snapshot->explain(source, std::nullopt, 0);
        snapshot->service_of(source, 25);
      }
      snapshot->contents();
    } catch (const BadInput& bad) {
      EXPECT_EQ(bad.diagnostics().size(), 1u);
    }
  }
  EXPECT_GT(opened, 0u);  // or this test says nothing about look-ups
}

// In outline nothing large is verified first: a question is answered, or refused when it meets what
// cannot be.
TEST_F(Damage, NeverMakesAQuestionInOutlineGoWrong) {
  std::mt19937_64 random(1);
  const auto header = header_of(good());
  size_t answered = 0, refused = 0;
  for (int round = 0; round < 2000; round++) {
    auto bytes = good();
    for (auto count = 1 + random() % 3; count > 0; count--) {
      const size_t regions[] = {
          random() % sizeof header, size_t{header.service_sets} * PS_BLOCK_BYTES + random() % 4096,
          section(PS_SECTION_POLICY) + random() % (bytes.size() - section(PS_SECTION_POLICY))};
      bytes[regions[random() % std::size(regions)]] ^= static_cast<std::byte>(1 + random() % 255);
    }
    try {
      const auto snapshot = Snapshot::from_bytes(bytes, "s", Verified::kOutline);
      for (const char* text : {"192.0.2.6", "192.0.2.7", "198.51.100.9", "2001:db8::1"}) {
        const auto explanation = snapshot->explain(address(text), std::nullopt, 0);
        for (const auto& service : explanation.services)
          alternatives_for(*snapshot, service.number, explanation.address_class, 0);
      }
      answered++;
    } catch (const BadInput& bad) {
      EXPECT_EQ(bad.diagnostics().size(), 1u);
      EXPECT_EQ(bad.diagnostics().front().file, "s");
      refused++;
    }
  }
  EXPECT_GT(answered, 0u);
  EXPECT_GT(refused, 0u);
}

TEST_F(Damage, IsNoneInOutlineWhereThereIsNone) {
  const auto whole = Snapshot::from_bytes(good(), "s");
  const auto outline = Snapshot::from_bytes(good(), "s", Verified::kOutline);
  for (const char* text : {"192.0.2.6", "192.0.2.7", "198.51.100.9", "2001:db8::1", "8.8.8.8"}) {
    const auto expected = whole->explain(address(text), std::nullopt, 0);
    const auto found = outline->explain(address(text), std::nullopt, 0);
    EXPECT_EQ(found.address_class, expected.address_class) << text;
    EXPECT_EQ(found.entries.size(), expected.entries.size()) << text;
    EXPECT_EQ(found.services.size(), expected.services.size()) << text;
  }
}

}  // namespace
}  // namespace postern::test
