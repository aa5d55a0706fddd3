/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
 *
 * What BPF_PROG_TEST_RUN times beside the engine's own program. It repeats one packet, so a table
 * would stay hot: here each run looks up an address drawn at random from a map of a million, and
 * `key` is the same without the look-up, to be subtracted. In sequence, they sum up what they find,
 * which the bench compares with what is right.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "rules/abi/lookup.h"
#include "xdp/bpf/rules_map.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define KEYS_LOG2 20u

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1u << KEYS_LOG2);
  __type(key, uint32_t);
  __type(value, uint32_t);
} keys SEC(".maps"); /* IPv4 addresses, in network order */

struct lpm_key {
  uint32_t length;
  uint32_t address;
};
struct {
  __uint(type, BPF_MAP_TYPE_LPM_TRIE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 1u << 21);
  __type(key, struct lpm_key);
  __type(value, uint32_t);
} lpm SEC(".maps");

struct {
  uint64_t sum;        /* of what was found */
  uint32_t sequential; /* 1: the keys in order, from `next` on */
  uint32_t next;
} bench;

PS_INLINE uint32_t draw(void) {
  uint32_t at = bench.sequential ? bench.next++ : bpf_get_prandom_u32();
  const uint32_t* key;
  at &= (1u << KEYS_LOG2) - 1;
  key = bpf_map_lookup_elem(&keys, &at);
  return key ? *key : 0;
}

SEC("xdp")
int bare(struct xdp_md* ctx) {
  (void)ctx;
  return XDP_DROP;
}

SEC("xdp")
int key(struct xdp_md* ctx) {
  (void)ctx;
  bench.sum += draw();
  return XDP_DROP;
}

SEC("xdp")
int table(struct xdp_md* ctx) {
  struct ps_address address = {};
  uint32_t slot = 0, drawn = draw();
  struct ps_image image = {bpf_map_lookup_elem(&rules, &slot), 0, 0};
  (void)ctx;
  __builtin_memcpy(address.bytes, &drawn, 4);
  bench.sum += ps_class_of(&image, PS_FAMILY_V4, &address) != 0;
  return XDP_DROP;
}

SEC("xdp")
int trie(struct xdp_md* ctx) {
  struct lpm_key wanted = {32, draw()};
  (void)ctx;
  bench.sum += bpf_map_lookup_elem(&lpm, &wanted) != 0;
  return XDP_DROP;
}
