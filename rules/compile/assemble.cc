// SPDX-License-Identifier: BSD-3-Clause
//
// Writing a snapshot (rules/compile/assemble.h). The image comes first, block by block, then the
// sections; the header is filled in on the way and written last, with the checksum.
#include "rules/compile/assemble.h"

#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string_view>
#include <tuple>

#include "rules/compile/digit_table.h"
#include "rules/compile/key_table.h"
#include "rules/compile/vlan_table.h"
#include "rules/snapshot/sections.h"

namespace postern {
namespace {

class SnapshotBytes {
 public:
  // Bytes so far; always whole blocks while the image is being written.
  size_t size() const noexcept { return bytes_.size(); }
  uint32_t next_block() const noexcept {
    return static_cast<uint32_t>(bytes_.size() / PS_BLOCK_BYTES);
  }

  template <typename Item>
  void append(std::span<const Item> items) {
    const auto raw = std::as_bytes(items);
    bytes_.insert(bytes_.end(), raw.begin(), raw.end());
  }
  template <typename Item>
  void append(const std::vector<Item>& items) {
    append(std::span<const Item>(items));
  }
  template <typename Item>
  void append(const Item& item) {
    append(std::span<const Item>(&item, 1));
  }
  void pad_to(size_t multiple) {
    bytes_.resize((bytes_.size() + multiple - 1) / multiple * multiple);
  }
  void put_header(const ps_snapshot_header& header) {
    std::memcpy(bytes_.data(), &header, sizeof header);
  }
  uint64_t checksum() const noexcept { return XXH3_64bits(bytes_.data(), bytes_.size()); }
  void reserve(size_t bytes) { bytes_.reserve(bytes); }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

class StringTable {
 public:
  // Throws std::length_error beyond 4 GiB.
  ps_string add(std::string_view text) {
    if (bytes_.size() + text.size() > UINT32_MAX)
      throw std::length_error("the names and domains of all lists are more than 4 GiB");
    const ps_string place{static_cast<uint32_t>(bytes_.size()), static_cast<uint32_t>(text.size())};
    bytes_.insert(bytes_.end(), text.begin(), text.end());
    return place;
  }
  const std::vector<char>& bytes() const noexcept { return bytes_; }

 private:
  std::vector<char> bytes_;
};

class Assembler {
 public:
  explicit Assembler(const CompiledParts& parts) : parts_(parts) {
    uint32_t next = 0;
    for (const auto& list : parts.lists) {
      first_notes_.push_back(next);
      next += static_cast<uint32_t>(list.content.notes.all().size());
    }
  }

  std::vector<std::byte> assemble() {
    header_.magic = PS_SNAPSHOT_MAGIC;
    header_.version = PS_SNAPSHOT_VERSION;
    header_.header_bytes = sizeof header_;
    header_.generation = parts_.generation;
    header_.created = parts_.created;
    write_image();
    write_sections();
    header_.file_bytes = bytes_.size();
    bytes_.put_header(header_);
    header_.checksum = bytes_.checksum();
    bytes_.put_header(header_);
    return bytes_.take();
  }

 private:
  static uint32_t blocks_for(size_t bytes) noexcept {
    return static_cast<uint32_t>((bytes + PS_BLOCK_BYTES - 1) / PS_BLOCK_BYTES);
  }

  void write_image() {
    const auto& sets = parts_.services.sets;
    const auto& rows = parts_.matrix.rows;
    header_.service_set_count = static_cast<uint32_t>(sets.size());
    header_.policy_count = static_cast<uint32_t>(rows.size());
    header_.class_count = static_cast<uint32_t>(parts_.classes.members.size());

    constexpr uint32_t kHeaderBlocks = sizeof(ps_snapshot_header) / PS_BLOCK_BYTES;
    header_.source_v4_root = kHeaderBlocks;
    header_.source_v6_root = header_.source_v4_root + PS_ROOT_BLOCKS;
    header_.source_v6_bits = root_bits_for(parts_.classes.v6.segments.size());
    header_.service_sets = header_.source_v6_root;
    if (header_.source_v6_bits != 0)
      header_.service_sets += blocks_for(sizeof(uint32_t) << header_.source_v6_bits);
    header_.matrix = header_.service_sets + header_.service_set_count;
    header_.limit_count = static_cast<uint32_t>(parts_.matrix.limits.size());
    header_.features = parts_.matrix.features;
    const uint32_t cells = header_.policy_count * header_.class_count;
    header_.limits = header_.matrix + blocks_for(cells * sizeof(ps_verdict));
    uint32_t next = header_.limits + blocks_for(header_.limit_count * sizeof(ps_limit));
    if (!parts_.matrix.outbound.empty()) {
      header_.outbound = next;
      next += blocks_for(header_.class_count * sizeof(ps_outbound));
    }
    header_.texts = next;
    header_.text_count = static_cast<uint32_t>(parts_.texts.size());
    next += header_.text_count * PS_TEXT_BLOCKS;
    const auto vlans = vlan_zones(parts_.services.vlans);
    header_.vlans = vlans.empty() ? 0 : next;
    header_.vlan_count = static_cast<uint32_t>(vlans.size());
    next += header_.vlan_count * PS_VLAN_BLOCKS;
    std::vector<ps_zone> zones(parts_.services.zones.size());
    header_.zones = next;
    header_.zone_count = static_cast<uint32_t>(zones.size());
    next += blocks_for(zones.size() * sizeof(ps_zone));
    NodePool nodes(next);

    const auto root_v4 = build_digit_table(parts_.classes.v4.segments, nodes);
    const auto sources_v6 =
        build_rooted_table(parts_.classes.v6.segments, header_.source_v6_bits, nodes);
    header_.source_v6 = sources_v6.slot;
    for (size_t i = 0; i < zones.size(); i++) {
      const auto& zone = parts_.services.zones[i];
      zones[i] = {.service_v4 = build_key_table<KeyV4>(zone.segments_v4, nodes),
                  .service_v6 = build_key_table<KeyV6>(zone.segments_v6, nodes)};
    }
    header_.service_v4 = zones[0].service_v4;
    header_.service_v6 = zones[0].service_v6;

    // What is not millions of something fits into the one chunk, or makes it grow once.
    const size_t image = (size_t{next} + nodes.blocks().size()) * PS_BLOCK_BYTES + PS_CHUNK_BYTES;
    bytes_.reserve(image + PS_CHUNK_BYTES + parts_.classes.v4.entries.size() * sizeof(ps_entry_v4) +
                   parts_.classes.v6.entries.size() * sizeof(ps_entry_v6));
    bytes_.append(header_);
    bytes_.append(root_v4);
    bytes_.append(sources_v6.root);
    bytes_.append(sets);
    for (const auto& row : rows) bytes_.append(row);
    bytes_.pad_to(PS_BLOCK_BYTES);
    bytes_.append(parts_.matrix.limits);
    bytes_.pad_to(PS_BLOCK_BYTES);
    bytes_.append(parts_.matrix.outbound);
    bytes_.pad_to(PS_BLOCK_BYTES);
    bytes_.append(parts_.texts);
    bytes_.append(vlans);
    bytes_.append(zones);
    bytes_.pad_to(PS_BLOCK_BYTES);
    bytes_.append(nodes.blocks());
    bytes_.append(std::vector<ps_block>(1));  // what lies outside reads as this
    bytes_.pad_to(PS_CHUNK_BYTES);
    header_.engine_blocks = bytes_.next_block();
  }

  template <typename Write>
  void section(ps_section which, Write write) {
    bytes_.pad_to(8);
    const auto offset = bytes_.size();
    write();
    header_.sections[which] = {offset, bytes_.size() - offset};
  }

  void write_sections() {
    section(PS_SECTION_POLICY, [&] {
      std::vector<ps_policy_source> sources;
      for (const auto& source : parts_.policy.sources)
        sources.push_back({strings_.add(source.file), strings_.add(source.text)});
      bytes_.append(sources);
    });
    section(PS_SECTION_LISTS, [&] { bytes_.append(list_records()); });
    section(PS_SECTION_SUBLISTS, [&] { bytes_.append(sublist_records()); });
    section(PS_SECTION_NOTES, [&] { bytes_.append(note_records()); });
    section(PS_SECTION_CLASSES, [&] { bytes_.append(class_words()); });
    section(PS_SECTION_ENTRIES_V4, [&] { write_entries_v4(); });
    section(PS_SECTION_ENTRIES_V6, [&] { write_entries_v6(); });
    section(PS_SECTION_DOMAINS, [&] { bytes_.append(domain_records()); });
    section(PS_SECTION_ROWS, [&] { bytes_.append(parts_.matrix.row_of_service); });
    section(PS_SECTION_STRINGS, [&] { bytes_.append(strings_.bytes()); });
  }

  std::vector<ps_list_record> list_records() {
    std::vector<ps_list_record> records;
    for (size_t i = 0; i < parts_.lists.size(); i++) {
      const auto& list = parts_.lists[i];
      const auto& declaration = parts_.policy.lists[i];
      records.push_back({.name = strings_.add(declaration.name),
                         .file = strings_.add(list.report.file),
                         .format = strings_.add(list.report.format),
                         .category = strings_.add(declaration.category),
                         .contact = strings_.add(declaration.contact),
                         .modified_at = list.modified_at,
                         .expires_at = list.expires_at.value_or(PS_NEVER),
                         .changed_at = list.changed_at,
                         .content_hash = list.content_hash,
                         .reading_hash = list.reading_hash,
                         .entries = list.report.entries,
                         .skipped = list.report.skipped,
                         .first_note = first_notes_[i],
                         .note_count = static_cast<uint32_t>(list.content.notes.all().size()),
                         .weight = declaration.weight,
                         .overlap = static_cast<uint32_t>(list.content.overlap),
                         .flags = (list.report.expired ? PS_LIST_EXPIRED : 0) |
                                  (list.report.kept_previous ? PS_LIST_KEPT_PREVIOUS : 0),
                         .reserved = 0});
    }
    return records;
  }

  std::vector<ps_sublist_record> sublist_records() {
    std::vector<ps_sublist_record> records;
    for (const auto& sublist : parts_.classes.sublists)
      records.push_back({.category = strings_.add(sublist.category),
                         .expires_at = sublist.expires_at,
                         .list = sublist.list,
                         .map = sublist.map.value_or(PS_NO_MAP),
                         .weight = sublist.weight,
                         .is_protected = sublist.is_protected});
    return records;
  }

  std::vector<ps_note_record> note_records() {
    std::vector<ps_note_record> records;
    for (uint32_t list = 0; list < parts_.lists.size(); list++) {
      const auto& notes = parts_.lists[list].content.notes.all();
      for (size_t i = 0; i < notes.size(); i++) {
        const auto& note = notes[i];
        const auto& fate = parts_.classes.fates[list][i];
        records.push_back({.word = strings_.add(note.word),
                           .text = strings_.add(note.text),
                           .number = note.number.value_or(0),
                           .expires_at = note.expires_at,
                           .list = list,
                           .sublist = fate.sublist,
                           .flags = (note.excluded ? PS_NOTE_EXCLUDED : 0) |
                                    (note.number ? PS_NOTE_HAS_NUMBER : 0) |
                                    (note.specificity ? PS_NOTE_HAS_SPECIFICITY : 0) |
                                    (fate.kind == NoteFate::Kind::kIgnored ? PS_NOTE_IGNORED : 0),
                           .specificity = note.specificity.value_or(0)});
      }
    }
    return records;
  }

  std::vector<uint32_t> class_words() const {
    const auto& classes = parts_.classes.members;
    std::vector<uint32_t> words = {0};
    for (const auto& members : classes)
      words.push_back(words.back() + static_cast<uint32_t>(members.size()));
    for (const auto& members : classes)
      for (const uint32_t owner : members)
        words.push_back(owner == parts_.classes.protect_owner ? PS_CLASS_PROTECTED : owner);
    return words;
  }

  // Millions, so one after the other and not by way of a vector of them.
  void write_entries_v4() {
    for (const auto& entry : parts_.classes.v4.entries)
      bytes_.append(
          ps_entry_v4{entry.first, entry.last, entry.line, first_notes_[entry.list] + entry.note});
  }

  void write_entries_v6() {
    for (const auto& entry : parts_.classes.v6.entries) {
      ps_entry_v6 record;
      std::ranges::copy(address_of(entry.first).bytes(), record.first);
      std::ranges::copy(address_of(entry.last).bytes(), record.last);
      record.line = entry.line;
      record.note = first_notes_[entry.list] + entry.note;
      bytes_.append(record);
    }
  }

  std::vector<ps_domain_record> domain_records() {
    std::vector<ps_domain_record> records;
    for (uint32_t i = 0; i < parts_.lists.size(); i++) {
      std::vector<const DomainEntry*> sorted;
      for (const auto& entry : parts_.lists[i].content.domains) sorted.push_back(&entry);
      std::sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) {
        return std::tie(a->domain, a->line) < std::tie(b->domain, b->line);
      });
      for (const auto* entry : sorted)
        records.push_back({strings_.add(entry->domain), i, entry->line});
    }
    return records;
  }

  const CompiledParts& parts_;
  std::vector<uint32_t> first_notes_;  // per list: where its notes begin in the section
  ps_snapshot_header header_{};
  SnapshotBytes bytes_;
  StringTable strings_;
};

}  // namespace

std::vector<std::byte> assemble(const CompiledParts& parts) {
  return Assembler(parts).assemble();
}

}  // namespace postern
