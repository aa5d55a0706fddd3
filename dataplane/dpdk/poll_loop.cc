// SPDX-License-Identifier: BSD-3-Clause
//
// A worker's bursts (dataplane/dpdk/poll_loop.h): receive, judge by the core, act. Nothing here
// allocates, locks, logs or throws. Headers are judged where the packet's first segment holds them:
// a packet in several is pulled into one when the first has the room; else the core sees it cut
// there, and what is cut inside its headers or shorter than it says is stopped by name.
#include "dataplane/dpdk/poll_loop.h"

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>

namespace postern::dpdk {
namespace {

// How many packets ahead of the one judged its headers are asked for.
constexpr uint16_t kPrefetchAhead = 6;

const uint8_t* head_of(const rte_mbuf* packet) noexcept {
  return rte_pktmbuf_mtod(packet, const uint8_t*);
}

// Turns an attempt into the RST that answers it; false when it cannot.
bool make_reset(rte_mbuf* packet, const ps_packet& parsed) noexcept {
  const uint32_t length = ps_reset_bytes(&parsed);
  if (length == 0 || packet->nb_segs != 1 || length > packet->data_len) return false;
  rte_pktmbuf_trim(packet, static_cast<uint16_t>(packet->data_len - length));
  auto* data = rte_pktmbuf_mtod(packet, uint8_t*);
  return ps_reset_write(data, data + length, &parsed) != 0;
}

// The counters' one writer; readers are on other threads.
void add(uint64_t& counter, uint64_t by) noexcept {
  __atomic_store_n(&counter, counter + by, __ATOMIC_RELAXED);
}

uint64_t read(const uint64_t& counter) noexcept {
  return __atomic_load_n(&counter, __ATOMIC_RELAXED);
}

}  // namespace

PollLoop::PollLoop(const Wire& wire, uint16_t queue, unsigned burst, const ActiveImage& image,
                   const ps_dynamic& dynamic) noexcept
    : wire_(wire),
      queue_(queue),
      burst_(static_cast<uint16_t>(burst)),
      image_(image),
      dynamic_(dynamic) {}

unsigned PollLoop::poll(uint64_t now_ns) noexcept {
  return poll_wan(now_ns) + poll_mx();
}

void PollLoop::count(ps_port port, uint32_t reason, uint64_t packets) noexcept {
  add(counters_.packets[port][reason], packets);
}

void PollLoop::add_to(ps_counters& total) const noexcept {
  for (size_t port = 0; port < PS_PORT_COUNT; port++) {
    total.bytes[port] += read(counters_.bytes[port]);
    for (size_t reason = 0; reason < PS_REASON_COUNT; reason++)
      total.packets[port][reason] += read(counters_.packets[port][reason]);
  }
}

unsigned PollLoop::poll_wan(uint64_t now_ns) noexcept {
  rte_mbuf* packets[kMaxBurst];
  const uint16_t received = rte_eth_rx_burst(wire_.wan, queue_, packets, burst_);
  if (received == 0) return 0;

  rte_mbuf *passing[kMaxBurst], *replies[kMaxBurst], *stopped[kMaxBurst];
  uint8_t pass_reasons[kMaxBurst], reply_reasons[kMaxBurst];
  uint16_t pass_count = 0, reply_count = 0, stop_count = 0;
  uint64_t bytes = 0;
  const auto* active = image_.load(std::memory_order_acquire);
  ps_image image = active ? *active : ps_image{};

  for (uint16_t i = 0; i < received && i < kPrefetchAhead; i++) rte_prefetch0(head_of(packets[i]));
  for (uint16_t i = 0; i < received; i++) {
    if (i + kPrefetchAhead < received) rte_prefetch0(head_of(packets[i + kPrefetchAhead]));
    rte_mbuf* packet = packets[i];
    bytes += packet->pkt_len;
    if (packet->nb_segs > 1) (void)rte_pktmbuf_linearize(packet);

    ps_packet parsed;
    const uint8_t* data = head_of(packet);
    const auto verdict =
        ps_judge(&image, &dynamic_, PS_PORT_WAN, data, data + packet->data_len, now_ns, &parsed);
    if (verdict.action == PS_ACTION_ALLOW || verdict.action == PS_ACTION_INSPECT) {
      pass_reasons[pass_count] = verdict.reason;
      passing[pass_count++] = packet;
    } else if (verdict.action == PS_ACTION_RESET && make_reset(packet, parsed)) {
      reply_reasons[reply_count] = verdict.reason;
      replies[reply_count++] = packet;
    } else {
      const bool unanswered = verdict.action == PS_ACTION_RESET;
      count(PS_PORT_WAN, unanswered ? uint32_t{PS_REASON_NO_REPLY_ROOM} : verdict.reason);
      stopped[stop_count++] = packet;
    }
  }
  add(counters_.bytes[PS_PORT_WAN], bytes);
  pass(PS_PORT_WAN, passing, pass_reasons, pass_count);
  reply(replies, reply_reasons, reply_count);
  if (stop_count > 0) rte_pktmbuf_free_bulk(stopped, stop_count);
  return received;
}

// The way out is not judged and not touched.
unsigned PollLoop::poll_mx() noexcept {
  rte_mbuf* packets[kMaxBurst];
  const uint16_t received = rte_eth_rx_burst(wire_.mx, queue_, packets, burst_);
  if (received == 0) return 0;
  uint8_t reasons[kMaxBurst];
  uint64_t bytes = 0;
  for (uint16_t i = 0; i < received; i++) {
    bytes += packets[i]->pkt_len;
    reasons[i] = PS_REASON_FROM_INSIDE;
  }
  add(counters_.bytes[PS_PORT_MX], bytes);
  pass(PS_PORT_MX, packets, reasons, received);
  return received;
}

// To the other port. What it does not take is freed, not kept: a wire has no queue of its own.
void PollLoop::pass(ps_port from, rte_mbuf** packets, const uint8_t* reasons,
                    uint16_t total) noexcept {
  if (total == 0) return;
  const uint16_t to = from == PS_PORT_WAN ? wire_.mx : wire_.wan;
  const uint16_t sent = rte_eth_tx_burst(to, queue_, packets, total);
  for (uint16_t i = 0; i < sent; i++) count(from, reasons[i]);
  if (sent == total) return;
  count(from, PS_REASON_EGRESS_FULL, static_cast<uint64_t>(total - sent));
  rte_pktmbuf_free_bulk(packets + sent, static_cast<unsigned>(total - sent));
}

void PollLoop::reply(rte_mbuf** packets, const uint8_t* reasons, uint16_t total) noexcept {
  if (total == 0) return;
  const uint16_t sent = rte_eth_tx_burst(wire_.wan, queue_, packets, total);
  for (uint16_t i = 0; i < sent; i++) count(PS_PORT_WAN, reasons[i]);
  if (sent == total) return;
  count(PS_PORT_WAN, PS_REASON_NO_REPLY_ROOM, static_cast<uint64_t>(total - sent));
  rte_pktmbuf_free_bulk(packets + sent, static_cast<unsigned>(total - sent));
}

}  // namespace postern::dpdk
