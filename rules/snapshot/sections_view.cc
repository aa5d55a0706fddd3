// SPDX-License-Identifier: BSD-3-Clause
//
// Giving the sections their types, and verifying them (rules/snapshot/sections_view.h).
#include "rules/snapshot/sections_view.h"

#include <algorithm>
#include <cstring>

#include "rules/lists/list_content.h"
#include "rules/text/diagnostic.h"

namespace postern {
namespace {

bool is_within(const ps_string& place, std::string_view strings) noexcept {
  return place.offset <= strings.size() && place.bytes <= strings.size() - place.offset;
}

}  // namespace

void Sections::require(bool holds, const char* what) const {
  if (!holds)
    throw BadInput(
        Diagnostic{.file = name_, .message = std::string("is a damaged snapshot: ") + what});
}

template <typename Item>
std::span<const Item> Sections::section(ps_section which) const {
  const auto [offset, bytes] = header_.sections[which];
  const uint64_t image_bytes = uint64_t{header_.engine_blocks} * PS_BLOCK_BYTES;
  require(offset >= image_bytes && offset <= bytes_.size() && bytes <= bytes_.size() - offset &&
              offset % 8 == 0 && bytes % sizeof(Item) == 0,
          "a section lies outside the file");
  return {reinterpret_cast<const Item*>(bytes_.data() + offset), bytes / sizeof(Item)};
}

Sections::Sections(std::span<const std::byte> bytes, const std::string& name, Verified verified)
    : bytes_(bytes), name_(name) {
  std::memcpy(&header_, bytes.data(), sizeof header_);
  const auto strings = section<char>(PS_SECTION_STRINGS);
  strings_ = {strings.data(), strings.size()};

  verify_policy();
  verify_lists();
  verify_classes(header_.class_count);
  notes_ = section<ps_note_record>(PS_SECTION_NOTES);
  entries_v4_ = section<ps_entry_v4>(PS_SECTION_ENTRIES_V4);
  entries_v6_ = section<ps_entry_v6>(PS_SECTION_ENTRIES_V6);
  domains_ = section<ps_domain_record>(PS_SECTION_DOMAINS);
  if (verified == Verified::kWhole) {
    verify_notes();
    verify_entries();
  }
  rows_ = section<uint32_t>(PS_SECTION_ROWS);
  require(std::ranges::all_of(rows_, [&](uint32_t row) { return row < header_.policy_count; }),
          "a service has a policy that there is not");
  verify_service_sets();
}

void Sections::verify_policy() {
  policy_sources_ = section<ps_policy_source>(PS_SECTION_POLICY);
  require(!policy_sources_.empty() && policy_sources_.size() <= PS_MAX_INCLUDES + 1,
          "the policy is missing");
  for (const auto& source : policy_sources_)
    require(is_within(source.file, strings_) && is_within(source.text, strings_),
            "the policy is cut");
}

void Sections::verify_lists() {
  lists_ = section<ps_list_record>(PS_SECTION_LISTS);
  require(lists_.size() <= PS_MAX_LISTS, "there are too many lists");
  for (const auto& list : lists_) {
    for (const auto& place : {list.name, list.file, list.format, list.category, list.contact})
      require(is_within(place, strings_), "a list has a name outside the strings");
    require(list.overlap <= static_cast<uint32_t>(Overlap::kFirst), "a list is of no known kind");
  }
  sublists_ = section<ps_sublist_record>(PS_SECTION_SUBLISTS);
  require(sublists_.size() <= PS_MAX_SUBLISTS, "there are too many sub-lists");
  for (const auto& sublist : sublists_)
    require(sublist.list < lists_.size() && is_within(sublist.category, strings_) &&
                sublist.is_protected <= 1,
            "a sub-list is wrong");
}

bool Sections::is_sound(const ps_note_record& note) const noexcept {
  const bool listed = (note.flags & (PS_NOTE_EXCLUDED | PS_NOTE_IGNORED)) == 0;
  return note.list < lists_.size() && is_within(note.word, strings_) &&
         is_within(note.text, strings_) && note.specificity <= 128 &&
         (!listed ||
          (note.sublist < sublists_.size() && sublists_[note.sublist].list == note.list));
}

const ps_note_record& Sections::note(uint32_t number) const {
  require(number < notes_.size() && is_sound(notes_[number]), "a note is wrong");
  return notes_[number];
}

// The notes of the lists follow one another, and every list has at least one.
void Sections::verify_notes() const {
  uint64_t next = 0;
  for (uint32_t list = 0; list < lists_.size(); list++) {
    const auto& record = lists_[list];
    require(record.first_note == next && record.note_count >= 1 &&
                record.note_count <= notes_.size() - next,
            "the notes do not add up");
    for (const auto& note : notes_.subspan(next, record.note_count))
      require(note.list == list && is_sound(note), "a note is wrong");
    next += record.note_count;
  }
  require(next == notes_.size(), "the notes do not add up");
}

void Sections::verify_entries() const {
  require(
      std::ranges::all_of(
          entries_v4_, [&](const auto& e) { return e.note < notes_.size() && e.first <= e.last; }),
      "an entry is wrong");
  require(std::ranges::all_of(entries_v6_,
                              [&](const auto& e) {
                                return e.note < notes_.size() &&
                                       std::memcmp(e.first, e.last, sizeof e.first) <= 0;
                              }),
          "an entry is wrong");
  require(std::ranges::is_sorted(entries_v4_, {}, &ps_entry_v4::first) &&
              std::ranges::is_sorted(entries_v6_,
                                     [](const auto& a, const auto& b) {
                                       return std::memcmp(a.first, b.first, sizeof a.first) < 0;
                                     }),
          "the entries are out of order");
  require(std::ranges::all_of(domains_,
                              [&](const auto& d) {
                                return d.list < lists_.size() && is_within(d.domain, strings_);
                              }),
          "a domain is wrong");
}

// That the engines' way to a service's policy and the policy file's way agree.
void Sections::verify_service_sets() const {
  const auto* sets = reinterpret_cast<const ps_service_set*>(
      bytes_.data() + size_t{header_.service_sets} * PS_BLOCK_BYTES);
  for (const auto& set : std::span(sets, header_.service_set_count)) {
    require(set.count <= PS_SERVICES_PER_SET, "a service set has too many services");
    for (const auto& service : std::span(set.services, set.count))
      require(service.service < rows_.size() && rows_[service.service] == service.policy,
              "a service set has a service that there is not");
  }
}

void Sections::verify_classes(uint32_t class_count) {
  const auto words = section<uint32_t>(PS_SECTION_CLASSES);
  require(words.size() > class_count, "the classes are cut");
  class_first_ = words.first(class_count + size_t{1});
  class_members_ = words.subspan(class_first_.size());
  require(class_first_.front() == 0 && class_first_.back() == class_members_.size() &&
              std::ranges::is_sorted(class_first_),
          "the classes do not add up");
  require(members_of(0).empty(), "class 0 is in a sub-list");
  for (uint32_t i = 0; i < class_count; i++) {
    const auto members = members_of(i);
    // Ascending, so that protection, whose number is the largest, can only be last.
    require(std::ranges::adjacent_find(members, std::greater_equal<>()) == members.end(),
            "a class is wrong");
    require(std::ranges::all_of(members,
                                [&](uint32_t member) {
                                  return member < sublists_.size() || member == PS_CLASS_PROTECTED;
                                }),
            "a class is in a sub-list that there is not");
  }
}

std::span<const uint32_t> Sections::members_of(uint32_t address_class) const noexcept {
  if (address_class + size_t{1} >= class_first_.size()) return {};
  const auto first = class_first_[address_class];
  return class_members_.subspan(first, class_first_[address_class + 1] - first);
}

std::string_view Sections::text_of(const ps_string& place) const noexcept {
  return strings_.substr(place.offset, place.bytes);
}

}  // namespace postern
