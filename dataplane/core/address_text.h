/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
 *
 * An address as people and mail servers write it: four decimal numbers, or IPv6 as RFC 5952 says,
 * always in hexadecimal. Every digit is written without a branch, to where the next one goes if it
 * is none: the kernel's verifier would follow every branch into every later one.
 */
#ifndef POSTERN_DATAPLANE_CORE_ADDRESS_TEXT_H
#define POSTERN_DATAPLANE_CORE_ADDRESS_TEXT_H

#include "rules/abi/types.h"

/* The compiler must not find out where a number came from and make a branch of it again. */
#define PS_OPAQUE(number) __asm__ volatile("" : "+r"(number))

/* Longest text: 39 bytes, and 8 for "[IPv6:]". */
#define PS_ADDRESS_TEXT_ROOM 64u
struct ps_address_text {
  uint8_t bytes[PS_ADDRESS_TEXT_ROOM];
  uint32_t length;
};

PS_INLINE void ps_put(struct ps_address_text* text, uint32_t byte, uint32_t counts) {
  text->bytes[text->length & (PS_ADDRESS_TEXT_ROOM - 1)] = (uint8_t)byte;
  PS_OPAQUE(counts);
  text->length += counts;
}

/* 1 when a > b; both below 2^31. */
PS_INLINE uint32_t ps_above(uint32_t a, uint32_t b) {
  uint32_t above = (b - a) >> 31;
  PS_OPAQUE(above);
  return above;
}

PS_INLINE void ps_put_v4(struct ps_address_text* text, const struct ps_address* address) {
  uint32_t i;
#ifdef __bpf__
#pragma clang loop unroll(full)
#endif
  for (i = 0; i < 4; i++) {
    uint32_t octet = address->bytes[i], tens = octet / 10u;
    if (i) ps_put(text, '.', 1);
    ps_put(text, '0' + tens / 10u, ps_above(octet, 99));
    ps_put(text, '0' + tens % 10u, ps_above(octet, 9));
    ps_put(text, '0' + octet % 10u, 1);
  }
}

PS_INLINE uint32_t ps_hex_digit(uint32_t value) {
  return '0' + value + ps_above(value, 9) * ('a' - '0' - 10u);
}

/* The first of the longest runs of two or more zero groups becomes "::". */
PS_INLINE void ps_put_v6(struct ps_address_text* text, const struct ps_address* address) {
  uint32_t groups[8], run = 0, longest = 1, first = 8, last, i;
  /* From the end, so that the first of equal runs wins: run is that from group i on. */
#ifdef __bpf__
#pragma clang loop unroll(full)
#endif
  for (i = 8; i-- > 0;) {
    uint32_t group = (uint32_t)address->bytes[2 * i] << 8 | address->bytes[2 * i + 1], take;
    groups[i] = group;
    run = (run + 1u) * (1u - ps_above(group, 0));
    take = ps_above(run + 1u, longest) * ps_above(run, 1); /* run >= longest, and two at least */
    longest += (run - longest) * take;
    first += (i - first) * take;
  }
  last = first + longest; /* behind the run; without one, first is 8 */
#ifdef __bpf__
#pragma clang loop unroll(full)
#endif
  for (i = 0; i < 8; i++) {
    uint32_t group = groups[i];
    uint32_t inside = (1u - ps_above(first, i)) * ps_above(last, i);
    uint32_t outside = 1u - inside, begins = inside * (1u - ps_above(i, first));
    ps_put(text, ':', begins + outside * (i ? 1u : 0u));
    ps_put(text, ps_hex_digit(group >> 12), outside * ps_above(group, 0xfff));
    ps_put(text, ps_hex_digit(group >> 8 & 15u), outside * ps_above(group, 0xff));
    ps_put(text, ps_hex_digit(group >> 4 & 15u), outside * ps_above(group, 0xf));
    ps_put(text, ps_hex_digit(group & 15u), outside);
  }
  ps_put(text, ':', (1u - ps_above(first, 7)) * ps_above(last, 7));
}

/* As in `203.0.113.9` and `2001:db8::1`. */
PS_INLINE void ps_put_address(struct ps_address_text* text, enum ps_family family,
                              const struct ps_address* address) {
  if (family == PS_FAMILY_V4)
    ps_put_v4(text, address);
  else
    ps_put_v6(text, address);
}

/* As in `[203.0.113.9]` and `[IPv6:2001:db8::1]` (RFC 5321 section 4.1.3). */
PS_INLINE void ps_put_literal(struct ps_address_text* text, enum ps_family family,
                              const struct ps_address* address) {
  uint32_t v6 = family == PS_FAMILY_V6;
  PS_OPAQUE(v6);
  ps_put(text, '[', 1);
  ps_put(text, 'I', v6);
  ps_put(text, 'P', v6);
  ps_put(text, 'v', v6);
  ps_put(text, '6', v6);
  ps_put(text, ':', v6);
  ps_put_address(text, family, address);
  ps_put(text, ']', 1);
}

#endif
