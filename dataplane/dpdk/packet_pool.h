// SPDX-License-Identifier: BSD-3-Clause
//
// PacketPool: the mbufs of all queues of all ports. One pool for both, so that a port which lends
// its buffers to the kernel (AF_XDP) can send what the other received without copying.
#pragma once

#include <cstdint>

struct rte_mempool;

namespace postern::dpdk {

class PacketPool {
 public:
  // Room for `packets` mbufs, each holding a whole frame of this MTU with two VLAN tags. Throws
  // std::runtime_error when hugepages have no room.
  PacketPool(unsigned packets, uint16_t mtu, int socket);
  ~PacketPool();
  PacketPool(const PacketPool&) = delete;
  PacketPool& operator=(const PacketPool&) = delete;

  rte_mempool* get() const noexcept { return pool_; }

 private:
  rte_mempool* pool_;
};

}  // namespace postern::dpdk
