/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
 *
 * The packet engine as one XDP program, attached to every port. It judges a frame with the core
 * (the same source as the DPDK engine's), counts its reason, and acts: pass it to the other port
 * (wire) or to the kernel (host), drop it, or turn it into its reply and send it back. It reads
 * maps and writes only counters, limits, and what a CPU has to itself; what else is in the maps is
 * the loader's business (xdp/loader).
 *
 * Made for clang 14 and kernel 6.1 and later: no kfuncs, no open-coded iterators, loops with
 * constant bounds, helpers that 6.1 has.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "dataplane/core/budget.h"
#include "dataplane/core/intact.h"
#include "dataplane/core/judge.h"
#include "dataplane/core/sample.h"
#include "xdp/bpf/config.h"
#include "xdp/bpf/rules_map.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct ps_xdp_config config;

/* Whether a frame may lie in several parts, of which this program sees the first: set by the loader
 * before the kernel's verifier, together with BPF_F_XDP_HAS_FRAGS. */
const volatile uint32_t frames_in_parts = 0;

/* dataplane/core/dynamic.h: the header, then buckets; max_entries is set by the loader. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 2);
  __type(key, uint32_t);
  __type(value, struct ps_dynamic_bucket);
} dynamic SEC(".maps");

/* dataplane/core/limit.h: likewise. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 2);
  __type(key, uint32_t);
  __type(value, struct ps_limit_bucket);
} limits SEC(".maps");

/* What each CPU has to itself, for each pair of ports; max_entries is set by the loader. */
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, uint32_t);
  __type(value, struct ps_xdp_cpu);
} cpus SEC(".maps");

/* Samples on their way to the loader, which looks for them by itself (struct ps_xdp_sample). */
struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, PS_XDP_SAMPLE_RING_BYTES);
} samples SEC(".maps");

/* Where each CPU makes one. */
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, uint32_t);
  __type(value, struct ps_xdp_sample);
} sample_room SEC(".maps");

/* Where a frame that passes leaves: by its pair, times PS_PORT_COUNT, and the port it arrived on.
 */
struct {
  __uint(type, BPF_MAP_TYPE_DEVMAP);
  __uint(max_entries, PS_MAX_PAIRS* PS_PORT_COUNT);
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

/* Bytes of the frame. */
PS_INLINE uint32_t bytes_of(struct xdp_md* ctx) {
  if (frames_in_parts) return (uint32_t)bpf_xdp_get_buff_len(ctx);
  return (uint32_t)(end_of(ctx) - begin_of(ctx));
}

PS_INLINE uint64_t now_ns(void) {
  return config.test_now_ns ?: bpf_ktime_get_ns();
}

/* Judging, making a line of text and replying are functions of their own to the kernel's verifier,
 * which then follows each once, instead of the second along every way out of the first. The text of
 * a reply is fetched while judging, from the very rules that the packet is judged by. */

__attribute__((noinline)) uint32_t postern_parse(struct xdp_md* ctx, struct ps_packet* packet) {
  uint8_t *data = begin_of(ctx), *end = end_of(ctx);
  uint32_t beyond = 0;
  if (!packet) return 0;
  asm volatile("" : "+r"(data), "+r"(end)); /* or clang makes 32-bit numbers of them */
  if (frames_in_parts) beyond = (bytes_of(ctx) - (uint32_t)(end - data)) & 0xffffu;
  return ps_parse_part(data, end, beyond, packet);
}

/* Counts an attempt under the cell that judged it. */
PS_INLINE void count_cell(struct ps_image* image, const struct ps_decision* decision) {
  const struct ps_snapshot_header* header = ps_image_header(image);
  struct ps_cell_count* counts;
  uint32_t place, chunk;
  if (!decision->cell || !header) return;
  place =
      bpf_get_smp_processor_id() * header->policy_count * header->class_count + decision->cell - 1u;
  chunk = header->engine_blocks / PS_CHUNK_BLOCKS + place / PS_COUNTS_PER_CHUNK;
  counts = bpf_map_lookup_elem(image->map, &chunk);
  if (!counts) return; /* a CPU that came later */
  place = PS_BELOW(place, PS_COUNTS_PER_CHUNK);
  if (decision->over_limit) counts[place].over_limit++;
  __asm__ volatile("" ::: "memory"); /* attempts last: see RuleTally::settle */
  counts[place].attempts++;
}

__attribute__((noinline)) int postern_judge(uint32_t port, uint32_t parsed,
                                            const struct ps_packet* packet,
                                            struct ps_decision* decision, struct ps_line* line) {
  struct ps_tables tables = {{&dynamic, &config.dynamic}, {&limits}, &config.cookies};
  struct ps_question question = {};
  enum ps_reason reason;
  uint32_t slot = 0;
  struct ps_image image = {bpf_map_lookup_elem(&rules, &slot), 0, 0};
  if (!packet || !decision || !line) return 0;
  reason = ps_screen(&image, &tables.dynamic, port, parsed, packet, &question);
  if (reason != PS_UNDECIDED) {
    *decision = ps_decision_because(reason);
    return 0;
  }
  *decision = ps_decide(&image, &tables, packet, &question,
                        ps_needs_clock(&image, &tables.dynamic) ? now_ns() : 0);
  /* The same map, and nothing else of what judging left behind: the kernel's verifier follows what
   * comes now once, and not once for each way that a decision came about. */
  image = (struct ps_image){image.map, 0, 0};
  count_cell(&image, decision);
  if (!decision->answer.text) return 0;
  if (!ps_line_fetch(&image, decision->answer.text, line)) decision->answer.text = 0;
  return 0;
}

__attribute__((noinline)) int postern_line(const struct ps_packet* packet, struct ps_line* line) {
  if (packet && line) ps_line_make(line, packet);
  return 0;
}

__attribute__((noinline)) uint32_t postern_intact(struct xdp_md* ctx,
                                                  const struct ps_packet* packet) {
  if (!packet) return 0;
  return (uint32_t)ps_is_intact(begin_of(ctx), end_of(ctx), packet);
}

/* Shows the frame to whoever asked for samples, before it may become its reply. 0: it had no room.
 */
__attribute__((noinline)) int postern_sample(struct xdp_md* ctx, uint32_t port, uint32_t every,
                                             const struct ps_decision* decision) {
  uint32_t slot = 0, captured, frame_bytes;
  struct ps_xdp_sample* room = bpf_map_lookup_elem(&sample_room, &slot);
  if (!room || !decision) return 0;
  frame_bytes = (uint32_t)bpf_xdp_get_buff_len(ctx);
  captured = config.sampling.snap;
  if (captured > frame_bytes) captured = frame_bytes;
  room->sample = ps_sample_of(decision, port, every, now_ns());
  room->sample.frame_bytes = frame_bytes;
  /* 1 to PS_SAMPLE_MAX_BYTES, as the kernel's verifier can see. */
  captured--;
  captured = PS_BELOW(captured, PS_SAMPLE_MAX_BYTES) + 1;
  if (bpf_xdp_load_bytes(ctx, 0, room->bytes, captured)) captured = 0;
  room->sample.captured = (uint16_t)captured;
  return !bpf_ringbuf_output(&samples, room, sizeof room->sample + captured, BPF_RB_NO_WAKEUP);
}

/* Gives the frame its length: 1, or 0 when there is no room. Headers are written anew, so it may
 * grow at the front, where drivers leave more room than behind. */
PS_INLINE int resize(struct xdp_md* ctx, int32_t by) {
  if (by <= 0) return by == 0 || !bpf_xdp_adjust_tail(ctx, by);
  return !bpf_xdp_adjust_head(ctx, -by) || !bpf_xdp_adjust_tail(ctx, by);
}

/* Turns the frame into its reply: 1, or 0 when it could not. */
__attribute__((noinline)) int postern_reply(struct xdp_md* ctx, const struct ps_packet* packet,
                                            const struct ps_answer* answer,
                                            const struct ps_link* link,
                                            const struct ps_line* line) {
  int32_t bytes = (int32_t)(end_of(ctx) - begin_of(ctx));
  if (!packet || !answer || !link || !line) return 0;
  if (!resize(ctx, (int32_t)ps_reply_bytes(packet, line->length & 255u) - bytes)) return 0;
  return ps_reply_write(begin_of(ctx), end_of(ctx), packet, link, answer, line);
}

/* Sends what the decision says; *reason changes where that is not possible, as where the frame lies
 * in several parts. */
PS_INLINE int reply(struct xdp_md* ctx, struct ps_xdp_cpu* cpu, const struct ps_packet* packet,
                    struct ps_answer* answer, uint32_t* reason) {
  if (frames_in_parts && bytes_of(ctx) != (uint32_t)(end_of(ctx) - begin_of(ctx))) {
    *reason = PS_REASON_NO_REPLY_ROOM;
    return XDP_DROP;
  }
  if (!postern_intact(ctx, packet)) {
    *reason = PS_REASON_BAD_CHECKSUM;
    return XDP_DROP;
  }
  if (!ps_budget_take(&config.answers, &cpu->next_answer_ns, now_ns())) {
    *reason = PS_REASON_ANSWER_LIMIT;
    return XDP_DROP;
  }
  if (ps_link_save(begin_of(ctx), end_of(ctx), packet, &cpu->link)) {
    cpu->line.length = 0;
    if (answer->text) postern_line(packet, &cpu->line);
    if (postern_reply(ctx, packet, answer, &cpu->link, &cpu->line)) return XDP_TX;
    /* An RST is never longer than what it answers. */
    *answer = ps_answer_reset(packet);
    cpu->line.length = 0;
    *reason = PS_REASON_NO_REPLY_ROOM;
    if (postern_reply(ctx, packet, answer, &cpu->link, &cpu->line)) return XDP_TX;
  }
  *reason = PS_REASON_NO_REPLY_ROOM;
  return XDP_DROP;
}

/* By the rules of this moment; should others come before the packet is judged, it is judged by
 * these alone: a frame that was not parsed passes. */
PS_INLINE int wants_parse(uint32_t port) {
  uint32_t slot = 0;
  struct ps_image image = {0, 0, 0};
  if (port != PS_PORT_WAN) image.map = bpf_map_lookup_elem(&rules, &slot);
  return ps_wants_parse(&image, port);
}

SEC("xdp")
int postern(struct xdp_md* ctx) {
  const struct ps_xdp_port* arrived =
      &config.ports[ps_port_slot(ctx->ingress_ifindex, config.port_factor)];
  uint32_t port = arrived->port & 1u, pair = arrived->pair;
  uint32_t bytes = bytes_of(ctx), reason;
  uint32_t parsed = PS_REASON_FROM_INSIDE;
  struct ps_xdp_cpu* cpu = bpf_map_lookup_elem(&cpus, &pair);
  struct ps_packet packet = {};
  struct ps_decision decision = {};
  int result = XDP_DROP;
  if (!cpu) return XDP_ABORTED; /* it is there */
  if (wants_parse(port)) parsed = postern_parse(ctx, &packet);
  postern_judge(port, parsed, &packet, &decision, &cpu->line);
  reason = decision.reason;
  if (config.sampling.reasons) {
    uint32_t every = config.sampling.every;
    if (ps_sample_due(config.sampling.reasons, every, reason, &cpu->sampler)) {
      /* Nobody may be left to make room: a flood is not to pay for it at each packet. */
      if (cpu->sampler.rest) {
        cpu->sampler.rest--;
        cpu->counters.events[PS_EVENT_SAMPLE_LOST]++;
      } else if (!postern_sample(ctx, port, every, &decision)) {
        cpu->sampler.rest = PS_SAMPLE_REST;
        cpu->counters.events[PS_EVENT_SAMPLE_LOST]++;
      }
    }
  }
  if (decision.answer.flags) {
    result = reply(ctx, cpu, &packet, &decision.answer, &reason);
  } else if (decision.action != PS_ACTION_DROP) {
    if (config.topology == PS_TOPOLOGY_HOST) {
      result = XDP_PASS;
    } else if (bytes > arrived->room) {
      /* The kernel would not redirect it, which nobody would see (xdp_ok_fwd_dev). */
      reason = PS_REASON_EGRESS_FULL;
    } else {
      /* Whether the other port has gone is known here; whether its queue is full is not. */
      result = (int)bpf_redirect_map(&egress, pair * PS_PORT_COUNT + port, XDP_DROP);
      if (result != XDP_REDIRECT) reason = PS_REASON_EGRESS_FULL;
    }
  }
  /* The loader verified every cell of the matrix; the check is for the kernel's verifier, and
   * the barrier makes clang index with the very register that was checked. */
  asm volatile("" : "+r"(reason));
  if (reason >= PS_REASON_COUNT) reason = PS_REASON_NO_RULE;
  cpu->counters.packets[port][reason]++;
  cpu->counters.bytes[port] += bytes;
  if (decision.events) {
    uint32_t event;
    for (event = 0; event < PS_EVENT_COUNT; event++)
      cpu->counters.events[event] += decision.events >> event & 1u;
  }
  return result;
}
