/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
 *
 * A packet's whole way through the core: parse, look up, decide. The only inputs are the arguments,
 * the clock among them; what is written is *packet, and the table of limits. What an engine has
 * left to do is to act on the decision (send on, free, or send the reply that
 * dataplane/core/reply.h writes) and to count its reason and events. ps_judge is the whole; its
 * parts, ps_parse, ps_screen and ps_decide, stand alone for engines that read the clock only once
 * there is something to decide. Those that look addresses up in bursts do that between the parts,
 * and hand the answers to ps_screen_by and ps_decide_by.
 *
 * Judged are connection attempts. Other segments are looked at only where the rules ask for it:
 * under `hard` they are stopped like attempts, and under `refuse` those that acknowledge a cookie
 * of ours are answered.
 */
#ifndef POSTERN_DATAPLANE_CORE_JUDGE_H
#define POSTERN_DATAPLANE_CORE_JUDGE_H

#include "dataplane/core/dynamic.h"
#include "dataplane/core/limit.h"
#include "dataplane/core/refusal.h"
#include "rules/abi/counters.h"

/* What an engine has besides the rules. */
struct ps_tables {
  struct ps_dynamic dynamic;
  struct ps_limits limits;
  const struct ps_cookie_keys* cookies;
};

struct ps_decision {
  uint8_t
      action; /* RESET and REFUSE only where answer.flags is not 0: then a reply is to be sent */
  uint8_t reason;   /* enum ps_reason */
  uint8_t events;   /* bit e: enum ps_event e, to be counted besides the reason */
  uint8_t scan : 1; /* 1: passes, unless its HELO has a signature; see ps_may_have_signature */
  uint8_t over_limit : 1; /* 1: an attempt over the cell's limit, be it only observed; or a segment
                             of a session that such a limit refuses */
  uint8_t reserved : 6;
  uint16_t rule, observed_rule; /* as in the cell; `rule` 0 where an entry or a limit decided */
  uint32_t cell;                /* of the matrix, plus 1; 0: no attempt was judged by one */
  struct ps_answer answer;
};

/* What ps_screen returns for a segment to decide on: no reason of the vocabulary. */
#define PS_UNDECIDED ((enum ps_reason)PS_REASON_COUNT)
/* The number that a service from the inside, which has none in the policy, has for limits. */
#define PS_OUTBOUND_SERVICE 0x10000u

/* What judges a segment: as ps_screen found it. */
struct ps_question {
  uint32_t policy;   /* row of the matrix */
  uint32_t service;  /* for limits: its number in the policy, or PS_OUTBOUND_SERVICE + policy */
  uint16_t greeting; /* number of the text that a refused client is greeted with */
  uint8_t outbound;  /* 1: judged by its destination's class, not its source's */
  uint8_t reserved;
};

/* Whether what it decides on does not go on. */
PS_INLINE int ps_stops(const struct ps_decision* decision) {
  return decision->action != PS_ACTION_ALLOW && decision->action != PS_ACTION_INSPECT;
}

/* The decision that a reason alone stands for: pass, or drop where it stops. */
PS_INLINE struct ps_decision ps_decision_because(enum ps_reason reason) {
  struct ps_decision decision = {PS_ACTION_ALLOW, (uint8_t)reason, 0, 0, 0, 0, 0, 0, 0,
                                 {0, 0, 0, 0, 0}};
  if (ps_reason_stops(reason)) decision.action = PS_ACTION_DROP;
  return decision;
}

/* Whether more than attempts is to be looked at. */
PS_INLINE int ps_judges_segments(const struct ps_snapshot_header* header,
                                 const struct ps_dynamic* dynamic) {
  return (header->features & (PS_FEATURE_HARD | PS_FEATURE_REFUSE)) || ps_dynamic_refuses(dynamic);
}

/* Whether a segment's text is to be looked at for signatures. The BPF program cannot: control does
 * it, with what gets there. */
PS_INLINE int ps_may_have_signature(const struct ps_snapshot_header* header,
                                    const struct ps_packet* packet) {
#ifdef __bpf__
  (void)header, (void)packet;
  return 0;
#else
  return (header->features & PS_FEATURE_SIGNATURE) &&
         (ps_says(packet, PS_VERB_EHLO) || ps_says(packet, PS_VERB_HELO));
#endif
}

/* Whether a frame that arrived on `port` has to be parsed: on the inside port only where there are
 * outbound rules. */
PS_INLINE int ps_wants_parse(struct ps_image* image, enum ps_port port) {
  const struct ps_snapshot_header* header;
  if (port == PS_PORT_WAN) return 1;
  header = ps_image_header(image);
  return header && (header->features & PS_FEATURE_OUTBOUND);
}

/* What judges a TCP segment from the inside; source_class: that of its source. */
PS_INLINE enum ps_reason ps_screen_inside(struct ps_image* image, enum ps_reason parsed,
                                          const struct ps_packet* packet, uint32_t source_class,
                                          struct ps_question* question) {
  struct ps_outbound outbound = ps_outbound_of(image, source_class);
  if (!outbound.port) return PS_REASON_FROM_INSIDE;
  if (parsed == PS_REASON_DEEP_HEADERS) return parsed;
  if (outbound.port != ps_be16_host(packet->destination_port)) return PS_REASON_FROM_INSIDE;
  question->policy = outbound.policy;
  question->service = PS_OUTBOUND_SERVICE + outbound.policy;
  question->outbound = 1;
  return PS_UNDECIDED;
}

/* What judges a TCP segment from outside; set: the service set of its destination. */
PS_INLINE enum ps_reason ps_screen_outside(struct ps_image* image, enum ps_reason parsed,
                                           const struct ps_packet* packet, uint32_t set,
                                           struct ps_question* question) {
  struct ps_service service = {0, 0, 0, 0};
  if (!ps_image_header(image)) return PS_REASON_NO_SNAPSHOT;
  if (!set) return PS_REASON_NOT_SERVICE;
  if (parsed == PS_REASON_DEEP_HEADERS) return parsed;
  if (!ps_service_in(image, set, ps_be16_host(packet->destination_port), &service))
    return PS_REASON_NOT_SERVICE;
  question->policy = service.policy;
  question->service = service.service;
  question->greeting = service.greeting;
  question->outbound = 0;
  return PS_UNDECIDED;
}

/* Whether ps_parse found addresses to screen by. */
PS_INLINE int ps_is_screened(enum ps_reason parsed) {
  return parsed == PS_PARSED_TCP || parsed == PS_REASON_DEEP_HEADERS;
}

/* What settles a frame that is not screened. From the inside, malformed frames are stopped as they
 * are from outside: a fragment must not be a way past the rules. */
PS_INLINE enum ps_reason ps_unscreened(enum ps_port port, enum ps_reason parsed) {
  return port == PS_PORT_WAN || ps_reason_stops(parsed) ? parsed : PS_REASON_FROM_INSIDE;
}

/* ps_screen of a frame that ps_is_screened(), when `found` has been looked up already: from outside
 * the service set of its destination, from inside the class of its source. */
PS_INLINE enum ps_reason ps_screen_by(struct ps_image* image, const struct ps_dynamic* dynamic,
                                      enum ps_port port, enum ps_reason parsed,
                                      const struct ps_packet* packet, uint32_t found,
                                      struct ps_question* question) {
  const struct ps_snapshot_header* header;
  enum ps_reason reason;
  if (port == PS_PORT_WAN)
    reason = ps_screen_outside(image, parsed, packet, found, question);
  else
    reason = ps_screen_inside(image, parsed, packet, found, question);
  if (reason != PS_UNDECIDED || ps_is_attempt(packet)) return reason;
  header = ps_image_header(image);
  if (header && ps_judges_segments(header, dynamic)) return PS_UNDECIDED;
  if (port != PS_PORT_WAN) return PS_REASON_FROM_INSIDE;
  return header && ps_may_have_signature(header, packet) ? PS_UNDECIDED : PS_REASON_NOT_ATTEMPT;
}

/* A frame that arrived on `port`; parsed: what ps_parse said of it, or from-inside where nobody
 * wanted it parsed. PS_UNDECIDED when it is a segment that rules apply to: then *question says by
 * what it is judged. Else the reason that settles it. */
PS_INLINE enum ps_reason ps_screen(struct ps_image* image, const struct ps_dynamic* dynamic,
                                   enum ps_port port, enum ps_reason parsed,
                                   const struct ps_packet* packet, struct ps_question* question) {
  uint32_t found;
  if (!ps_is_screened(parsed)) return ps_unscreened(port, parsed);
  if (port == PS_PORT_WAN)
    found = ps_service_set_of(image, packet->vlan, packet->family, &packet->destination);
  else
    found = ps_class_of(image, packet->family, &packet->source);
  return ps_screen_by(image, dynamic, port, parsed, packet, found, question);
}

/* The reason that goes with a dynamic entry's action. */
PS_INLINE enum ps_reason ps_learned_reason(uint32_t action) {
  switch (action) {
    case PS_ACTION_ALLOW:
      return PS_REASON_LEARNED_ALLOW;
    case PS_ACTION_INSPECT:
      return PS_REASON_LEARNED_INSPECT;
    case PS_ACTION_RESET:
      return PS_REASON_LEARNED_RESET;
    case PS_ACTION_REFUSE:
      return PS_REASON_LEARNED_REFUSE;
    default:
      return PS_REASON_LEARNED_DROP;
  }
}

/* The reason of what is over a limit. */
PS_INLINE enum ps_reason ps_limited_reason(uint32_t action) {
  if (action == PS_ACTION_RESET) return PS_REASON_LIMIT_RESET;
  return action == PS_ACTION_REFUSE ? PS_REASON_LIMIT_REFUSE : PS_REASON_LIMIT_DROP;
}

/* Whether ps_decide may want to know the time. */
PS_INLINE int ps_needs_clock(struct ps_image* image, const struct ps_dynamic* dynamic) {
  const struct ps_snapshot_header* header = ps_image_header(image);
  return (header && (header->features & PS_FEATURE_LIMIT)) || ps_dynamic_in_use(dynamic);
}

/* The address by whose class a segment is judged. */
PS_INLINE const struct ps_address* ps_judged_by(const struct ps_packet* packet,
                                                const struct ps_question* question) {
  return question->outbound ? &packet->destination : &packet->source;
}

/* ps_decide, when the class of ps_judged_by() has been looked up already. Written where it is to
 * be, as to copy what has just been written byte by byte would wait for it. */
PS_INLINE void ps_decide_by(struct ps_image* image, const struct ps_tables* tables,
                            const struct ps_packet* packet, const struct ps_question* question,
                            uint32_t address_class, uint64_t now_ns, struct ps_decision* decision) {
  struct ps_verdict verdict = ps_verdict_of(image, question->policy, address_class);
  uint32_t action = verdict.action, reason = verdict.reason, flags = verdict.flags;
  uint32_t text = verdict.text, has_limit = 0;
  struct ps_limit limit = {0, 0, 0, 0, {0, 0}};
  int learned = -1;

  *decision = ps_decision_because(PS_REASON_NO_RULE);
  decision->rule = (uint16_t)verdict.rule;
  decision->observed_rule = (uint16_t)verdict.observed_rule;
  if (!(flags & PS_VERDICT_FINAL))
    learned = ps_dynamic_action(&tables->dynamic, packet->family, &packet->source, now_ns);
  if (learned >= 0) {
    action = (uint32_t)(learned < PS_ACTION_COUNT ? learned : PS_ACTION_DROP);
    reason = ps_learned_reason(action);
    flags = 0;
    text = PS_TEXT_LEARNED;
    decision->rule = 0;
  } else {
    has_limit = (uint32_t)ps_limit_of(image, verdict.limit, &limit);
  }

  if (!ps_is_attempt(packet)) {
    uint32_t refuses = action == PS_ACTION_REFUSE;
    int said = -1;
    if ((flags & PS_VERDICT_HARD) && (action == PS_ACTION_DROP || action == PS_ACTION_RESET))
      goto decided;
    if (!refuses && has_limit && !limit.observe && limit.otherwise == PS_ACTION_REFUSE) {
      refuses = 1;
      text = PS_TEXT_LIMITED;
      flags = 0;
      decision->over_limit = 1;
      decision->rule = 0;
    }
    if (refuses) said = ps_cookie_said(tables->cookies, packet);
    if (said < 0) {
      const struct ps_snapshot_header* header = ps_image_header(image);
      *decision =
          ps_decision_because(question->outbound ? PS_REASON_FROM_INSIDE : PS_REASON_NOT_ATTEMPT);
      if (header && !question->outbound && !(verdict.flags & PS_VERDICT_FINAL) &&
          learned != PS_ACTION_ALLOW)
        decision->scan = ps_may_have_signature(header, packet) & 1;
      return;
    }
    decision->reason = (uint8_t)ps_refuse_segment(
        packet, (uint32_t)said, (uint16_t)text,
        flags & PS_VERDICT_GREETING ? 0 : question->greeting, &decision->answer);
    decision->action = PS_ACTION_REFUSE;
    /* With nothing to say, or not to such a segment: who decided that stays named. */
    if (!decision->answer.flags) {
      decision->action = PS_ACTION_DROP;
    } else if (!ps_is_answerable(packet)) {
      decision->action = PS_ACTION_DROP;
      decision->reason = PS_REASON_NEVER_ANSWERED;
      decision->answer.flags = 0;
      decision->answer.text = 0;
    }
    return;
  }

  if (learned < 0) decision->cell = ps_cell_of(image, question->policy, address_class);
  if (has_limit) {
    enum ps_limit_result result = ps_limit_take(&tables->limits, &limit, packet->family,
                                                &packet->source, question->service, now_ns);
    if (result == PS_LIMIT_FULL) decision->events |= 1u << PS_EVENT_LIMIT_FULL;
    if (result == PS_LIMIT_OVER) decision->over_limit = 1;
    if (result == PS_LIMIT_OVER && limit.observe) decision->events |= 1u << PS_EVENT_LIMIT_OBSERVED;
    if (result == PS_LIMIT_OVER && !limit.observe) {
      action = limit.otherwise;
      reason = ps_limited_reason(action);
      decision->rule = 0;
    }
  }

decided:
  decision->action = (uint8_t)action;
  decision->reason = (uint8_t)reason;
  if (action != PS_ACTION_RESET && action != PS_ACTION_REFUSE) return;
  if (!ps_may_be_answered(image, packet)) {
    decision->action = PS_ACTION_DROP;
    decision->reason = PS_REASON_NEVER_ANSWERED;
    return;
  }
  decision->answer = action == PS_ACTION_RESET ? ps_answer_reset(packet)
                                               : ps_refuse_attempt(tables->cookies, packet);
}

/* Whether a verdict decides on an attempt by itself, where there are no dynamic entries. */
PS_INLINE int ps_decides_alone(struct ps_verdict verdict) {
  return !verdict.limit && verdict.action != PS_ACTION_RESET && verdict.action != PS_ACTION_REFUSE;
}

/* What ps_decide_by makes of an attempt then. cell: of the matrix, plus 1. */
PS_INLINE void ps_decide_alone(struct ps_verdict verdict, uint32_t cell,
                               struct ps_decision* decision) {
  decision->action = verdict.action;
  decision->reason = verdict.reason;
  decision->events = 0;
  decision->scan = 0;
  decision->over_limit = 0;
  decision->reserved = 0;
  decision->rule = (uint16_t)verdict.rule;
  decision->observed_rule = (uint16_t)verdict.observed_rule;
  decision->cell = cell;
  decision->answer.sequence = 0;
  decision->answer.acknowledgement = 0;
  decision->answer.flags = 0;
  decision->answer.reserved = 0;
  decision->answer.text = 0;
}

/* A segment that ps_screen left undecided. Precedence: protect > allow > dynamic entry > matrix;
 * limits are of the matrix. now_ns is read only where ps_needs_clock(). */
PS_INLINE struct ps_decision ps_decide(struct ps_image* image, const struct ps_tables* tables,
                                       const struct ps_packet* packet,
                                       const struct ps_question* question, uint64_t now_ns) {
  uint32_t address_class = ps_class_of(image, packet->family, ps_judged_by(packet, question));
  struct ps_decision decision;
  ps_decide_by(image, tables, packet, question, address_class, now_ns, &decision);
  return decision;
}

/* data..end is one Ethernet frame as it arrived on `port`. *packet is filled as far as parsing
 * went; it is complete when there is a reply to send. */
PS_INLINE struct ps_decision ps_judge(struct ps_image* image, const struct ps_tables* tables,
                                      enum ps_port port, const uint8_t* data, const uint8_t* end,
                                      uint64_t now_ns, struct ps_packet* packet) {
  struct ps_question question = {0, 0, 0, 0, 0};
  enum ps_reason reason = PS_REASON_FROM_INSIDE;
  if (ps_wants_parse(image, port)) reason = ps_parse(data, end, packet);
  reason = ps_screen(image, &tables->dynamic, port, reason, packet, &question);
  if (reason != PS_UNDECIDED) return ps_decision_because(reason);
  return ps_decide(image, tables, packet, &question, now_ns);
}

#endif
