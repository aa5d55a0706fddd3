/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
 *
 * The packet engine as one XDP program, attached to every port. It judges a frame with the core
 * (the same source as the DPDK engine's), counts its reason, and acts: pass it to the other port
 * (wire) or to the kernel (host), drop it, or turn it into a reset and send it back. It reads maps
 * and writes only counters; what is in the maps is the loader's business (xdp/loader).
 *
 * Made for clang 14 and kernel 6.1 and later: no kfuncs, no open-coded iterators, loops with
 * constant bounds, helpers that 6.1 has.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "dataplane/core/judge.h"
#include "xdp/bpf/config.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct ps_xdp_config config;

/* One snapshot image, a chunk an element. The loader makes one for each snapshot, as large as it
 * needs, fills it through mmap, and puts it into the slot of `rules`. */
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

/* dataplane/core/dynamic.h: the header, then buckets; max_entries is set by the loader. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 2);
  __type(key, uint32_t);
  __type(value, struct ps_dynamic_bucket);
} dynamic SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, uint32_t);
  __type(value, struct ps_counters);
} counters SEC(".maps");

/* Where a frame that passes leaves, by the port it arrived on. */
struct {
  __uint(type, BPF_MAP_TYPE_DEVMAP);
  __uint(max_entries, PS_PORT_COUNT);
  __uint(key_size, sizeof(uint32_t));
  __uint(value_size, sizeof(uint32_t));
} egress SEC(".maps");

/* Both ends as 64-bit pointers from the start, which is what the verifier follows. */
PS_INLINE uint8_t* begin_of(struct xdp_md* ctx) {
  return (uint8_t*)(long)ctx->data;
}
PS_INLINE uint8_t* end_of(struct xdp_md* ctx) {
  return (uint8_t*)(long)ctx->data_end;
}

/* Judging and replying are functions of their own to the kernel's verifier, which then follows each
 * once, instead of the second along every way out of the first. The reason, and the action in the
 * bits above it. */
#define VERDICT(verdict) ((uint32_t)(verdict).action << 8 | (verdict).reason)

__attribute__((noinline)) uint32_t postern_judge(struct xdp_md* ctx, uint32_t port,
                                                 struct ps_packet* packet) {
  struct ps_dynamic table = {&dynamic};
  struct ps_service service = {};
  struct ps_verdict verdict;
  enum ps_reason reason;
  uint64_t now_ns = 0;
  uint32_t slot = 0;
  struct ps_image image = {bpf_map_lookup_elem(&rules, &slot), 0, 0};
  if (!packet) return 0;
  reason = ps_screen(&image, port, begin_of(ctx), end_of(ctx), packet, &service);
  if (reason == PS_UNDECIDED) {
    if (ps_dynamic_in_use(&table)) now_ns = config.test_now_ns ?: bpf_ktime_get_ns();
    verdict = ps_decide(&image, &table, packet, &service, now_ns);
  } else {
    verdict = ps_verdict_because(reason);
  }
  return VERDICT(verdict);
}

/* Turns the frame into its reply: 1, or 0 when it could not. */
__attribute__((noinline)) int postern_reset(struct xdp_md* ctx, const struct ps_packet* packet) {
  int32_t bytes = (int32_t)(end_of(ctx) - begin_of(ctx));
  if (!packet || bpf_xdp_adjust_tail(ctx, (int32_t)ps_reset_bytes(packet) - bytes)) return 0;
  return ps_reset_write(begin_of(ctx), end_of(ctx), packet);
}

/* What the kernel shall do with the frame; *reason changes where the verdict cannot be carried out.
 */
PS_INLINE int act(struct xdp_md* ctx, uint32_t action, uint32_t port,
                  const struct ps_packet* packet, uint32_t* reason) {
  if (action == PS_ACTION_DROP) return XDP_DROP;
  if (action == PS_ACTION_RESET) {
    if (postern_reset(ctx, packet)) return XDP_TX;
    *reason = PS_REASON_NO_REPLY_ROOM;
    return XDP_DROP;
  }
  if (config.topology == PS_TOPOLOGY_HOST) return XDP_PASS;
  /* Whether the other port has gone is known here; whether its queue is full is not. */
  if (bpf_redirect_map(&egress, port, XDP_DROP) == XDP_REDIRECT) return XDP_REDIRECT;
  *reason = PS_REASON_EGRESS_FULL;
  return XDP_DROP;
}

SEC("xdp")
int postern(struct xdp_md* ctx) {
  uint32_t port = ctx->ingress_ifindex == config.mx_ifindex ? PS_PORT_MX : PS_PORT_WAN;
  uint32_t bytes = (uint32_t)(end_of(ctx) - begin_of(ctx)), slot = 0;
  struct ps_counters* count = bpf_map_lookup_elem(&counters, &slot);
  struct ps_packet packet = {};
  uint32_t verdict = postern_judge(ctx, port, &packet), reason = verdict & 0xffu;
  int result = act(ctx, verdict >> 8, port, &packet, &reason);
  if (count) {
    /* The loader verified every cell of the matrix; the check is for the kernel's verifier, and
     * the barrier makes clang index with the very register that was checked. */
    asm volatile("" : "+r"(reason));
    if (reason >= PS_REASON_COUNT) reason = PS_REASON_NO_RULE;
    count->packets[port][reason]++;
    count->bytes[port] += bytes;
  }
  return result;
}
