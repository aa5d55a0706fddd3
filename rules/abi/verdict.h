/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
 *
 * The one vocabulary of actions and reasons. Names in counters, JSON, logs, documents and the BPF
 * program all derive from the two lists below; nothing else in the tree spells an action or a
 * reason. Add at the end of a group only: the numbers are part of the snapshot format.
 */
#ifndef POSTERN_RULES_ABI_VERDICT_H
#define POSTERN_RULES_ABI_VERDICT_H

#include "rules/abi/types.h"

/* X(NAME, "word in the policy language and in every output") */
#define PS_ACTIONS(X)   \
  X(ALLOW, "allow")     \
  X(INSPECT, "inspect") \
  X(DROP, "drop")       \
  X(RESET, "reset")     \
  X(REFUSE, "refuse")

/* What becomes of a packet with this reason. */
#define PS_FATE_PASS 0
#define PS_FATE_STOP 1

/* X(NAME, fate, "word", "what it means") - every received packet is counted under exactly one. */
#define PS_REASONS(X)                                                                          \
  X(NOT_IP, PASS, "not-ip", "neither IPv4 nor IPv6 (ARP, LLDP, LACP, STP, ...)")               \
  X(ENCAPSULATED, PASS, "encapsulated",                                                        \
    "MPLS, PPPoE, or more VLAN tags than two: not looked into")                                \
  X(NOT_TCP, PASS, "not-tcp", "IP, but not TCP (ICMP, UDP, GRE, ...)")                         \
  X(LATER_FRAGMENT, PASS, "later-fragment", "a fragment without a TCP header")                 \
  X(FROM_INSIDE, PASS, "from-inside", "arrived on the inside port")                            \
  X(NOT_SERVICE, PASS, "not-service", "not to an address and port of a service")               \
  X(NOT_ATTEMPT, PASS, "not-attempt", "not a connection attempt (SYN without ACK and RST)")    \
  X(NO_SNAPSHOT, PASS, "no-snapshot", "no rules are loaded")                                   \
  X(NO_RULE, PASS, "no-rule", "an attempt that no rule of the service's policy matches")       \
  X(PROTECTED, PASS, "protected", "the source is protected; nothing can stop it")              \
  X(RULE_ALLOW, PASS, "rule-allow", "an allow rule matches the source")                        \
  X(RULE_INSPECT, PASS, "rule-inspect", "an inspect rule matches; control looks harder")       \
  X(LEARNED_ALLOW, PASS, "learned-allow", "a dynamic entry says allow")                        \
  X(LEARNED_INSPECT, PASS, "learned-inspect", "a dynamic entry says inspect")                  \
  X(RULE_DROP, STOP, "rule-drop", "a drop rule matches the source")                            \
  X(RULE_RESET, STOP, "rule-reset", "a reset rule matches the source; an RST was sent back")   \
  X(RULE_REFUSE, STOP, "rule-refuse", "a refuse rule matches; a stateless 554 answers")        \
  X(LEARNED_DROP, STOP, "learned-drop", "a dynamic entry says drop")                           \
  X(LEARNED_RESET, STOP, "learned-reset", "a dynamic entry says reset; an RST was sent back")  \
  X(LEARNED_REFUSE, STOP, "learned-refuse", "a dynamic entry says refuse; a 554 answers")      \
  X(LIMIT_DROP, STOP, "limit-drop", "more attempts than its source may make; dropped")         \
  X(LIMIT_RESET, STOP, "limit-reset", "more attempts than its source may make; an RST")        \
  X(LIMIT_REFUSE, STOP, "limit-refuse", "more attempts than its source may make; a 421")       \
  X(REFUSAL_GREETING, STOP, "refusal-greeting", "refused: its handshake or HELO was answered") \
  X(REFUSAL_TEXT, STOP, "refusal-text", "refused: its command was answered with the reason")   \
  X(REFUSAL_END, STOP, "refusal-end", "refused: its QUIT or FIN was answered with a FIN")      \
  X(REFUSAL_QUIET, STOP, "refusal-quiet", "refused: a segment that needs no answer")           \
  X(SIGNATURE_DROP, STOP, "signature-drop", "its HELO has a signature that is dropped")        \
  X(SIGNATURE_RESET, STOP, "signature-reset", "its HELO has a signature that is reset")        \
  X(TRUNCATED_ETHERNET, STOP, "truncated-ethernet", "ends inside its Ethernet or VLAN header") \
  X(BAD_IP_HEADER, STOP, "bad-ip-header", "ends inside its IP header, or the header lies")     \
  X(TRUNCATED_TCP, STOP, "truncated-tcp", "ends inside its TCP header, or the header lies")    \
  X(SHORT_FIRST_FRAGMENT, STOP, "short-first-fragment", "first fragment without all of TCP")   \
  X(OVERLAPPING_FRAGMENT, STOP, "overlapping-fragment", "TCP fragment at offset 1 (RFC 3128)") \
  X(DEEP_HEADERS, STOP, "deep-headers", "to a service, with IPv6 headers beyond the walk")     \
  X(NEVER_ANSWERED, STOP, "never-answered", "a reply was due, but not to such a packet")       \
  X(BAD_CHECKSUM, STOP, "bad-checksum", "a reply was due, but a checksum is wrong")            \
  X(ANSWER_LIMIT, STOP, "answer-limit", "a reply was due, but this second's are used up")      \
  X(NO_REPLY_ROOM, STOP, "no-reply-room", "a reply was due, but the packet could not hold it") \
  X(EGRESS_FULL, STOP, "egress-full", "should pass, but the other port did not take it")

enum ps_action {
#define PS_X(name, word) PS_ACTION_##name,
  PS_ACTIONS(PS_X)
#undef PS_X
      PS_ACTION_COUNT
};

enum ps_reason {
#define PS_X(name, fate, word, text) PS_REASON_##name,
  PS_REASONS(PS_X)
#undef PS_X
      PS_REASON_COUNT
};

/* Set in ps_verdict.flags. */
#define PS_VERDICT_FINAL 0x1u    /* protect or allow: a dynamic entry cannot override it */
#define PS_VERDICT_HARD 0x2u     /* drop, reset: every segment, not only attempts */
#define PS_VERDICT_GREETING 0x4u /* refuse: the 554 as the greeting */

/* One cell of the policy matrix. One word, so that eight fill a block and a list that expires can
 * be taken out of a live matrix by plain stores: a reader sees the cell before or after, never half
 * of each. */
struct ps_verdict {
  uint64_t action : 8;         /* enum ps_action */
  uint64_t reason : 8;         /* enum ps_reason */
  uint64_t flags : 4;          /* PS_VERDICT_* */
  uint64_t limit : 8;          /* number of the struct ps_limit that attempts are held to first */
  uint64_t rule : 11;          /* 1-based number of the rule that decides in its policy */
  uint64_t observed_rule : 11; /* that of the first observe rule that would have decided */
  uint64_t text : 14;          /* refuse: number of the struct ps_text that says why */
};                             /* 0: none, of all four numbers */

PS_INLINE int ps_reason_stops(uint32_t reason) {
  switch (reason) {
#define PS_X(name, fate, word, text) \
  case PS_REASON_##name:             \
    return PS_FATE_##fate;
    PS_REASONS(PS_X)
#undef PS_X
    default:
      return PS_FATE_STOP;
  }
}

#endif
