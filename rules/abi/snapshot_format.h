/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
 *
 * The snapshot: what a policy and its lists compile to, byte for byte the same in the file, in the
 * engine's memory and in the BPF inner map. It is a row of 64-byte blocks, addressed by block
 * number. The first `engine_blocks` blocks are all that an engine needs (the *image*); behind them
 * lie the sections that explain a verdict (policy text, lists, entries), which engines never read.
 *
 *   block 0..4         struct ps_snapshot_header
 *
 *   source_v4_root     65,536 root entries: what an IPv4 source's first 16 bits lead to -> class
 *
 *   source_v6_root     2^source_v6_bits slots: what the bits behind the first three of an IPv6
 *                      source in 2000::/3 lead to -> class; absent with 0 bits
 *
 *   service_sets       one block each, numbered from 1 (set 0 is never read)
 *
 *   matrix             struct ps_verdict[policy_count][class_count], row by row
 *
 *   limits             struct ps_limit, numbered from 1 (number 0 is never read)
 *
 *   outbound           struct ps_outbound[class_count]; absent without outbound rules
 *
 *   texts              struct ps_text, numbered from 1 (number 0 is never read); the first ones are
 *                      those of enum ps_fixed_text
 *
 *   vlans              struct ps_vlan_zones, the first by the outer VLAN of a frame, the others
 *                      by the inner one -> number of a zone, 0 where the header's own slots count;
 *                      absent where no service names a VLAN
 *
 *   zones              struct ps_zone, numbered from 1 (number 0 is never read)
 *
 *   nodes              what the roots lead to, and the slots in the header and in zones: source_v6
 *                      for the IPv6 sources that the root does not cover, service_v4 and service_v6
 *                      for destinations -> number of a service set, 0 none
 *
 *   zeros              at least one block, which look-ups in bursts read for what lies outside
 *
 * All numbers are in the byte order of the machine that made the file (little-endian; a file of
 * the other order fails on its magic). Limits are below; a policy beyond one is refused by the
 * compiler. An index that points outside reads as 0: class none, which passes.
 */
#ifndef POSTERN_RULES_ABI_SNAPSHOT_FORMAT_H
#define POSTERN_RULES_ABI_SNAPSHOT_FORMAT_H

#include "rules/abi/verdict.h"

#define PS_SNAPSHOT_MAGIC 0x31534e5254534f50ull /* "POSTRNS1" read as little-endian */
#define PS_SNAPSHOT_VERSION 7u

#define PS_BLOCK_BYTES 64u
/* An image is handed to BPF in chunks of 2 MiB, one map element each: the largest element that
 * Debian 12's 6.1 kernel takes is 4 MiB. Images are padded to a whole number of chunks. */
#define PS_CHUNK_BLOCKS_LOG2 15u
#define PS_CHUNK_BLOCKS (1u << PS_CHUNK_BLOCKS_LOG2)
#define PS_CHUNK_BYTES (PS_CHUNK_BLOCKS * PS_BLOCK_BYTES)

#define PS_ROOT_ENTRIES 65536u
#define PS_ROOT_BLOCKS (PS_ROOT_ENTRIES * 8u / PS_BLOCK_BYTES)

#define PS_MAX_CLASSES 65535u
#define PS_MAX_POLICIES 64u
#define PS_MAX_SERVICE_SETS 65536u
#define PS_MAX_ZONES 65536u
#define PS_MAX_MATRIX_CELLS (1u << 20)
#define PS_MAX_RULES_PER_POLICY 1024u
#define PS_MAX_LISTS 1024u
#define PS_MAX_SUBLISTS 16384u
#define PS_MAX_LIMITS 255u
#define PS_MAX_TEXTS 16383u
#define PS_MAX_SIGNATURES 255u
#define PS_MAX_INCLUDES 256u
#define PS_MAX_BLOCKS (1u << 25) /* of an image: 2 GiB */

struct ps_block {
  uint32_t words[16];
} __attribute__((aligned(64)));

/* The tables. A slot says what becomes of what is left of an address: a value (a class, or a
 * service set), whatever it is, or *runs* of it in lines of one block each, sorted. A line holds
 * where its runs end, the *lasts*, and what each run leads to; run r is that of a key with exactly
 * r lasts below it (what is unused is all ones, and below nothing). One cache line thus answers for
 * up to 32 runs. Where one line is not enough, several follow each other, and separators (the lasts
 * of all of them but the last one) choose among them.
 *
 * IPv4 sources: the key is the second 16 bits of the address, its *digit*. A root entry holds up to
 * two separators; for more there is a block of them before the lines, where PS_SLOT_SEPARATED is
 * set. Where these are too few, the digit is split by four bits of it.
 *
 * IPv6 sources and all destinations: the key is 64 bits of the address, first the high ones; an
 * IPv4 address is the highest 32 bits of such a key. KEYS64 lines have whole lasts and lead to
 * slots, which are values or go on with the low 64 bits. Where 32 bits of the key are enough, lines
 * are KEYS32: those behind the bits that the root has taken, or the first. PS_SLOT_LEVELS says how
 * many levels of separators lie above the lines.
 *
 * A slot: PS_SLOT_SEPARATED, kind (3 bits), levels (3 bits), and a block below 2^25; or for
 * PS_SLOT_VALUE a value below 2^25, and nothing else.
 */
enum ps_slot_kind {
  PS_SLOT_VALUE,
  PS_SLOT_SPLIT12, /* 16 slots, by the highest four bits of the digit */
  PS_SLOT_SPLIT8,  /* 16 slots, by the next four; only below SPLIT12 */
  PS_SLOT_HIGH8,   /* struct ps_line_high8 */
  PS_SLOT_RUNS8,   /* struct ps_line_runs8 */
  PS_SLOT_RUNS16,  /* struct ps_line_runs16 */
  PS_SLOT_KEYS32,  /* struct ps_line_keys32, below struct ps_separators32 */
  PS_SLOT_KEYS64   /* struct ps_line_keys64, below struct ps_separators64 */
};
#define PS_SLOT_SEPARATED 0x80000000u
#define PS_SLOT_KIND_SHIFT 28u
#define PS_SLOT_KIND(slot) (((slot) >> PS_SLOT_KIND_SHIFT) & 7u)
#define PS_SLOT_LEVELS_SHIFT 25u
#define PS_SLOT_LEVELS(slot) (((slot) >> PS_SLOT_LEVELS_SHIFT) & 7u)
#define PS_MAX_LEVELS 7u
#define PS_SLOT_BLOCK(slot) ((slot) & (PS_MAX_BLOCKS - 1u))
#define PS_IS_VALUE(slot) ((slot) >> PS_SLOT_KIND_SHIFT == PS_SLOT_VALUE)

struct ps_root_entry {
  uint32_t slot;
  uint16_t separators[2]; /* all ones: unused */
};

/* Of a digit only the high byte: whole /24s. */
#define PS_HIGH8_RUNS 32u
struct ps_line_high8 {
  uint8_t lasts[PS_HIGH8_RUNS - 1];
  uint8_t reserved;
  uint8_t values[PS_HIGH8_RUNS];
} __attribute__((aligned(64)));

#define PS_RUNS8_RUNS 22u
struct ps_line_runs8 {
  uint16_t lasts[PS_RUNS8_RUNS - 1];
  uint8_t values[PS_RUNS8_RUNS];
} __attribute__((aligned(64)));

#define PS_RUNS16_RUNS 16u
struct ps_line_runs16 {
  uint16_t lasts[PS_RUNS16_RUNS - 1];
  uint16_t reserved;
  uint16_t values[PS_RUNS16_RUNS];
} __attribute__((aligned(64)));

#define PS_SEPARATORS 32u
struct ps_separators {
  uint16_t lasts[PS_SEPARATORS];
} __attribute__((aligned(64)));

#define PS_KEYS32_RUNS 11u
struct ps_line_keys32 {
  uint32_t lasts[PS_KEYS32_RUNS - 1];
  uint16_t values[PS_KEYS32_RUNS];
  uint16_t reserved;
} __attribute__((aligned(64)));

#define PS_KEYS64_RUNS 6u
struct ps_line_keys64 {
  uint64_t lasts[PS_KEYS64_RUNS - 1];
  uint32_t slots[PS_KEYS64_RUNS]; /* values, or what the low 64 bits go on with */
} __attribute__((aligned(64)));

/* Child r lies in block first + r: a line, or separators of the next level. */
#define PS_SEPARATORS32 15u
struct ps_separators32 {
  uint32_t lasts[PS_SEPARATORS32];
  uint32_t first;
} __attribute__((aligned(64)));

#define PS_SEPARATORS64 7u
struct ps_separators64 {
  uint64_t lasts[PS_SEPARATORS64];
  uint32_t reserved;
  uint32_t first;
} __attribute__((aligned(64)));

/* The bits that the root for IPv6 takes come behind these of 2000::/3, all that is allocated
 * (RFC 4291, section 2.4). */
#define PS_V6_ROOT_PREFIX 3u
#define PS_V6_ROOT_HIGH 1u
#define PS_MIN_V6_ROOT_BITS 4u
#define PS_MAX_V6_ROOT_BITS 24u

/* Which policies judge attempts to one destination address, by port. count <= 7 in use. */
#define PS_SERVICES_PER_SET 7u
struct ps_service {
  uint16_t port;     /* host order */
  uint16_t policy;   /* row of the matrix */
  uint16_t service;  /* number of the service in the policy file, from 0 */
  uint16_t greeting; /* of the text that a refused client is greeted with; the next: for HELO */
};
struct ps_service_set {
  uint32_t count;
  uint32_t reserved;
  struct ps_service services[PS_SERVICES_PER_SET];
} __attribute__((aligned(64)));

/* Per VLAN identifier a zone, or, in the first of these, which of those behind it has it by the
 * inner identifier. */
#define PS_VLANS 4096u
struct ps_vlan_zones {
  uint32_t zones[PS_VLANS];
} __attribute__((aligned(64)));
#define PS_VLAN_BLOCKS (PS_VLANS * 4u / PS_BLOCK_BYTES)
#define PS_VLAN_BY_INNER 0x80000000u

/* The services of some VLANs, for destinations as in the header: those that name one of them, and
 * those that name none. */
struct ps_zone {
  uint32_t service_v4; /* slots */
  uint32_t service_v6;
};

/* `limit N/time burst B else ...`, as the generic cell rate algorithm wants it (ITU-T I.371). Four
 * fill a block. */
struct ps_limit {
  uint64_t interval_ns; /* between attempts at the full rate: time / N, at least 1 */
  uint32_t burst;       /* attempts at once, at least 1; burst * interval_ns <= PS_LIMIT_HORIZON */
  uint8_t otherwise;    /* enum ps_action: DROP, RESET or REFUSE */
  uint8_t observe;      /* 1: what is over it is only counted */
  uint8_t reserved[2];
} __attribute__((aligned(16)));
/* 73 years: so far ahead a time fits into 64 bits beside any clock's. */
#define PS_LIMIT_HORIZON (1ull << 61)

/* What judges a source's attempts from the inside, per class of the source. */
struct ps_outbound {
  uint16_t port;   /* host order; 0: nothing judges them */
  uint16_t policy; /* row of the matrix, read at the class of the destination */
};

/* A line of SMTP that an engine says: parts of ASCII, and between them addresses that only the
 * packet knows. Part i is bytes[ends[i - 1]..ends[i]), the first from 0 on; behind part i comes the
 * address gaps[i]. Its parts are PS_TEXT_SHORTEST bytes at least, and with every address at its
 * longest it is at most PS_TEXT_LINE bytes, CR LF included. */
#define PS_TEXT_PARTS 4u
#define PS_TEXT_LINE 200u
#define PS_TEXT_SHORTEST 8u                               /* so that it is copied by whole words */
enum ps_text_gap { PS_TEXT_SOURCE, PS_TEXT_DESTINATION }; /* the latter as in "[IPv6:::1]" */
struct ps_text {
  uint8_t parts; /* 1 to PS_TEXT_PARTS */
  uint8_t ends[PS_TEXT_PARTS];
  uint8_t gaps[PS_TEXT_PARTS - 1];
  uint8_t bytes[248];
} __attribute__((aligned(64)));
#define PS_TEXT_BLOCKS 4u
#define PS_TEXT_LONGEST_SOURCE 39u      /* bytes of any IPv6 address */
#define PS_TEXT_LONGEST_DESTINATION 47u /* and of "[IPv6:" and "]" */
enum ps_fixed_text {
  PS_TEXT_NONE,
  PS_TEXT_BY_POLICY, /* refused, and no list says why */
  PS_TEXT_LEARNED,   /* refused by a dynamic entry */
  PS_TEXT_LIMITED,   /* over a limit; temporary */
  PS_TEXT_FIXED_COUNT
};

/* What a snapshot asks of an engine beyond looking up and passing, dropping or resetting attempts
 * by the matrix. An engine refuses a snapshot that asks for what it cannot do. */
#define PS_FEATURE_REFUSE 0x1u   /* an action refuse */
#define PS_FEATURE_LIMIT 0x2u    /* a limit */
#define PS_FEATURE_HARD 0x4u     /* PS_VERDICT_HARD */
#define PS_FEATURE_OUTBOUND 0x8u /* outbound rules */
/* Signatures. An engine that cannot look into payload leaves them to control, who applies them to
 * what gets there. */
#define PS_FEATURE_SIGNATURE 0x10u

/* Sections behind the image. Offsets are from the start of the file, in bytes. */
enum ps_section {
  PS_SECTION_POLICY,   /* struct ps_policy_source[], the policy file first, then what it includes */
  PS_SECTION_LISTS,    /* struct ps_list_record[], in the order of the policy */
  PS_SECTION_SUBLISTS, /* struct ps_sublist_record[]: what classes are sets of */
  PS_SECTION_NOTES,    /* struct ps_note_record[]: what entries say beyond their addresses */
  PS_SECTION_CLASSES,  /* per class (from 0): its sub-lists, see rules/snapshot/sections.h */
  PS_SECTION_ENTRIES_V4, /* struct ps_entry_v4[], sorted by first address */
  PS_SECTION_ENTRIES_V6, /* struct ps_entry_v6[], likewise */
  PS_SECTION_DOMAINS,    /* struct ps_domain_record[], sorted by list and domain */
  PS_SECTION_ROWS,       /* uint32_t per service of the policy: its row of the matrix */
  PS_SECTION_STRINGS,    /* bytes that the records point into */
  PS_SECTION_COUNT
};
struct ps_section_range {
  uint64_t offset;
  uint64_t bytes;
};

struct ps_snapshot_header {
  uint64_t magic;
  uint32_t version;
  uint32_t header_bytes; /* sizeof(struct ps_snapshot_header) */
  uint64_t checksum;     /* XXH3-64 of the whole file with this field 0 */
  uint64_t file_bytes;
  uint64_t generation;    /* taken from the clock of the compiler, in microseconds; grows */
  uint64_t created;       /* Unix seconds */
  uint32_t engine_blocks; /* a multiple of PS_CHUNK_BLOCKS */
  uint32_t source_v4_root;
  uint32_t source_v6_root;
  uint32_t source_v6_bits; /* 0, or PS_MIN_V6_ROOT_BITS to PS_MAX_V6_ROOT_BITS */
  uint32_t source_v6;      /* slots */
  uint32_t service_v4;
  uint32_t service_v6;
  uint32_t service_sets; /* block of set 0 */
  uint32_t service_set_count;
  uint32_t matrix; /* block of the first cell */
  uint32_t policy_count;
  uint32_t class_count;
  uint32_t limits;      /* block of limit 0 */
  uint32_t limit_count; /* with limit 0 */
  uint32_t outbound;    /* block of the first, 0: absent */
  uint32_t features;    /* PS_FEATURE_* */
  uint32_t texts;       /* block of text 0 */
  uint32_t text_count;  /* with text 0 */
  uint32_t vlans;       /* block of the first, 0: absent */
  uint32_t vlan_count;  /* with the first */
  uint32_t zones;       /* block of zone 0 */
  uint32_t zone_count;  /* with zone 0 */
  uint64_t reserved[3];
  struct ps_section_range sections[PS_SECTION_COUNT];
};

#ifdef __cplusplus
static_assert(sizeof(struct ps_block) == PS_BLOCK_BYTES);
static_assert(sizeof(struct ps_root_entry) == 8);
static_assert(sizeof(struct ps_line_high8) == PS_BLOCK_BYTES);
static_assert(sizeof(struct ps_line_runs8) == PS_BLOCK_BYTES);
static_assert(sizeof(struct ps_line_runs16) == PS_BLOCK_BYTES);
static_assert(sizeof(struct ps_separators) == PS_BLOCK_BYTES);
static_assert(sizeof(struct ps_line_keys32) == PS_BLOCK_BYTES);
static_assert(sizeof(struct ps_line_keys64) == PS_BLOCK_BYTES);
static_assert(sizeof(struct ps_separators32) == PS_BLOCK_BYTES);
static_assert(sizeof(struct ps_separators64) == PS_BLOCK_BYTES);
static_assert(sizeof(struct ps_service_set) == PS_BLOCK_BYTES);
static_assert(sizeof(struct ps_vlan_zones) == PS_VLAN_BLOCKS * PS_BLOCK_BYTES);
static_assert(sizeof(struct ps_zone) == 8);
static_assert(sizeof(struct ps_verdict) == 8);
static_assert(PS_SECTION_COUNT == 10);
static_assert(sizeof(struct ps_limit) == 16);
static_assert(sizeof(struct ps_text) == PS_TEXT_BLOCKS * PS_BLOCK_BYTES);
static_assert(sizeof(struct ps_snapshot_header) == 5 * PS_BLOCK_BYTES);
#endif

#endif
