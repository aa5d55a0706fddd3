/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
 *
 * The few types that the freestanding C of Postern is written in: fixed widths, and big-endian
 * integers that the compiler will not mix up with host ones. Included by the BPF program (clang,
 * -ffreestanding), by the DPDK engine and by C++. Nothing here needs a C library.
 */
#ifndef POSTERN_RULES_ABI_TYPES_H
#define POSTERN_RULES_ABI_TYPES_H

#include <stddef.h>
#include <stdint.h>

#define PS_INLINE static inline __attribute__((always_inline))

/* What is called from several places and is long: in BPF one function for all of them, as every
 * copy would count towards what the kernel's verifier is willing to look at. */
#ifdef __bpf__
#define PS_OUTLINE static __attribute__((noinline))
#else
#define PS_OUTLINE PS_INLINE
#endif

/* An index that is below a power of two, as the kernel's verifier has to be told: the compiler
 * knows it too well to leave a mask where there is one. */
#ifdef __bpf__
#define PS_BELOW(index, power)          \
  ({                                    \
    __asm__ volatile("" : "+r"(index)); \
    (index) & ((power)-1u);             \
  })
#else
#define PS_BELOW(index, power) (index)
#endif

/* Reads a field from memory, once and now: its writer may be another thread or process. */
#define PS_READ_ONCE(field) (*(const volatile __typeof__(field)*)&(field))

/* Network byte order, as it lies in the packet. Wrapped, so that neither can be assigned to or
 * compared with a host-order number by accident. */
typedef struct {
  uint16_t raw;
} ps_be16;
typedef struct {
  uint32_t raw;
} ps_be32;

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define PS_SWAP16(x) ((uint16_t)__builtin_bswap16(x))
#define PS_SWAP32(x) __builtin_bswap32(x)
#else
#define PS_SWAP16(x) ((uint16_t)(x))
#define PS_SWAP32(x) ((uint32_t)(x))
#endif

PS_INLINE uint16_t ps_be16_host(ps_be16 v) {
  return PS_SWAP16(v.raw);
}
PS_INLINE uint32_t ps_be32_host(ps_be32 v) {
  return PS_SWAP32(v.raw);
}
PS_INLINE ps_be16 ps_be16_of(uint16_t host) {
  ps_be16 v = {PS_SWAP16(host)};
  return v;
}
PS_INLINE ps_be32 ps_be32_of(uint32_t host) {
  ps_be32 v = {PS_SWAP32(host)};
  return v;
}

/* An IPv4 or IPv6 address in network byte order. An IPv4 address fills the first four bytes; the
 * rest is zero. Which one it is, is said beside it (enum ps_family). */
struct ps_address {
  uint8_t bytes[16];
} __attribute__((aligned(4))); /* so that BPF may copy it by words */

enum ps_family { PS_FAMILY_V4 = 4, PS_FAMILY_V6 = 6 };

#endif
