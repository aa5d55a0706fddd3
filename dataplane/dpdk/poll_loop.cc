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

// Gives a packet the length of the reply that takes its place; false when it cannot.
bool resize(rte_mbuf* packet, uint32_t bytes) noexcept {
  if (packet->nb_segs != 1) return false;
  if (bytes > packet->data_len)
    return rte_pktmbuf_append(packet, static_cast<uint16_t>(bytes - packet->data_len)) != nullptr;
  return rte_pktmbuf_trim(packet, static_cast<uint16_t>(packet->data_len - bytes)) == 0;
}

// Turns a packet into the reply to it; false when it has no room for that.
bool write_reply(rte_mbuf* packet, const ps_packet& parsed, const ps_link& link,
                 const ps_answer& answer, const ps_line& line) noexcept {
  if (!resize(packet, ps_reply_bytes(&parsed, line.length))) return false;
  auto* data = rte_pktmbuf_mtod(packet, uint8_t*);
  return ps_reply_write(data, data + packet->data_len, &parsed, &link, &answer, &line) != 0;
}

// The counters' one writer; readers are on other threads.
void add(uint64_t& counter, uint64_t by) noexcept {
  __atomic_store_n(&counter, counter + by, __ATOMIC_RELAXED);
}

uint64_t read(const uint64_t& counter) noexcept {
  return __atomic_load_n(&counter, __ATOMIC_RELAXED);
}

}  // namespace

// What becomes of a burst, with the reasons that are counted once that is sure.
struct PollLoop::Burst {
  rte_mbuf *passing[kMaxBurst], *replies[kMaxBurst], *stopped[kMaxBurst];
  uint8_t pass_reasons[kMaxBurst], reply_reasons[kMaxBurst];
  uint16_t pass_count = 0, reply_count = 0, stop_count = 0;
};

PollLoop::PollLoop(const Wire& wire, uint16_t queue, unsigned burst, const ActiveImage& image,
                   const ps_tables& tables, const ps_budget& answers) noexcept
    : wire_(wire),
      queue_(queue),
      burst_(static_cast<uint16_t>(burst)),
      image_(image),
      tables_(tables),
      answers_(answers) {}

unsigned PollLoop::poll(uint64_t now_ns) noexcept {
  return poll_port(PS_PORT_WAN, now_ns) + poll_port(PS_PORT_MX, now_ns);
}

void PollLoop::count(ps_port port, uint32_t reason, uint64_t packets) noexcept {
  add(counters_.packets[port][reason], packets);
}

void PollLoop::add_to(ps_counters& total) const noexcept {
  for (size_t event = 0; event < PS_EVENT_COUNT; event++)
    total.events[event] += read(counters_.events[event]);
  total.events[PS_EVENT_SAMPLE_LOST] += samples_.lost();
  for (size_t port = 0; port < PS_PORT_COUNT; port++) {
    total.bytes[port] += read(counters_.bytes[port]);
    for (size_t reason = 0; reason < PS_REASON_COUNT; reason++)
      total.packets[port][reason] += read(counters_.packets[port][reason]);
  }
}

unsigned PollLoop::poll_port(ps_port port, uint64_t now_ns) noexcept {
  const uint16_t here = port == PS_PORT_WAN ? wire_.wan : wire_.mx;
  const uint16_t there = port == PS_PORT_WAN ? wire_.mx : wire_.wan;
  rte_mbuf* packets[kMaxBurst];
  const uint16_t received = rte_eth_rx_burst(here, queue_, packets, burst_);
  if (received == 0) return 0;

  Burst burst;
  uint64_t bytes = 0;
  const auto* active = image_.load(std::memory_order_acquire);
  ps_image image = active ? *active : ps_image{};
  if (ps_wants_parse(&image, port)) {
    for (uint16_t i = 0; i < received && i < kPrefetchAhead; i++)
      rte_prefetch0(head_of(packets[i]));
    for (uint16_t i = 0; i < received; i++) {
      if (i + kPrefetchAhead < received) rte_prefetch0(head_of(packets[i + kPrefetchAhead]));
      bytes += packets[i]->pkt_len;
      judge(port, image, packets[i], now_ns, burst);
    }
  } else {  // the way out, without rules for it, is not looked at
    for (uint16_t i = 0; i < received; i++) {
      bytes += packets[i]->pkt_len;
      samples_.offer(ps_decision_because(PS_REASON_FROM_INSIDE), port, head_of(packets[i]),
                     packets[i]->data_len, packets[i]->pkt_len, now_ns);
      burst.passing[i] = packets[i];
      burst.pass_reasons[i] = PS_REASON_FROM_INSIDE;
    }
    burst.pass_count = received;
  }
  add(counters_.bytes[port], bytes);
  send(port, there, burst.passing, burst.pass_reasons, burst.pass_count, PS_REASON_EGRESS_FULL);
  send(port, here, burst.replies, burst.reply_reasons, burst.reply_count, PS_REASON_NO_REPLY_ROOM);
  if (burst.stop_count > 0) rte_pktmbuf_free_bulk(burst.stopped, burst.stop_count);
  return received;
}

void PollLoop::judge(ps_port port, ps_image& image, rte_mbuf* packet, uint64_t now_ns,
                     Burst& burst) noexcept {
  if (packet->nb_segs > 1) (void)rte_pktmbuf_linearize(packet);
  ps_packet parsed;
  const uint8_t* data = head_of(packet);
  const auto decision =
      ps_judge(&image, &tables_, port, data, data + packet->data_len, now_ns, &parsed);
  samples_.offer(decision, port, data, packet->data_len, packet->pkt_len, now_ns);
  if (decision.events != 0)
    for (unsigned event = 0; event < PS_EVENT_COUNT; event++)
      add(counters_.events[event], decision.events >> event & 1u);
  if (decision.action == PS_ACTION_ALLOW || decision.action == PS_ACTION_INSPECT) {
    burst.pass_reasons[burst.pass_count] = decision.reason;
    burst.passing[burst.pass_count++] = packet;
    return;
  }
  uint32_t reason = decision.reason;
  if (decision.answer.flags != 0) {
    if (!ps_budget_take(&answers_, &next_answer_ns_, now_ns)) {
      reason = PS_REASON_ANSWER_LIMIT;
    } else if (const auto sent = answer(image, packet, parsed, decision); sent < PS_REASON_COUNT) {
      burst.reply_reasons[burst.reply_count] = static_cast<uint8_t>(sent);
      burst.replies[burst.reply_count++] = packet;
      return;
    } else {
      reason = PS_REASON_NO_REPLY_ROOM;
    }
  }
  count(port, reason);
  burst.stopped[burst.stop_count++] = packet;
}

// Turns the packet into its reply: the reason to count it under, or PS_REASON_COUNT when it cannot.
uint32_t PollLoop::answer(ps_image& image, rte_mbuf* packet, const ps_packet& parsed,
                          const ps_decision& decision) noexcept {
  ps_link link;
  const uint8_t* data = head_of(packet);
  if (!ps_link_save(data, data + packet->data_len, &parsed, &link)) return PS_REASON_COUNT;
  line_.length = 0;
  if (decision.answer.text != 0 && ps_line_fetch(&image, decision.answer.text, &line_))
    ps_line_make(&line_, &parsed);
  if (write_reply(packet, parsed, link, decision.answer, line_)) return decision.reason;
  line_.length = 0;
  const auto reset = ps_answer_reset(&parsed);
  return write_reply(packet, parsed, link, reset, line_) ? PS_REASON_NO_REPLY_ROOM
                                                         : PS_REASON_COUNT;
}

// What the port does not take is freed, not kept: a wire has no queue of its own. untaken: the
// reason that it is counted under then.
void PollLoop::send(ps_port from, uint16_t to, rte_mbuf** packets, const uint8_t* reasons,
                    uint16_t total, ps_reason untaken) noexcept {
  if (total == 0) return;
  const uint16_t sent = rte_eth_tx_burst(to, queue_, packets, total);
  for (uint16_t i = 0; i < sent; i++) count(from, reasons[i]);
  if (sent == total) return;
  count(from, untaken, static_cast<uint64_t>(total - sent));
  rte_pktmbuf_free_bulk(packets + sent, static_cast<unsigned>(total - sent));
}

}  // namespace postern::dpdk
