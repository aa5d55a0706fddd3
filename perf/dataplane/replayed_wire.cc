// SPDX-License-Identifier: BSD-3-Clause
//
// The ports of ReplayedWire (perf/dataplane/replayed_wire.h).
#include "perf/dataplane/replayed_wire.h"

#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>

namespace postern::perf {
namespace {

constexpr unsigned kSpare = 8192;  // mbufs besides those that are replayed

}  // namespace

ReplayedWire::ReplayedWire(const Traffic& traffic, uint16_t queues)
    : frames_(traffic.frames.size()) {
  static int made_before = 0;  // names must differ, also from those of a wire that is gone
  const auto serial = std::to_string(made_before++);
  file_ = "/tmp/postern-bench-" + std::to_string(getpid()) + "-" + serial + ".pcap";
  write_pcap(file_, traffic.frames);

  size_t longest = 0;
  for (const auto& frame : traffic.frames) longest = std::max(longest, frame.size());
  const auto room = static_cast<uint16_t>((longest + 191) / 64 * 64);
  const auto mbufs = static_cast<unsigned>(queues * (frames_ + kSpare));
  pool_ = rte_pktmbuf_pool_create(("replayed" + serial).c_str(), mbufs, 256, 0,
                                  static_cast<uint16_t>(RTE_PKTMBUF_HEADROOM + room), 0);
  if (!pool_)
    throw std::runtime_error("no memory for " + std::to_string(mbufs) +
                             " packets: " + rte_strerror(rte_errno));
  std::string files;
  for (uint16_t queue = 0; queue < queues; queue++) files += ",rx_pcap=" + file_;
  // Each queue of the other port's as well; one that sends and never receives.
  std::string name = "net_pcap" + serial + files + ",infinite_rx=1";
  wan_.emplace("wan", dpdk::PortName::parse(name));
  mx_.emplace("mx", dpdk::PortName::parse("net_null" + serial + ",no-rx=1"));
  wan_->set_up(queues, pool_);
  mx_->set_up(queues, pool_);
  wan_->start();
  mx_->start();
}

ReplayedWire::~ReplayedWire() {
  wan_.reset();
  mx_.reset();
  rte_mempool_free(pool_);
  std::filesystem::remove(file_);
}

uint64_t ReplayedWire::sent_on() const noexcept {
  rte_eth_stats stats{};
  rte_eth_stats_get(mx_->id(), &stats);
  return stats.opackets;
}

unsigned ReplayedWire::forward(uint16_t queue, uint16_t burst) noexcept {
  unsigned received = 0;
  const uint16_t ports[] = {wan_->id(), mx_->id()};
  for (int i = 0; i < 2; i++) {
    rte_mbuf* packets[dpdk::kMaxBurst];
    const uint16_t count = rte_eth_rx_burst(ports[i], queue, packets, burst);
    if (count == 0) continue;
    received += count;
    const uint16_t sent = rte_eth_tx_burst(ports[1 - i], queue, packets, count);
    for (uint16_t j = sent; j < count; j++) rte_pktmbuf_free(packets[j]);
  }
  return received;
}

}  // namespace postern::perf
