// SPDX-License-Identifier: BSD-3-Clause
//
// A worker's bursts (dataplane/dpdk/poll_loop.h): receive, judge by the core, act. Nothing here
// allocates, locks, logs or throws. A packet that came in several segments is pulled into the
// first. One larger than its room is larger than the MTU that it was made for: it cannot be sent on
// either, as drivers send what lies in one segment (some read past its end), and is counted so.
#include "dataplane/dpdk/poll_loop.h"

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include <algorithm>

#include "dataplane/core/intact.h"
#include "dataplane/dpdk/burst_tally.h"
#include "dataplane/dpdk/signature_scan.h"
#include "dataplane/engine/helo_name.h"

namespace postern::dpdk {
namespace {

// How many packets ahead of the one judged its headers are asked for.
constexpr uint16_t kPrefetchAhead = 6;
// The reason of a packet that nobody sent us.
constexpr uint8_t kUncounted = PS_REASON_COUNT;

const uint8_t* head_of(const rte_mbuf* packet) noexcept {
  return rte_pktmbuf_mtod(packet, const uint8_t*);
}

// False: it is in several, and cannot be pulled into one.
bool is_in_one_part(rte_mbuf* packet) noexcept {
  return packet->nb_segs == 1 || rte_pktmbuf_linearize(packet) == 0;
}

// Gives a packet the length of the reply that takes its place; false when it cannot.
bool resize(rte_mbuf* packet, uint32_t bytes) noexcept {
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
  rte_mbuf *passing[kMaxBurst + 1], *replies[kMaxBurst], *stopped[kMaxBurst + 1];
  uint8_t pass_reasons[kMaxBurst + 1], reply_reasons[kMaxBurst], stop_reasons[kMaxBurst + 1];
  uint32_t pass_count = 0, reply_count = 0, stop_count = 0;
  uint64_t bytes = 0;
};

PollLoop::PollLoop(const Wire& wire, uint16_t queue, unsigned burst, const RulesInForce& rules,
                   const ps_tables& tables, const ps_budget& answers) noexcept
    : wire_(wire),
      queue_(queue),
      burst_(static_cast<uint16_t>(burst)),
      rules_(rules),
      answers_(answers),
      judge_(tables) {}

template <bool profiled>
unsigned PollLoop::poll_ports(uint64_t now_ns) noexcept {
  return poll_port<profiled>(PS_PORT_WAN, now_ns) + poll_port<profiled>(PS_PORT_MX, now_ns);
}
template unsigned PollLoop::poll_ports<false>(uint64_t) noexcept;
template unsigned PollLoop::poll_ports<true>(uint64_t) noexcept;

void PollLoop::count(ps_port port, uint32_t reason, uint64_t packets) noexcept {
  add(counters_.packets[port][reason], packets);
}

// Those of a run of equal reasons, which bursts are full of, at once: adding to one counter in
// memory again and again waits each time for the last.
void PollLoop::count(ps_port port, const uint8_t* reasons, uint32_t packets) noexcept {
  for (uint32_t i = 0; i < packets;) {
    const uint32_t first = i;
    while (++i < packets && reasons[i] == reasons[first]) {
    }
    if (reasons[first] != kUncounted) count(port, reasons[first], i - first);
  }
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

void PollLoop::add_to(Profile& total) const noexcept {
  total.packets += read(profile_.packets);
  total.bursts += read(profile_.bursts);
  for (size_t stage = 0; stage < total.cycles.size(); stage++)
    total.cycles[stage] += read(profile_.cycles[stage]);
}

template <bool profiled>
unsigned PollLoop::poll_port(ps_port port, uint64_t now_ns) noexcept {
  const uint16_t here = port == PS_PORT_WAN ? wire_.wan : wire_.mx;
  const uint16_t there = port == PS_PORT_WAN ? wire_.mx : wire_.wan;
  rte_mbuf* packets[kMaxBurst];
  Stopwatch<profiled> watch(profile_);
  const uint16_t received = rte_eth_rx_burst(here, queue_, packets, burst_);
  if (received == 0) return 0;
  watch.lap(Stage::kReceive);

  Burst burst;
  uint64_t bytes = 0;
  const auto* in_force = rules_.load(std::memory_order_acquire);
  const WorkerRules rules = in_force ? in_force[queue_] : WorkerRules{};
  ps_image image = rules.image;
  if (ps_wants_parse(&image, port)) {
    constexpr uint16_t kMost = BurstJudge::kMost;
    for (uint16_t first = 0; first < received; first = static_cast<uint16_t>(first + kMost)) {
      const auto left = static_cast<uint16_t>(received - first);
      judge<profiled>(port, rules, packets + first, std::min(left, kMost), now_ns, burst, watch);
    }
    bytes = burst.bytes;
  } else {  // the way out, without rules for it, is not looked at
    for (uint16_t i = 0; i < received; i++) {
      bytes += packets[i]->pkt_len;
      if (!is_in_one_part(packets[i])) {
        stop(packets[i], PS_REASON_EGRESS_FULL, burst);
        continue;
      }
      sample(port, packets[i], ps_decision_because(PS_REASON_FROM_INSIDE), now_ns);
      burst.passing[burst.pass_count] = packets[i];
      burst.pass_reasons[burst.pass_count++] = PS_REASON_FROM_INSIDE;
    }
    watch.lap(Stage::kAct);
  }
  add(counters_.bytes[port], bytes);
  send(port, there, burst.passing, burst.pass_reasons, burst.pass_count, PS_REASON_EGRESS_FULL);
  send(port, here, burst.replies, burst.reply_reasons, burst.reply_count, PS_REASON_NO_REPLY_ROOM);
  count(port, burst.stop_reasons, burst.stop_count);
  if (burst.stop_count > 0) rte_pktmbuf_free_bulk(burst.stopped, burst.stop_count);
  watch.lap(Stage::kSend);
  watch.end(received);
  return received;
}

template <bool profiled>
void PollLoop::judge(ps_port port, const WorkerRules& rules, rte_mbuf** packets,
                     uint16_t packet_count, uint64_t now_ns, Burst& burst,
                     Stopwatch<profiled>& watch) noexcept {
  for (uint16_t i = 0; i < packet_count && i < kPrefetchAhead; i++)
    rte_prefetch0(head_of(packets[i]));
  static_assert(BurstJudge::kMost <= 64);
  BurstJudge::Frame frames[BurstJudge::kMost];
  uint64_t bytes = 0, in_parts = 0;  // bit i of in_parts: packet i
  for (uint16_t i = 0; i < packet_count; i++) {
    auto* packet = packets[i];
    if (i + kPrefetchAhead < packet_count) rte_prefetch0(head_of(packets[i + kPrefetchAhead]));
    bytes += packet->pkt_len;
    if (!is_in_one_part(packet)) in_parts |= uint64_t{1} << i;
    frames[i] = {head_of(packet), head_of(packet) + packet->data_len};
  }
  burst.bytes += bytes;
  judge_.parse(rules.image, port, frames, packet_count);
  watch.lap(Stage::kParse);
  judge_.look_up();
  watch.lap(Stage::kLookUp);
  judge_.decide(now_ns);
  watch.lap(Stage::kDecide);
  BurstTally attempts;
  const bool samples = is_sample_due(packet_count);
  for (uint16_t i = 0; i < packet_count; i++) {
    if (in_parts >> i & 1) {
      stop(packets[i], PS_REASON_EGRESS_FULL, burst);
      continue;
    }
    const auto& decision = judge_.decision(i);
    attempts.note(i, decision.cell, decision.over_limit != 0);
    if (samples && decision.scan == 0) sample(port, packets[i], decision, now_ns);
    act(port, rules, packets[i], judge_.packet(i), decision, now_ns, burst);
  }
  if (rules.cells != nullptr)
    attempts.settle([&](uint32_t number, uint64_t count, uint64_t over_limit) {
      auto& cell = rules.cells[number];
      if (over_limit != 0) add(cell.over_limit, over_limit);
      // Last: who reads this reads those that were over the limit, too.
      __atomic_store_n(&cell.attempts, cell.attempts + count, __ATOMIC_RELEASE);
    });
  watch.lap(Stage::kAct);
}

void PollLoop::act(ps_port port, const WorkerRules& rules, rte_mbuf* packet,
                   const ps_packet& parsed, const ps_decision& decision, uint64_t now_ns,
                   Burst& burst) noexcept {
  if (decision.events != 0)
    for (unsigned event = 0; event < PS_EVENT_COUNT; event++)
      add(counters_.events[event], decision.events >> event & 1u);
  if (decision.scan != 0) {
    if (const auto* signature = signature_of(rules, packet, parsed)) {
      stop_by_signature(port, rules, *signature, packet, parsed, now_ns, burst);
      return;
    }
    sample(port, packet, decision, now_ns);
  }
  uint32_t reason = decision.reason;
  if (decision.answer.flags == 0) {
    // Which of the two cannot be foreseen, so there is no branch on it.
    const bool stops = ps_stops(&decision) != 0;
    burst.passing[burst.pass_count] = burst.stopped[burst.stop_count] = packet;
    burst.pass_reasons[burst.pass_count] = burst.stop_reasons[burst.stop_count] =
        static_cast<uint8_t>(reason);
    burst.pass_count += !stops;
    burst.stop_count += stops;
    return;
  }
  if (!ps_is_intact(head_of(packet), head_of(packet) + packet->data_len, &parsed)) {
    reason = PS_REASON_BAD_CHECKSUM;
  } else if (!ps_budget_take(&answers_, &next_answer_ns_, now_ns)) {
    reason = PS_REASON_ANSWER_LIMIT;
  } else if (const auto sent = answer(rules.image, packet, parsed, decision);
             sent < PS_REASON_COUNT) {
    burst.reply_reasons[burst.reply_count] = static_cast<uint8_t>(sent);
    burst.replies[burst.reply_count++] = packet;
    return;
  } else {
    reason = PS_REASON_NO_REPLY_ROOM;
  }
  stop(packet, reason, burst);
}

void PollLoop::stop(rte_mbuf* packet, uint32_t reason, Burst& burst) noexcept {
  burst.stop_reasons[burst.stop_count] = static_cast<uint8_t>(reason);
  burst.stopped[burst.stop_count++] = packet;
}

// Whether one of a burst's packets is. Seldom: to count those that might be is cheaper than to
// offer each. What may have a signature is offered apart.
bool PollLoop::is_sample_due(uint16_t packet_count) noexcept {
  const uint64_t wanted = samples_.wanted();
  if (wanted == 0) [[likely]]
    return false;
  uint32_t count = 0;
  for (uint16_t i = 0; i < packet_count; i++) {
    const auto& decision = judge_.decision(i);
    count += (wanted >> decision.reason & 1u) & (decision.scan == 0);
  }
  return !samples_.pass_over(count);
}

// Before the packet is acted on. What may have a signature is offered once that is known.
void PollLoop::sample(ps_port port, const rte_mbuf* packet, const ps_decision& decision,
                      uint64_t now_ns) noexcept {
  samples_.offer(decision, port, head_of(packet), packet->data_len, packet->pkt_len, now_ns);
}

// Of a segment that begins with HELO or EHLO. Only what is in this segment is looked at.
const Signature* PollLoop::signature_of(const WorkerRules& rules, rte_mbuf* packet,
                                        const ps_packet& parsed) noexcept {
  if (rules.signatures == nullptr) return nullptr;
  const size_t begin = size_t{parsed.l4_offset} + parsed.segment_bytes - parsed.payload_bytes;
  if (begin + parsed.payload_bytes > packet->data_len) return nullptr;
  const std::string_view payload(reinterpret_cast<const char*>(head_of(packet)) + begin,
                                 parsed.payload_bytes);
  return rules.signatures->find(queue_, helo_name(payload));
}

// Only a segment that its receiver would take: what is damaged is counted and goes no further.
void PollLoop::stop_by_signature(ps_port port, const WorkerRules& rules, const Signature& signature,
                                 rte_mbuf* packet, const ps_packet& parsed, uint64_t now_ns,
                                 Burst& burst) noexcept {
  const uint8_t* data = head_of(packet);
  const bool resets = signature.action == Action::RESET;
  uint32_t reason = PS_REASON_SIGNATURE_DROP;
  auto decision =
      ps_decision_because(resets ? PS_REASON_SIGNATURE_RESET : PS_REASON_SIGNATURE_DROP);
  decision.action = static_cast<uint8_t>(signature.action);
  sample(port, packet, decision, now_ns);
  ps_image image = rules.image;
  if (resets && !ps_may_be_answered(&image, &parsed)) {
    reason = PS_REASON_NEVER_ANSWERED;
  } else if (!ps_is_intact(data, data + packet->data_len, &parsed)) {
    reason = PS_REASON_BAD_CHECKSUM;
  } else {
    if (signature.learn.count() > 0 && ps_may_be_answered(&image, &parsed) &&
        !rules.signatures->teach(queue_, signature, parsed.family, parsed.source))
      add(counters_.events[PS_EVENT_TEACH_FULL], 1);
    if (resets) {
      if (!ps_budget_take(&answers_, &next_answer_ns_, now_ns))
        reason = PS_REASON_ANSWER_LIMIT;
      else if (reset_both_ends(packet, parsed, now_ns, burst))
        return;
      else
        reason = PS_REASON_NO_REPLY_ROOM;
    }
  }
  stop(packet, reason, burst);
}

// The packet becomes the RST that goes on to the service, whose side is counted; its sender's is
// another one. Where there is no memory for that one, or it would be one too many, its sender is
// reset by the service's own stack, as soon as it sends more.
bool PollLoop::reset_both_ends(rte_mbuf* packet, const ps_packet& parsed, uint64_t now_ns,
                               Burst& burst) noexcept {
  const uint8_t* data = head_of(packet);
  ps_link link;
  if (!ps_link_save(data, data + packet->data_len, &parsed, &link)) return false;
  const bool may = ps_budget_take(&answers_, &next_answer_ns_, now_ns) != 0;
  auto* back = may ? rte_pktmbuf_alloc(packet->pool) : nullptr;
  line_.length = 0;
  const auto to_sender = ps_answer_reset(&parsed);
  if (back != nullptr && write_reply(back, parsed, link, to_sender, line_)) {
    burst.reply_reasons[burst.reply_count] = kUncounted;
    burst.replies[burst.reply_count++] = back;
  } else {
    rte_pktmbuf_free(back);
  }
  ps_link_turn(&link);
  const auto onward = ps_turned(&parsed);
  const auto to_service = ps_answer_reset(&onward);
  if (!write_reply(packet, onward, link, to_service, line_)) return false;
  burst.pass_reasons[burst.pass_count] = PS_REASON_SIGNATURE_RESET;
  burst.passing[burst.pass_count++] = packet;
  return true;
}

// Turns the packet into its reply: the reason to count it under, or PS_REASON_COUNT when it cannot.
[[gnu::noinline]] uint32_t PollLoop::answer(const ps_image& rules, rte_mbuf* packet,
                                            const ps_packet& parsed,
                                            const ps_decision& decision) noexcept {
  ps_image image = rules;
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
                    uint32_t total, ps_reason untaken) noexcept {
  if (total == 0) return;
  const uint16_t sent = rte_eth_tx_burst(to, queue_, packets, static_cast<uint16_t>(total));
  count(from, reasons, sent);
  if (sent == total) return;
  const auto uncounted = std::count(reasons + sent, reasons + total, kUncounted);
  count(from, untaken, total - sent - static_cast<uint64_t>(uncounted));
  rte_pktmbuf_free_bulk(packets + sent, total - sent);
}

}  // namespace postern::dpdk
