/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
 *
 * A packet's whole way through the core: parse, look up, decide. Pure: the only inputs are the
 * arguments, the clock among them; nothing is written but *packet. What an engine has left to do
 * is to act on the verdict (send on, free, or call ps_reset_reply) and to count its reason.
 */
#ifndef POSTERN_DATAPLANE_CORE_JUDGE_H
#define POSTERN_DATAPLANE_CORE_JUDGE_H

#include "dataplane/core/dynamic.h"
#include "dataplane/core/parse.h"
#include "rules/abi/counters.h"
#include "rules/abi/lookup.h"

PS_INLINE struct ps_verdict ps_pass(enum ps_reason reason) {
  struct ps_verdict verdict = {PS_ACTION_ALLOW, (uint8_t)reason, 0, 0, 0};
  return verdict;
}

/* An attempt on a service. Precedence: protect > allow > dynamic entry > matrix. */
PS_INLINE struct ps_verdict ps_decide(struct ps_image* image, const struct ps_dynamic* dynamic,
                                      const struct ps_packet* packet,
                                      const struct ps_service* service, uint64_t now_ns) {
  uint32_t address_class = ps_class_of(image, packet->family, &packet->source);
  struct ps_verdict verdict = ps_verdict_of(image, service->policy, address_class);
  int learned;
  if (verdict.flags & PS_VERDICT_FINAL) return verdict;
  learned = ps_dynamic_action(dynamic, packet->family, &packet->source, now_ns);
  if (learned < 0) return verdict;
  verdict.action = (uint8_t)learned;
  verdict.rule = 0;
  switch (learned) {
    case PS_ACTION_ALLOW:
      verdict.reason = PS_REASON_LEARNED_ALLOW;
      break;
    case PS_ACTION_INSPECT:
      verdict.reason = PS_REASON_LEARNED_INSPECT;
      break;
    case PS_ACTION_RESET:
      verdict.reason = PS_REASON_LEARNED_RESET;
      break;
    default:
      verdict.action = PS_ACTION_DROP;
      verdict.reason = PS_REASON_LEARNED_DROP;
  }
  return verdict;
}

/* data..end is one Ethernet frame as it arrived on `port`. *packet is filled as far as parsing
 * went; it is complete exactly when the verdict's action is RESET. */
PS_INLINE struct ps_verdict ps_judge(struct ps_image* image, const struct ps_dynamic* dynamic,
                                     enum ps_port port, const uint8_t* data, const uint8_t* end,
                                     uint64_t now_ns, struct ps_packet* packet) {
  struct ps_verdict stop = {PS_ACTION_DROP, 0, 0, 0, 0};
  struct ps_service service;
  enum ps_reason parsed;
  if (port != PS_PORT_WAN) return ps_pass(PS_REASON_FROM_INSIDE);
  parsed = ps_parse(data, end, packet);
  if (parsed != PS_PARSED_TCP) {
    if (!ps_reason_stops(parsed)) return ps_pass(parsed);
    stop.reason = (uint8_t)parsed;
    return stop;
  }
  if (!ps_image_header(image)) return ps_pass(PS_REASON_NO_SNAPSHOT);
  if (!ps_service_of(image, packet->family, &packet->destination,
                     ps_be16_host(packet->destination_port), &service))
    return ps_pass(PS_REASON_NOT_SERVICE);
  if (!ps_is_attempt(packet)) return ps_pass(PS_REASON_NOT_ATTEMPT);
  return ps_decide(image, dynamic, packet, &service, now_ns);
}

#endif
