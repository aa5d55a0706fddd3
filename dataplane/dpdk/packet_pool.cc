// SPDX-License-Identifier: BSD-3-Clause
//
// Making the mbuf pool (dataplane/dpdk/packet_pool.h).
#include "dataplane/dpdk/packet_pool.h"

#include <rte_errno.h>
#include <rte_ether.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <stdexcept>
#include <string>

namespace postern::dpdk {
namespace {

constexpr unsigned kPerCoreCache = 256;
constexpr uint32_t kFrameOverhead = RTE_ETHER_HDR_LEN + 2 * RTE_VLAN_HLEN + RTE_ETHER_CRC_LEN;

}  // namespace

PacketPool::PacketPool(unsigned packets, uint16_t mtu, int socket) {
  const auto room = std::max<uint32_t>(mtu + kFrameOverhead, RTE_MBUF_DEFAULT_DATAROOM);
  const auto rounded = (room + 63u) & ~63u;
  pool_ = rte_pktmbuf_pool_create("postern_packets", packets, kPerCoreCache, 0,
                                  static_cast<uint16_t>(RTE_PKTMBUF_HEADROOM + rounded), socket);
  if (!pool_)
    throw std::runtime_error("no hugepage memory for " + std::to_string(packets) + " packets of " +
                             std::to_string(rounded) + " bytes (" + rte_strerror(rte_errno) + ")" +
                             (socket >= 0 && rte_socket_count() > 1
                                  ? " on NUMA node " + std::to_string(socket) +
                                        ", which is the ports'; reserve some there, or"
                                  : ";") +
                             " raise --memory");
}

PacketPool::~PacketPool() {
  rte_mempool_free(pool_);
}

}  // namespace postern::dpdk
