// SPDX-License-Identifier: BSD-3-Clause
//
// Sections: the explaining part of a snapshot file with its types (rules/snapshot/sections.h), over
// bytes that someone else keeps. It exists only if every record is whole and every index in it is
// within bounds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "rules/abi/snapshot_format.h"
#include "rules/snapshot/sections.h"
#include "rules/snapshot/verify.h"

namespace postern {

class Sections {
 public:
  // bytes: the whole file, whose image has been verified as far. Throws BadInput for `name`.
  Sections(std::span<const std::byte> bytes, const std::string& name, Verified verified);

  std::span<const ps_policy_source> policy_sources() const noexcept { return policy_sources_; }
  std::span<const ps_list_record> lists() const noexcept { return lists_; }
  std::span<const ps_sublist_record> sublists() const noexcept { return sublists_; }
  std::span<const ps_note_record> notes() const noexcept { return notes_; }
  // By number; verified now. Throws BadInput.
  const ps_note_record& note(uint32_t number) const;
  std::span<const ps_entry_v4> entries_v4() const noexcept { return entries_v4_; }
  std::span<const ps_entry_v6> entries_v6() const noexcept { return entries_v6_; }
  std::span<const ps_domain_record> domains() const noexcept { return domains_; }
  std::span<const uint32_t> rows() const noexcept { return rows_; }
  // The sub-lists of a class, PS_CLASS_PROTECTED last; empty where there is no such class.
  std::span<const uint32_t> members_of(uint32_t address_class) const noexcept;
  std::string_view text_of(const ps_string& place) const noexcept;
  // Throws BadInput saying that the snapshot is damaged, and how.
  void require(bool holds, const char* what) const;

 private:
  bool is_sound(const ps_note_record& note) const noexcept;
  template <typename Item>
  std::span<const Item> section(ps_section which) const;
  void verify_policy();
  void verify_lists();
  void verify_notes() const;
  void verify_entries() const;
  void verify_classes(uint32_t class_count);
  void verify_service_sets() const;

  std::span<const std::byte> bytes_;
  std::string name_;
  ps_snapshot_header header_;
  std::string_view strings_;
  std::span<const ps_policy_source> policy_sources_;
  std::span<const ps_list_record> lists_;
  std::span<const ps_sublist_record> sublists_;
  std::span<const ps_note_record> notes_;
  std::span<const uint32_t> class_first_, class_members_;
  std::span<const ps_entry_v4> entries_v4_;
  std::span<const ps_entry_v6> entries_v6_;
  std::span<const ps_domain_record> domains_;
  std::span<const uint32_t> rows_;
};

}  // namespace postern
