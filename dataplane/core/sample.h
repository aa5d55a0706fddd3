/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
 *
 * Samples: of the packets that were decided on, some are shown to whoever asks, with the decision
 * and the first bytes as they were received. Which reasons, and one packet in how many, is an
 * engine's setting (struct ps_sampling), off until somebody asks. Between two samples lies a random
 * number of packets, as in sFlow (RFC 3176, section 4.2.2), so that no regular traffic hides
 * between them or is all that is seen. A sample is taken before its packet is acted on: its reason
 * is what was decided, not what became of it in sending (egress-full, answer-limit, no-reply-room).
 * Where there is no room for a sample, it is lost and counted; its packet never is.
 */
#ifndef POSTERN_DATAPLANE_CORE_SAMPLE_H
#define POSTERN_DATAPLANE_CORE_SAMPLE_H

#include "dataplane/core/judge.h"

#define PS_SAMPLE_MAX_BYTES 2048u /* of a frame; the rest of a longer one is not kept */
#define PS_SAMPLE_USUAL_BYTES 128u
#define PS_SAMPLE_REST 64u /* where there is no room, so many are lost without asking */
#define PS_SAMPLE_MAX_EVERY 0x40000000u

/* What is sampled. Each word is read by itself: right after a change, a packet may meet the old
 * value of one and the new one of another. */
struct ps_sampling {
  uint64_t reasons; /* bit r: packets of enum ps_reason r; 0: nothing */
  uint32_t every;   /* one in so many of these; 1..PS_SAMPLE_MAX_EVERY */
  uint32_t snap;    /* so many bytes of the frame at most; up to PS_SAMPLE_MAX_BYTES */
};

/* One packet; `captured` bytes of its frame follow. */
struct ps_sample {
  uint64_t time_ns; /* when it was decided on, CLOCK_MONOTONIC */
  uint32_t cell;    /* of the decision, as are the next two */
  uint16_t rule, observed_rule;
  uint32_t every;       /* how many packets it stands for */
  uint32_t frame_bytes; /* as received, without the checksum */
  uint16_t captured;
  uint8_t port;       /* enum ps_port */
  uint8_t reason;     /* enum ps_reason */
  uint8_t action;     /* enum ps_action */
  uint8_t over_limit; /* as in the decision */
  uint8_t reserved[2];
};

/* What a worker or CPU has to itself; at first zeros. */
struct ps_sampler {
  uint32_t left;   /* packets until the next sample, that one included; 0: not yet drawn */
  uint32_t random; /* state of a xorshift generator (Marsaglia, 2003); 0: not yet seeded */
  uint32_t rest;   /* samples that are not tried, as the last one had no room */
  uint32_t reserved;
};

#ifdef __cplusplus
static_assert(PS_REASON_COUNT <= 64, "a bit for each reason");
static_assert(sizeof(struct ps_sample) == 32);
#else
_Static_assert(PS_REASON_COUNT <= 64, "a bit for each reason");
_Static_assert(sizeof(struct ps_sample) == 32, "sample");
#endif

/* How many packets until the next sample: 1..2*every-1, each as likely, `every` in the mean. */
PS_INLINE uint32_t ps_sample_gap(struct ps_sampler* sampler, uint32_t every) {
  uint32_t random = sampler->random;
  if (!random) random = 0x9e3779b9u;
  random ^= random << 13;
  random ^= random >> 17;
  random ^= random << 5;
  sampler->random = random;
  return 1u + (uint32_t)((uint64_t)random * (2u * every - 1u) >> 32);
}

/* 1 when a packet with that reason is to be sampled; the sample stands for `every` packets. To be
 * asked once for each packet while `reasons` is not 0. */
PS_INLINE int ps_sample_due(uint64_t reasons, uint32_t every, uint32_t reason,
                            struct ps_sampler* sampler) {
  uint32_t left = sampler->left;
  if (!(reasons >> (reason & 63u) & 1u)) return 0;
  /* What was drawn for a larger `every` is drawn anew. */
  if (left == 0 || left > 2u * every) left = ps_sample_gap(sampler, every);
  if (left > 1) {
    sampler->left = left - 1;
    return 0;
  }
  sampler->left = 0;
  return 1;
}

PS_INLINE struct ps_sample ps_sample_of(const struct ps_decision* decision, uint32_t port,
                                        uint32_t every, uint64_t now_ns) {
  struct ps_sample sample = {
      now_ns,        decision->cell,   decision->rule,   decision->observed_rule, every, 0, 0,
      (uint8_t)port, decision->reason, decision->action, decision->over_limit,    {0, 0}};
  return sample;
}

#endif
