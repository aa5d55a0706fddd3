/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
 *
 * The reply to an attempt that a rule resets: an RST that the sender's stack accepts (RFC 9293
 * §3.10.7.1: to a SYN without ACK, sequence 0 and acknowledgement sequence+1+payload, RST and ACK).
 * Built over the request, VLAN tags kept, addresses and ports swapped, checksums whole.
 */
#ifndef POSTERN_DATAPLANE_CORE_RESET_H
#define POSTERN_DATAPLANE_CORE_RESET_H

#include "dataplane/core/parse.h"

/* Length in bytes of the reply's frame, which is never longer than the request; 0 when none may be
 * sent (multicast or broadcast addresses on either layer). */
PS_INLINE uint32_t ps_reset_bytes(const struct ps_packet* packet);

/* Writes the reply over the request. The frame must already have been cut to ps_reset_bytes() (or
 * the caller cuts it afterwards). 1 when written, 0 when the bounds do not hold (a BPF verifier
 * sees that check; it does not happen). */
PS_INLINE int ps_reset_write(uint8_t* data, const uint8_t* end, const struct ps_packet* packet);

#endif
