/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
 *
 * The snapshot: what a policy and its lists compile to, byte for byte the same in the file, in the
 * engine's memory and in the BPF inner map. It is a row of 64-byte blocks, addressed by block
 * number. The first `engine_blocks` blocks are all that an engine needs (the *image*); behind them
 * lie the sections that explain a verdict (policy text, lists, entries), which engines never read.
 *
 *   block 0..4         struct ps_snapshot_header
 *   source_v4_root     65,536 root entries: what a source's first 16 bits lead to -> class
 *   source_v6_root     the same for IPv6
 *   service_sets       one block each, numbered from 1 (set 0 is never read)
 *   matrix             struct ps_verdict[policy_count][class_count], row by row
 *   limits             struct ps_limit, numbered from 1 (number 0 is never read)
 *   outbound           struct ps_outbound[class_count]; absent without outbound rules
 *   nodes              what the roots lead to, and the slots in the header by which destinations
 *                      are looked up (service_v4, service_v6 -> number of a service set, 0 none)
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
#define PS_SNAPSHOT_VERSION 3u

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
#define PS_MAX_SERVICE_SETS 4096u
#define PS_MAX_MATRIX_CELLS (1u << 20)
#define PS_MAX_RULES_PER_POLICY 1024u
#define PS_MAX_LISTS 1024u
#define PS_MAX_SUBLISTS 16384u
#define PS_MAX_LIMITS 255u
#define PS_MAX_INCLUDES 256u
#define PS_MAX_BLOCKS (1u << 25) /* of an image: 2 GiB */

struct ps_block {
  uint32_t words[16];
} __attribute__((aligned(64)));

/* The tables. An address is taken 16 bits at a time, a *digit*. A slot says what becomes of a
 * digit: a value (a class, or a service set) whatever the digit is, or *runs* of digits in lines of
 * one block each, sorted. A line holds the last digit of each of its runs and what each run leads
 * to; run r is that of a digit with exactly r lasts below it (what is unused is all ones, and below
 * nothing). One cache line thus answers for dozens of entries. Where one line is not enough,
 * several follow each other, and separators (the last digit of each line but the last one) choose
 * among them: up to two in a root entry, else in a block before the lines, where
 * PS_SLOT_SEPARATED is set. Where these are too few, the digit is split by four bits of it.
 *
 * A slot: PS_SLOT_SEPARATED, kind (3 bits), and a block, or for PS_SLOT_VALUE a value, below 2^25.
 */
enum ps_slot_kind {
  PS_SLOT_VALUE,
  PS_SLOT_SPLIT12, /* 16 slots, by the highest four bits of the digit */
  PS_SLOT_SPLIT8,  /* 16 slots, by the next four; only below SPLIT12 */
  PS_SLOT_HIGH8,   /* struct ps_line_high8 */
  PS_SLOT_RUNS8,   /* struct ps_line_runs8 */
  PS_SLOT_RUNS16,  /* struct ps_line_runs16 */
  PS_SLOT_RUNS32   /* struct ps_line_runs32: leads on to the next digit */
};
#define PS_SLOT_SEPARATED 0x80000000u
#define PS_SLOT_KIND_SHIFT 28u
#define PS_SLOT_KIND(slot) (((slot) >> PS_SLOT_KIND_SHIFT) & 7u)
#define PS_SLOT_BLOCK(slot) ((slot) & (PS_MAX_BLOCKS - 1u))

struct ps_root_entry {
  uint32_t slot;
  uint16_t separators[2]; /* all ones: unused */
};

/* Of a digit only the high byte: whole /24s, in IPv4. */
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

#define PS_RUNS32_RUNS 11u
struct ps_line_runs32 {
  uint16_t lasts[PS_RUNS32_RUNS - 1];
  uint32_t slots[PS_RUNS32_RUNS]; /* values, or what the next digit goes on with */
} __attribute__((aligned(64)));

#define PS_SEPARATORS 32u
struct ps_separators {
  uint16_t lasts[PS_SEPARATORS];
} __attribute__((aligned(64)));

/* Which policies judge attempts to one destination address, by port. count <= 7 in use. */
#define PS_SERVICES_PER_SET 7u
struct ps_service {
  uint16_t port;    /* host order */
  uint16_t policy;  /* row of the matrix */
  uint16_t service; /* number of the service in the policy file, from 0 */
  uint16_t reserved;
};
struct ps_service_set {
  uint32_t count;
  uint32_t reserved;
  struct ps_service services[PS_SERVICES_PER_SET];
} __attribute__((aligned(64)));

/* `limit N/time burst B else ...`, as the generic cell rate algorithm wants it (ITU-T I.371). Four
 * fill a block. */
struct ps_limit {
  uint64_t interval_ns; /* between attempts at the full rate: time / N, at least 1 */
  uint32_t burst;       /* attempts at once, at least 1 */
  uint8_t otherwise;    /* enum ps_action: DROP, RESET or REFUSE */
  uint8_t observe;      /* 1: what is over it is only counted */
  uint8_t reserved[2];
} __attribute__((aligned(16)));

/* What judges a source's attempts from the inside, per class of the source. */
struct ps_outbound {
  uint16_t port;   /* host order; 0: nothing judges them */
  uint16_t policy; /* row of the matrix, read at the class of the destination */
};

/* What a snapshot asks of an engine beyond looking up and passing, dropping or resetting attempts
 * by the matrix. An engine refuses a snapshot that asks for what it cannot do. */
#define PS_FEATURE_REFUSE 0x1u   /* an action refuse */
#define PS_FEATURE_LIMIT 0x2u    /* a limit */
#define PS_FEATURE_HARD 0x4u     /* PS_VERDICT_HARD */
#define PS_FEATURE_OUTBOUND 0x8u /* outbound rules */

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
  uint32_t service_v4; /* slots */
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
  uint64_t reserved[7];
  struct ps_section_range sections[PS_SECTION_COUNT];
};

#ifdef __cplusplus
static_assert(sizeof(struct ps_block) == PS_BLOCK_BYTES);
static_assert(sizeof(struct ps_root_entry) == 8);
static_assert(sizeof(struct ps_line_high8) == PS_BLOCK_BYTES);
static_assert(sizeof(struct ps_line_runs8) == PS_BLOCK_BYTES);
static_assert(sizeof(struct ps_line_runs16) == PS_BLOCK_BYTES);
static_assert(sizeof(struct ps_line_runs32) == PS_BLOCK_BYTES);
static_assert(sizeof(struct ps_separators) == PS_BLOCK_BYTES);
static_assert(sizeof(struct ps_service_set) == PS_BLOCK_BYTES);
static_assert(sizeof(struct ps_verdict) == 8);
static_assert(PS_SECTION_COUNT == 10);
static_assert(sizeof(struct ps_limit) == 16);
static_assert(sizeof(struct ps_snapshot_header) == 5 * PS_BLOCK_BYTES);
#endif

#endif
