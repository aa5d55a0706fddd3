// SPDX-License-Identifier: BSD-3-Clause
//
// PollLoop: one worker's share of the wire: a queue pair of each port, and the counters that only
// this worker writes. Takes a burst from one port, judges it, and sends it to the other. Every mbuf
// that it takes it sends or frees, and counts under exactly one reason.
#pragma once

#include <atomic>
#include <cstdint>

#include "dataplane/core/budget.h"
#include "dataplane/core/judge.h"
#include "dataplane/engine/sample_ring.h"

struct rte_mbuf;

namespace postern::dpdk {

inline constexpr unsigned kMaxBurst = 256;

// The image in force; nullptr before the first.
using ActiveImage = std::atomic<const ps_image*>;

// Two DPDK ports, by their numbers.
struct Wire {
  uint16_t wan = 0;
  uint16_t mx = 0;
};

class alignas(64) PollLoop {
 public:
  // burst: 1..kMaxBurst. `image` and the memory of `tables` outlive this; what `image` points to
  // outlives every poll() that may have read it. answers: this worker's share of replies.
  PollLoop(const Wire& wire, uint16_t queue, unsigned burst, const ActiveImage& image,
           const ps_tables& tables, const ps_budget& answers) noexcept;
  PollLoop(const PollLoop&) = delete;
  PollLoop& operator=(const PollLoop&) = delete;

  // One burst in each direction, judged at now_ns (CLOCK_MONOTONIC); how many packets there were.
  // The image is read once per burst, and not held on return.
  unsigned poll(uint64_t now_ns) noexcept;

  // What the worker has counted so far; from any thread.
  void add_to(ps_counters& total) const noexcept;
  // The samples that the worker takes; set and drained by the management thread.
  SampleRing& samples() noexcept { return samples_; }

 private:
  struct Burst;
  unsigned poll_port(ps_port port, uint64_t now_ns) noexcept;
  void judge(ps_port port, ps_image& image, rte_mbuf* packet, uint64_t now_ns,
             Burst& burst) noexcept;
  uint32_t answer(ps_image& image, rte_mbuf* packet, const ps_packet& parsed,
                  const ps_decision& decision) noexcept;
  void send(ps_port from, uint16_t to, rte_mbuf** packets, const uint8_t* reasons, uint16_t count,
            ps_reason untaken) noexcept;
  void count(ps_port port, uint32_t reason, uint64_t packets = 1) noexcept;

  const Wire wire_;
  const uint16_t queue_;
  const uint16_t burst_;
  const ActiveImage& image_;
  const ps_tables tables_;
  const ps_budget answers_;
  uint64_t next_answer_ns_ = 0;
  ps_line line_{};  // where the text of a reply is made
  SampleRing samples_;
  alignas(64) ps_counters counters_{};
};

}  // namespace postern::dpdk
