// SPDX-License-Identifier: BSD-3-Clause
//
// The sections behind a snapshot's image (rules/abi/snapshot_format.h), which explain what the
// image only applies. Each begins at a multiple of 8 bytes. Numbers are in the byte order of the
// machine, addresses of IPv6 in network order.
//
// PS_SECTION_CLASSES is uint32_t first[class_count + 1], then uint32_t members[first[class_count]]:
// members[first[c]] up to members[first[c + 1]] are the sub-lists that class c is in, ascending,
// and PS_CLASS_PROTECTED last where a prefix protects it. Class 0 has none.
//
// PS_SECTION_NOTES has the notes of list 0, then those of list 1, and so on: an entry's note says
// which list it is of.
#pragma once

#include <cstdint>

namespace postern {

// Bytes of PS_SECTION_STRINGS.
struct ps_string {
  uint32_t offset;
  uint32_t bytes;
};

struct ps_policy_source {
  ps_string file, text;
};

inline constexpr uint32_t PS_LIST_EXPIRED = 1;        // when compiled; its entries are known
inline constexpr uint32_t PS_LIST_KEPT_PREVIOUS = 2;  // the file was refused; the last good one
inline constexpr int64_t PS_NEVER = INT64_MAX;

struct ps_list_record {
  ps_string name, file, format, category, contact;
  int64_t modified_at;    // Unix seconds
  int64_t expires_at;     // Unix seconds, or PS_NEVER
  int64_t changed_at;     // Unix seconds; when its content was last seen to be another
  uint64_t content_hash;  // XXH3-64 of the file as it was read, before it was unpacked
  uint64_t reading_hash;  // of all that the policy says about how to read it
  uint64_t entries;       // addresses and domains
  uint64_t skipped;       // bad lines
  uint32_t first_note, note_count;
  int32_t weight;
  uint32_t overlap;  // enum class Overlap
  uint32_t flags;    // PS_LIST_*
  uint32_t reserved;
};

inline constexpr uint32_t PS_NO_MAP = UINT32_MAX;

struct ps_sublist_record {
  ps_string category;
  int64_t expires_at;  // Unix seconds, or PS_NEVER
  uint32_t list;
  uint32_t map;  // index of the map of its list that made it, or PS_NO_MAP
  int32_t weight;
  uint32_t is_protected;  // 0 or 1
};

inline constexpr uint32_t PS_NOTE_EXCLUDED = 1;
inline constexpr uint32_t PS_NOTE_HAS_NUMBER = 2;
inline constexpr uint32_t PS_NOTE_HAS_SPECIFICITY = 4;
inline constexpr uint32_t PS_NOTE_IGNORED = 8;  // by a map: its entries are in no sub-list

struct ps_note_record {
  ps_string word, text;
  double number;
  int64_t expires_at;  // Unix seconds, or PS_NEVER
  uint32_t list;
  uint32_t sublist;  // 0 where excluded or ignored
  uint32_t flags;    // PS_NOTE_*
  uint32_t specificity;
};

inline constexpr uint32_t PS_CLASS_PROTECTED = UINT32_MAX;

struct ps_entry_v4 {
  uint32_t first, last;  // both included
  uint32_t line, note;
};

struct ps_entry_v6 {
  uint8_t first[16], last[16];
  uint32_t line, note;
};

struct ps_domain_record {
  ps_string domain;
  uint32_t list, line;
};

static_assert(sizeof(ps_policy_source) == 16);
static_assert(sizeof(ps_list_record) == 120);
static_assert(sizeof(ps_sublist_record) == 32);
static_assert(sizeof(ps_note_record) == 48);
static_assert(sizeof(ps_entry_v4) == 16);
static_assert(sizeof(ps_entry_v6) == 40);
static_assert(sizeof(ps_domain_record) == 16);

}  // namespace postern
