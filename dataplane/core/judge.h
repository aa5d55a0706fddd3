/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
 *
 * A packet's whole way through the core: parse, look up, decide. Pure: the only inputs are the
 * arguments, the clock among them; nothing is written but *packet. What an engine has left to do
 * is to act on the verdict (send on, free, or write the reply with ps_reset_write) and to count its
 * reason. ps_judge is the whole; its halves, ps_screen and ps_decide, stand alone for engines that
 * read the clock, or work on bursts, only once there is an attempt to decide on.
 */
#ifndef POSTERN_DATAPLANE_CORE_JUDGE_H
#define POSTERN_DATAPLANE_CORE_JUDGE_H

#include "dataplane/core/dynamic.h"
#include "dataplane/core/parse.h"
#include "dataplane/core/reset.h"
#include "rules/abi/counters.h"
#include "rules/abi/lookup.h"

/* What ps_screen returns for an attempt on a service: no reason of the vocabulary. */
#define PS_UNDECIDED ((enum ps_reason)PS_REASON_COUNT)

/* The verdict that a reason alone stands for: pass, or drop where it stops. */
PS_INLINE struct ps_verdict ps_verdict_because(enum ps_reason reason) {
  struct ps_verdict verdict = {PS_ACTION_ALLOW, (uint8_t)reason, 0, 0, 0, 0};
  if (ps_reason_stops(reason)) verdict.action = PS_ACTION_DROP;
  return verdict;
}

/* data..end is one Ethernet frame as it arrived on `port`. PS_UNDECIDED when it is an attempt on a
 * service: then *packet is complete and *service found. Else the reason that settles it. */
PS_INLINE enum ps_reason ps_screen(struct ps_image* image, enum ps_port port, const uint8_t* data,
                                   const uint8_t* end, struct ps_packet* packet,
                                   struct ps_service* service) {
  enum ps_reason parsed;
  if (port != PS_PORT_WAN) return PS_REASON_FROM_INSIDE;
  parsed = ps_parse(data, end, packet);
  if (parsed != PS_PARSED_TCP) return parsed;
  if (!ps_image_header(image)) return PS_REASON_NO_SNAPSHOT;
  if (!ps_service_of(image, packet->family, &packet->destination,
                     ps_be16_host(packet->destination_port), service))
    return PS_REASON_NOT_SERVICE;
  return ps_is_attempt(packet) ? PS_UNDECIDED : PS_REASON_NOT_ATTEMPT;
}

/* The reason that goes with a dynamic entry's action. */
PS_INLINE enum ps_reason ps_learned_reason(enum ps_action action) {
  switch (action) {
    case PS_ACTION_ALLOW:
      return PS_REASON_LEARNED_ALLOW;
    case PS_ACTION_INSPECT:
      return PS_REASON_LEARNED_INSPECT;
    case PS_ACTION_RESET:
      return PS_REASON_LEARNED_RESET;
    default:
      return PS_REASON_LEARNED_DROP;
  }
}

/* An attempt on a service. Precedence: protect > allow > dynamic entry > matrix. now_ns is read
 * only while the dynamic table has entries. A reset that no reply may be sent for becomes a drop,
 * no-reply-room. */
PS_INLINE struct ps_verdict ps_decide(struct ps_image* image, const struct ps_dynamic* dynamic,
                                      const struct ps_packet* packet,
                                      const struct ps_service* service, uint64_t now_ns) {
  uint32_t address_class = ps_class_of(image, packet->family, &packet->source);
  struct ps_verdict verdict = ps_verdict_of(image, service->policy, address_class);
  if (!(verdict.flags & PS_VERDICT_FINAL)) {
    int learned = ps_dynamic_action(dynamic, packet->family, &packet->source, now_ns);
    if (learned >= 0) {
      verdict.action = (uint8_t)(learned < PS_ACTION_COUNT ? learned : PS_ACTION_DROP);
      verdict.reason = (uint8_t)ps_learned_reason((enum ps_action)verdict.action);
      verdict.rule = 0;
    }
  }
  if (verdict.action == PS_ACTION_RESET && !ps_reset_bytes(packet)) {
    verdict.action = PS_ACTION_DROP;
    verdict.reason = PS_REASON_NO_REPLY_ROOM;
  }
  return verdict;
}

/* data..end is one Ethernet frame as it arrived on `port`. *packet is filled as far as parsing
 * went; it is complete when the verdict's action is RESET, and then ps_reset_bytes() is not 0. */
PS_INLINE struct ps_verdict ps_judge(struct ps_image* image, const struct ps_dynamic* dynamic,
                                     enum ps_port port, const uint8_t* data, const uint8_t* end,
                                     uint64_t now_ns, struct ps_packet* packet) {
  struct ps_service service = {0, 0, 0, 0};
  enum ps_reason reason = ps_screen(image, port, data, end, packet, &service);
  if (reason != PS_UNDECIDED) return ps_verdict_because(reason);
  return ps_decide(image, dynamic, packet, &service, now_ns);
}

#endif
