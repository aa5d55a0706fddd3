// SPDX-License-Identifier: BSD-3-Clause
//
// PollLoop: one worker's share of the wire: a queue pair of each port, and the counters that only
// this worker writes. Takes a burst from one port, judges it (dataplane/dpdk/burst_judge.h), and
// sends it to the other, in the order it came. Every mbuf that it takes it sends or frees, and
// counts under exactly one reason.
#pragma once

#include <cstdint>

#include "dataplane/core/budget.h"
#include "dataplane/core/judge.h"
#include "dataplane/dpdk/burst_judge.h"
#include "dataplane/dpdk/profile.h"
#include "dataplane/dpdk/worker_rules.h"
#include "dataplane/engine/sample_ring.h"

struct rte_mbuf;

namespace postern {
struct Signature;
}

namespace postern::dpdk {

inline constexpr unsigned kMaxBurst = 256;

// Two DPDK ports, by their numbers.
struct Wire {
  uint16_t wan = 0;
  uint16_t mx = 0;
};

class alignas(64) PollLoop {
 public:
  // burst: 1..kMaxBurst. `rules` and the memory of `tables` outlive this; what `rules` points to
  // outlives every poll() that may have read it. queue: the worker's number too. answers: this
  // worker's share of replies.
  PollLoop(const Wire& wire, uint16_t queue, unsigned burst, const RulesInForce& rules,
           const ps_tables& tables, const ps_budget& answers) noexcept;
  PollLoop(const PollLoop&) = delete;
  PollLoop& operator=(const PollLoop&) = delete;

  // One burst in each direction, judged at now_ns (CLOCK_MONOTONIC); how many packets there were.
  // The image is read once per burst, and not held on return.
  unsigned poll(uint64_t now_ns) noexcept { return poll_ports<false>(now_ns); }
  // The same, and counts where the cycles go.
  unsigned poll_profiled(uint64_t now_ns) noexcept { return poll_ports<true>(now_ns); }

  // What the worker has counted so far; from any thread.
  void add_to(ps_counters& total) const noexcept;
  void add_to(Profile& total) const noexcept;
  // The samples that the worker takes; set and drained by the management thread.
  SampleRing& samples() noexcept { return samples_; }

 private:
  struct Burst;
  template <bool profiled>
  unsigned poll_ports(uint64_t now_ns) noexcept;
  template <bool profiled>
  unsigned poll_port(ps_port port, uint64_t now_ns) noexcept;
  template <bool profiled>
  void judge(ps_port port, const WorkerRules& rules, rte_mbuf** packets, uint16_t packet_count,
             uint64_t now_ns, Burst& burst, Stopwatch<profiled>& watch) noexcept;
  void act(ps_port port, const WorkerRules& rules, rte_mbuf* packet, const ps_packet& parsed,
           const ps_decision& decision, uint64_t now_ns, Burst& burst) noexcept;
  static void stop(rte_mbuf* packet, uint32_t reason, Burst& burst) noexcept;
  bool is_sample_due(uint16_t packet_count) noexcept;
  void sample(ps_port port, const rte_mbuf* packet, const ps_decision& decision,
              uint64_t now_ns) noexcept;
  uint32_t answer(const ps_image& image, rte_mbuf* packet, const ps_packet& parsed,
                  const ps_decision& decision) noexcept;
  const Signature* signature_of(const WorkerRules& rules, rte_mbuf* packet,
                                const ps_packet& parsed) noexcept;
  void stop_by_signature(ps_port port, const WorkerRules& rules, const Signature& signature,
                         rte_mbuf* packet, const ps_packet& parsed, uint64_t now_ns,
                         Burst& burst) noexcept;
  bool reset_both_ends(rte_mbuf* packet, const ps_packet& parsed, uint64_t now_ns,
                       Burst& burst) noexcept;
  void send(ps_port from, uint16_t to, rte_mbuf** packets, const uint8_t* reasons, uint32_t total,
            ps_reason untaken) noexcept;
  void count(ps_port port, uint32_t reason, uint64_t packets) noexcept;
  void count(ps_port port, const uint8_t* reasons, uint32_t packets) noexcept;

  const Wire wire_;
  const uint16_t queue_;
  const uint16_t burst_;
  const RulesInForce& rules_;
  const ps_budget answers_;
  uint64_t next_answer_ns_ = 0;
  ps_line line_{};  // where the text of a reply is made
  BurstJudge judge_;
  SampleRing samples_;
  alignas(64) ps_counters counters_{};
  Profile profile_;
};

}  // namespace postern::dpdk
