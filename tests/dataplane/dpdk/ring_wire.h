// SPDX-License-Identifier: BSD-3-Clause
//
// RingWire: two DPDK ports made of rings, with real mbufs, for driving the poll loops without a
// network: what a test sends is received on a port, what is sent on a port the test takes. EAL runs
// without hugepages, so that these tests run anywhere.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "dataplane/dpdk/eal.h"
#include "dataplane/dpdk/poll_loop.h"
#include "rules/abi/counters.h"
#include "tests/packets/builder.h"

struct rte_mbuf;
struct rte_mempool;
struct rte_ring;

namespace postern::dpdk {

// EAL for all tests of a process: two workers, sharing a core when there is but one.
const Eal& test_eal();

class RingWire {
 public:
  // queues: pairs per port. egress: how many packets each port takes until the test takes them.
  explicit RingWire(uint16_t queues = 1, unsigned egress = 4096);
  ~RingWire();
  RingWire(const RingWire&) = delete;
  RingWire& operator=(const RingWire&) = delete;

  Wire wire() const noexcept { return {ports_[PS_PORT_WAN].id, ports_[PS_PORT_MX].id}; }

  // False when the ring or the pool is full. segment: bytes in each mbuf of the packet; 0: one
  // mbuf.
  bool send(ps_port port, const packets::Bytes& frame, uint16_t queue = 0, size_t segment = 0);
  // The same in one mbuf that has no room behind the frame.
  bool send_full(ps_port port, const packets::Bytes& frame);
  // The next frame that was sent out on a port; nullopt when there is none.
  std::optional<packets::Bytes> take(ps_port port, uint16_t queue = 0);
  std::vector<packets::Bytes> take_all(ps_port port, uint16_t queue = 0);
  // mbufs that are not in the pool: on their way, or lost.
  unsigned mbufs_in_use() const;

 private:
  struct RingPort {
    uint16_t id = 0;
    std::vector<rte_ring*> in, out;
  };
  rte_mbuf* allocate(const uint8_t* bytes, size_t count);

  rte_mempool* pool_;
  RingPort ports_[PS_PORT_COUNT];
};

}  // namespace postern::dpdk
