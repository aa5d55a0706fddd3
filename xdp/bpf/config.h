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

struct ps_xdp_config {
  uint32_t topology;    /* enum ps_topology */
  uint32_t mx_ifindex;  /* packets from here come from inside; 0: no such port */
  uint64_t test_now_ns; /* the time, where a test sets it; 0: the kernel's CLOCK_MONOTONIC */
  struct ps_cookie_keys cookies;
  struct ps_dynamic_gate dynamic; /* a copy of the table's */
  struct ps_budget answers;       /* of each CPU */
  struct ps_sampling sampling;
};

/* What a CPU counts, where it makes a reply, and when it may send the next. */
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
