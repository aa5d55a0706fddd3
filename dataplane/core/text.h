/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
 *
 * A line of SMTP as it is sent: a text of the snapshot (struct ps_text) with the addresses of the
 * packet in its gaps. Parts are copied by whole words, over the end: what is behind a part is
 * written over by what comes next, and zeros are behind the last one.
 */
#ifndef POSTERN_DATAPLANE_CORE_TEXT_H
#define POSTERN_DATAPLANE_CORE_TEXT_H

#include "dataplane/core/address_text.h"
#include "dataplane/core/parse.h"
#include "rules/abi/lookup.h"

#ifdef __bpf__
#define PS_LOAD64(p) (*(const uint64_t*)(p))
#define PS_STORE64(p, value) (*(uint64_t*)(p) = (value))
#else
PS_INLINE uint64_t ps_load64(const uint8_t* at) {
  uint64_t word;
  __builtin_memcpy(&word, at, 8);
  return word;
}
#define PS_LOAD64(p) ps_load64(p)
#define PS_STORE64(p, value)            \
  do {                                  \
    uint64_t stored_ = (value);         \
    __builtin_memcpy((p), &stored_, 8); \
  } while (0)
#endif

#define PS_LINE_WORDS (PS_TEXT_LINE / 8u)

/* Where a line is made. Larger than the line, as parts are copied from anywhere below 256 to
 * anywhere below 256 without looking at their ends. Too large for the stack of a BPF program. */
struct ps_line {
  struct ps_text text;                 /* as in the snapshot */
  uint8_t behind[256];                 /* what copying a part may read */
  struct ps_address_text addresses[2]; /* by enum ps_text_gap */
  uint8_t bytes[512];                  /* the line; zeros from length to PS_TEXT_LINE */
  uint32_t length;                     /* 0, or PS_TEXT_SHORTEST to PS_TEXT_LINE */
};

/* Copies text `number` of the snapshot: 1, or 0 when there is none of that number. */
PS_INLINE int ps_line_fetch(struct ps_image* image, uint32_t number, struct ps_line* line) {
  const struct ps_snapshot_header* header = ps_image_header(image);
  uint32_t i, first;
  if (!header || number == 0 || number >= header->text_count) return 0;
  first = header->texts + number * PS_TEXT_BLOCKS;
  for (i = 0; i < PS_TEXT_BLOCKS; i++) {
    const struct ps_block* block = ps_block_at(image, first + i);
    if (!block) return 0;
    ((struct ps_block*)&line->text)[i] = *block;
  }
  return 1;
}

/* `bytes` from `from` to the end of the line: always `words` of 8, a constant, as what is copied
 * too much is written over by what comes next, and a loop that ends early is a way of its own to
 * the kernel's verifier. So is the way by which a length came about: they are kept in memory. */
PS_INLINE void ps_line_append(struct ps_line* line, const uint8_t* from, uint32_t bytes,
                              uint32_t words) {
  uint32_t i, at = PS_READ_ONCE(line->length) & 255u;
  line->length = at + bytes;
#ifdef __bpf__
#pragma clang loop unroll(full)
#endif
  for (i = 0; i < words; i++) PS_STORE64(&line->bytes[at + i * 8u], PS_LOAD64(from + i * 8u));
}

PS_INLINE void ps_line_clear(uint8_t* bytes) {
  uint32_t i;
#ifdef __bpf__
#pragma clang loop unroll(full)
#endif
  for (i = 0; i < PS_LINE_WORDS; i++) PS_STORE64(bytes + i * 8u, 0);
}

/* Makes the line of the text that was fetched, for the packet that is answered. A text whose parts
 * lie (no compiler of ours makes one, and none gets past the check of a snapshot) gives a line that
 * is wrong, and no longer. */
PS_INLINE void ps_line_make(struct ps_line* line, const struct ps_packet* packet) {
  const uint8_t* text = line->text.bytes;
  uint32_t parts = line->text.parts, i;
  line->addresses[PS_TEXT_SOURCE].length = line->addresses[PS_TEXT_DESTINATION].length = 0;
  if (parts > 1) {
    ps_put_address(&line->addresses[PS_TEXT_SOURCE], packet->family, &packet->source);
    ps_put_literal(&line->addresses[PS_TEXT_DESTINATION], packet->family, &packet->destination);
  }
  line->length = 0;
#ifdef __bpf__
#pragma clang loop unroll(full)
#endif
  for (i = 0; i < PS_TEXT_PARTS; i++) {
    uint32_t begin = i ? PS_READ_ONCE(line->text.ends[i - 1]) : 0u;
    if (i >= parts) break;
    ps_line_append(line, text + begin, (PS_READ_ONCE(line->text.ends[i]) - begin) & 255u,
                   PS_LINE_WORDS);
    if (i + 1u < parts && i + 1u < PS_TEXT_PARTS) {
      const struct ps_address_text* address = &line->addresses[line->text.gaps[i] & 1u];
      ps_line_append(line, address->bytes, address->length & (PS_ADDRESS_TEXT_ROOM - 1),
                     PS_ADDRESS_TEXT_ROOM / 8u);
    }
  }
  if (PS_READ_ONCE(line->length) > PS_TEXT_LINE) line->length = PS_TEXT_LINE;
  i = PS_READ_ONCE(line->length) & 255u;
  ps_line_clear(&line->bytes[i]);
}

#endif
