/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
 *
 * What the loader tells the BPF program, in the program's .bss, which both have mapped: plain
 * words, each read once per packet; the ports and the topology are set before the first packet. And
 * what each CPU has to itself, in a map.
 */
#ifndef POSTERN_XDP_BPF_CONFIG_H
#define POSTERN_XDP_BPF_CONFIG_H

#include "dataplane/core/budget.h"
#include "dataplane/core/judge.h"
#include "dataplane/core/sample.h"

enum ps_topology {
  PS_TOPOLOGY_WIRE, /* what passes leaves by the other port */
  PS_TOPOLOGY_HOST  /* what passes goes to this host's own stack */
};

/* Pairs of ports that one program serves at most. */
#define PS_MAX_PAIRS 8u

/* Which port an interface is: found where the top bits of its number, multiplied, say. The loader
 * chooses the factor so that no two of its ports meet. */
#define PS_PORT_SLOT_BITS 6u
#define PS_PORT_SLOTS (1u << PS_PORT_SLOT_BITS)
struct ps_xdp_port {
  uint32_t ifindex;
  uint8_t port; /* enum ps_port */
  uint8_t pair; /* below PS_MAX_PAIRS */
  uint16_t reserved;
  uint32_t room; /* octets of the largest frame that the other port takes */
};
PS_INLINE uint32_t ps_port_slot(uint32_t ifindex, uint32_t factor) {
  return ifindex * factor >> (32u - PS_PORT_SLOT_BITS);
}

struct ps_xdp_config {
  uint32_t topology; /* enum ps_topology */
  uint32_t port_factor;
  uint64_t test_now_ns; /* the time, where a test sets it; 0: the kernel's CLOCK_MONOTONIC */
  struct ps_cookie_keys cookies;
  struct ps_dynamic_gate dynamic; /* a copy of the table's */
  struct ps_budget answers;       /* of each CPU and pair */
  struct ps_sampling sampling;
  struct ps_xdp_port ports[PS_PORT_SLOTS];
};

/* What a CPU counts of a pair of ports, where it makes a reply, and when it may send the next. */
struct ps_xdp_cpu {
  struct ps_counters counters;
  struct ps_link link;
  struct ps_line line;
  uint64_t next_answer_ns;
  struct ps_sampler sampler;
};

/* Where a CPU makes a sample, and what the ring of samples then has of it: the sample and as many
 * of the bytes as were captured. */
struct ps_xdp_sample {
  struct ps_sample sample;
  uint8_t bytes[PS_SAMPLE_MAX_BYTES];
};
/* Of the ring in the kernel, for all CPUs. */
#define PS_XDP_SAMPLE_RING_BYTES (1u << 20)

#endif
