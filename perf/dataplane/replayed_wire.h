// SPDX-License-Identifier: BSD-3-Clause
//
// ReplayedWire: two ports for benchmarks without a network: net_pcap hands out copies of the same
// frames for ever (infinite_rx), every queue all of them, and net_null takes what is sent. Both
// sides of a comparison run on it: the engine's own poll loop, and the loop of testpmd's io mode.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "dataplane/dpdk/poll_loop.h"
#include "dataplane/dpdk/port.h"
#include "perf/dataplane/traffic.h"

struct rte_mempool;

namespace postern::perf {

class ReplayedWire {
 public:
  // Throws std::runtime_error.
  ReplayedWire(const Traffic& traffic, uint16_t queues);
  ~ReplayedWire();
  ReplayedWire(const ReplayedWire&) = delete;
  ReplayedWire& operator=(const ReplayedWire&) = delete;

  dpdk::Wire wire() const noexcept { return {wan_->id(), mx_->id()}; }
  size_t frames() const noexcept { return frames_; }
  // Packets that the port towards the farm was given so far.
  uint64_t sent_on() const noexcept;

  // What testpmd does with one burst of each port in io mode: receives it and sends it on the
  // other, without a look at it, and frees what is not taken. How many there were.
  unsigned forward(uint16_t queue, uint16_t burst) noexcept;

 private:
  size_t frames_;
  std::string file_;
  rte_mempool* pool_ = nullptr;
  std::optional<dpdk::Port> wan_, mx_;
};

}  // namespace postern::perf
