// SPDX-License-Identifier: BSD-3-Clause
//
// The sections behind a snapshot's image (rules/abi/snapshot_format.h), which explain what the
// image only applies. Each begins at a multiple of 8 bytes. Numbers are in the byte order of the
// machine, addresses of IPv6 in network order.
//
// PS_SECTION_CLASSES is uint32_t first[class_count + 1], then uint32_t members[first[class_count]]:
// members[first[c]] up to members[first[c + 1]] are the lists that class c is in, ascending, and
// PS_CLASS_PROTECTED last where the class is protected. Class 0 has none.
#pragma once

#include <cstdint>

namespace postern {

// Bytes of PS_SECTION_STRINGS.
struct ps_string {
  uint32_t offset;
  uint32_t bytes;
};

struct ps_policy_source {
  ps_string file;
  uint64_t text_bytes;  // follow this struct
};

inline constexpr uint32_t PS_LIST_EXPIRED = 1;        // its entries are in no class
inline constexpr uint32_t PS_LIST_KEPT_PREVIOUS = 2;  // the file was refused; the last good one
inline constexpr int64_t PS_NEVER = INT64_MAX;

struct ps_list_record {
  ps_string name, file, format, category, contact;
  int64_t modified_at;  // Unix seconds
  int64_t expires_at;   // Unix seconds, or PS_NEVER
  uint64_t entries;     // addresses and domains
  uint32_t flags;       // PS_LIST_*
  uint32_t reserved;
};

inline constexpr uint32_t PS_CLASS_PROTECTED = UINT32_MAX;

struct ps_entry_v4 {
  uint32_t first, last;  // both included
  uint32_t list, line;
};

struct ps_entry_v6 {
  uint8_t first[16], last[16];
  uint32_t list, line;
};

struct ps_domain_record {
  ps_string domain;
  uint32_t list, line;
};

static_assert(sizeof(ps_policy_source) == 16);
static_assert(sizeof(ps_list_record) == 72);
static_assert(sizeof(ps_entry_v4) == 16);
static_assert(sizeof(ps_entry_v6) == 40);
static_assert(sizeof(ps_domain_record) == 16);

}  // namespace postern
