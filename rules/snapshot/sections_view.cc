// SPDX-License-Identifier: BSD-3-Clause
//
// Giving the sections their types, and verifying them (rules/snapshot/sections_view.h).
#include "rules/snapshot/sections_view.h"

#include <algorithm>
#include <cstring>

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

Sections::Sections(std::span<const std::byte> bytes, const std::string& name)
    : bytes_(bytes), name_(name) {
  std::memcpy(&header_, bytes.data(), sizeof header_);
  const auto strings = section<char>(PS_SECTION_STRINGS);
  strings_ = {strings.data(), strings.size()};

  const auto policy = section<char>(PS_SECTION_POLICY);
  require(policy.size() >= sizeof(ps_policy_source), "the policy is missing");
  ps_policy_source source;
  std::memcpy(&source, policy.data(), sizeof source);
  require(source.text_bytes == policy.size() - sizeof source && is_within(source.file, strings_),
          "the policy is cut");
  policy_text_ = {policy.data() + sizeof source, source.text_bytes};
  policy_file_ = text_of(source.file);

  lists_ = section<ps_list_record>(PS_SECTION_LISTS);
  require(lists_.size() <= PS_MAX_LISTS, "there are too many lists");
  for (const auto& list : lists_) verify_strings(list);
  verify_classes(header_.class_count);

  const auto names_list = [&](const auto& record) { return record.list < lists_.size(); };
  entries_v4_ = section<ps_entry_v4>(PS_SECTION_ENTRIES_V4);
  require(std::ranges::all_of(entries_v4_,
                              [&](const auto& e) { return names_list(e) && e.first <= e.last; }),
          "an entry is wrong");
  entries_v6_ = section<ps_entry_v6>(PS_SECTION_ENTRIES_V6);
  require(std::ranges::all_of(entries_v6_,
                              [&](const auto& e) {
                                return names_list(e) &&
                                       std::memcmp(e.first, e.last, sizeof e.first) <= 0;
                              }),
          "an entry is wrong");
  domains_ = section<ps_domain_record>(PS_SECTION_DOMAINS);
  require(
      std::ranges::all_of(
          domains_, [&](const auto& d) { return names_list(d) && is_within(d.domain, strings_); }),
      "a domain is wrong");
  rows_ = section<uint32_t>(PS_SECTION_ROWS);
  require(std::ranges::all_of(rows_, [&](uint32_t row) { return row < header_.policy_count; }),
          "a service has a policy that there is not");
  verify_service_sets();
}

// That the engines' way to a service's policy and the policy file's way agree.
void Sections::verify_service_sets() const {
  const auto* sets = reinterpret_cast<const ps_service_set*>(
      bytes_.data() + size_t{header_.service_sets} * PS_BLOCK_BYTES);
  for (const auto& set : std::span(sets, header_.service_set_count))
    for (const auto& service : std::span(set.services, set.count))
      require(service.service < rows_.size() && rows_[service.service] == service.policy,
              "a service set has a service that there is not");
}

void Sections::verify_strings(const ps_list_record& list) const {
  for (const auto& place : {list.name, list.file, list.format, list.category, list.contact})
    require(is_within(place, strings_), "a list has a name outside the strings");
}

void Sections::verify_classes(uint32_t class_count) {
  const auto words = section<uint32_t>(PS_SECTION_CLASSES);
  require(words.size() > class_count, "the classes are cut");
  class_first_ = words.first(class_count + size_t{1});
  class_members_ = words.subspan(class_first_.size());
  require(class_first_.front() == 0 && class_first_.back() == class_members_.size() &&
              std::ranges::is_sorted(class_first_),
          "the classes do not add up");
  require(members_of(0).empty(), "class 0 is in a list");
  for (uint32_t i = 0; i < class_count; i++) {
    const auto members = members_of(i);
    // Ascending, so that protection, whose number is the largest, can only be last.
    require(std::ranges::adjacent_find(members, std::greater_equal<>()) == members.end(),
            "a class is wrong");
    require(std::ranges::all_of(
                members,
                [&](uint32_t list) { return list < lists_.size() || list == PS_CLASS_PROTECTED; }),
            "a class is in a list that there is not");
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
