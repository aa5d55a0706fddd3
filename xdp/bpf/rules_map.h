/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
 *
 * The map that holds the rules in force: one slot with one snapshot image, so that a swap is one
 * update. Included once by each program that looks up in it.
 */
#ifndef POSTERN_XDP_BPF_RULES_MAP_H
#define POSTERN_XDP_BPF_RULES_MAP_H

#include "rules/abi/counters.h"
#include "rules/abi/snapshot_format.h"

/* One snapshot image, a chunk an element, and behind it what each CPU has counted of each cell of
 * its matrix (struct ps_cell_count[CPUs][cells]), so that no attempt is counted by other rules than
 * it was judged by. The loader makes one for each snapshot, as large as it needs, fills it through
 * mmap, and puts it into the slot of `rules`. */
struct ps_image_map {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE | BPF_F_INNER_MAP);
  __uint(max_entries, 1);
  __uint(key_size, sizeof(uint32_t));
  __uint(value_size, PS_CHUNK_BYTES);
};

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
  __uint(max_entries, 1);
  __uint(key_size, sizeof(uint32_t));
  __array(values, struct ps_image_map);
} rules SEC(".maps");

#define PS_COUNTS_PER_CHUNK ((uint32_t)(PS_CHUNK_BYTES / sizeof(struct ps_cell_count)))

#endif
