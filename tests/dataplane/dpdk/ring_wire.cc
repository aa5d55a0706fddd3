// SPDX-License-Identifier: BSD-3-Clause
//
// Ports made of rings (tests/dataplane/dpdk/ring_wire.h).
#include "tests/dataplane/dpdk/ring_wire.h"

#include <rte_errno.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

namespace postern::dpdk {
namespace {

constexpr unsigned kIngress = 4096;
constexpr unsigned kMbufs = 16383;
constexpr uint16_t kDataRoom = RTE_PKTMBUF_HEADROOM + 2048;

template <typename T>
T* made(T* pointer, const char* what) {
  if (!pointer) throw std::runtime_error(std::string(what) + ": " + rte_strerror(rte_errno));
  return pointer;
}

void require(int error, const char* what) {
  if (error != 0) throw std::runtime_error(std::string(what) + ": " + rte_strerror(-error));
}

}  // namespace

const Eal& test_eal() {
  spdlog::set_level(spdlog::level::warn);
  static const Eal eal({{usable_cores().front(), usable_cores().back()},
                        256,
                        {},
                        {"--no-huge", "--no-telemetry", "--log-level=*:error"}});
  return eal;
}

RingWire::RingWire(uint16_t queues, unsigned egress) {
  test_eal();
  static int made_before = 0;  // names must differ, also from those of a wire that is gone
  const auto serial = std::to_string(made_before++);
  // Without per-lcore caches, so that what is missing from the pool is in use.
  pool_ = made(rte_pktmbuf_pool_create(("test_pool" + serial).c_str(), kMbufs, 0, 0, kDataRoom,
                                       SOCKET_ID_ANY),
               "pool");
  for (size_t port = 0; port < PS_PORT_COUNT; port++) {
    auto& self = ports_[port];
    const auto ring = [&](const char* way, uint16_t queue, unsigned size) {
      const auto name = "test" + serial + "_" + std::to_string(port) + way + std::to_string(queue);
      return made(rte_ring_create(name.c_str(), size, SOCKET_ID_ANY, RING_F_EXACT_SZ), "ring");
    };
    for (uint16_t queue = 0; queue < queues; queue++) {
      self.in.push_back(ring("in", queue, kIngress));
      self.out.push_back(ring("out", queue, egress));
    }
    const auto name = "test_port" + serial + "_" + std::to_string(port);
    const int id =
        rte_eth_from_rings(name.c_str(), self.in.data(), queues, self.out.data(), queues, 0);
    if (id < 0) throw std::runtime_error("no port from rings");
    self.id = static_cast<uint16_t>(id);
    const rte_eth_conf conf{};
    require(rte_eth_dev_configure(self.id, queues, queues, &conf), "configure");
    for (uint16_t queue = 0; queue < queues; queue++) {
      require(rte_eth_rx_queue_setup(self.id, queue, 64, 0, nullptr, pool_), "rx queue");
      require(rte_eth_tx_queue_setup(self.id, queue, 64, 0, nullptr), "tx queue");
    }
    require(rte_eth_dev_start(self.id), "start");
  }
}

RingWire::~RingWire() {
  for (auto& port : ports_) {
    rte_eth_dev_stop(port.id);
    rte_eth_dev_close(port.id);
    for (auto* rings : {&port.in, &port.out})
      for (auto* ring : *rings) {
        void* packet;
        while (rte_ring_dequeue(ring, &packet) == 0)
          rte_pktmbuf_free(static_cast<rte_mbuf*>(packet));
        rte_ring_free(ring);
      }
  }
  rte_mempool_free(pool_);
}

rte_mbuf* RingWire::allocate(const uint8_t* bytes, size_t count) {
  auto* packet = rte_pktmbuf_alloc(pool_);
  if (!packet) return nullptr;
  // Rubbish before and behind, so that what reads outside the frame reads what is not there.
  std::memset(packet->buf_addr, 0xa5, packet->buf_len);
  auto* room = rte_pktmbuf_append(packet, static_cast<uint16_t>(count));
  if (!room) throw std::runtime_error("the frame is larger than an mbuf");
  if (count > 0) std::memcpy(room, bytes, count);
  return packet;
}

bool RingWire::send(ps_port port, const packets::Bytes& frame, uint16_t queue, size_t segment) {
  if (segment == 0) segment = std::max<size_t>(frame.size(), 1);
  rte_mbuf* head = nullptr;
  for (size_t at = 0; at < std::max<size_t>(frame.size(), 1); at += segment) {
    auto* next = allocate(frame.data() + at, std::min(segment, frame.size() - at));
    if (!next || (head && rte_pktmbuf_chain(head, next) != 0)) {
      rte_pktmbuf_free(next);
      rte_pktmbuf_free(head);
      return false;
    }
    if (!head) head = next;
  }
  if (rte_ring_enqueue(ports_[port].in.at(queue), head) == 0) return true;
  rte_pktmbuf_free(head);
  return false;
}

bool RingWire::send_full(ps_port port, const packets::Bytes& frame) {
  auto* packet = allocate(frame.data(), frame.size());
  if (!packet) return false;
  auto* data = rte_pktmbuf_mtod(packet, uint8_t*);
  const uint16_t room = rte_pktmbuf_tailroom(packet);
  std::memmove(data + room, data, frame.size());
  packet->data_off = static_cast<uint16_t>(packet->data_off + room);
  if (rte_ring_enqueue(ports_[port].in.at(0), packet) == 0) return true;
  rte_pktmbuf_free(packet);
  return false;
}

std::optional<packets::Bytes> RingWire::take(ps_port port, uint16_t queue) {
  void* taken;
  if (rte_ring_dequeue(ports_[port].out.at(queue), &taken) != 0) return std::nullopt;
  auto* packet = static_cast<rte_mbuf*>(taken);
  packets::Bytes frame;
  for (const auto* part = packet; part; part = part->next) {
    const auto* bytes = rte_pktmbuf_mtod(part, const uint8_t*);
    frame.insert(frame.end(), bytes, bytes + part->data_len);
  }
  if (frame.size() != packet->pkt_len) throw std::runtime_error("pkt_len lies");
  rte_pktmbuf_free(packet);
  return frame;
}

std::vector<packets::Bytes> RingWire::take_all(ps_port port, uint16_t queue) {
  std::vector<packets::Bytes> frames;
  while (auto frame = take(port, queue)) frames.push_back(std::move(*frame));
  return frames;
}

unsigned RingWire::mbufs_in_use() const {
  return rte_mempool_in_use_count(pool_);
}

}  // namespace postern::dpdk
