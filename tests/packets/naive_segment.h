// SPDX-License-Identifier: BSD-3-Clause
//
// NaiveSegment: a frame read the slow way for the naive oracle, from the standards' pictures, with
// exceptions for running out of bytes; and its checksums.
#pragma once

#include <cstdint>

#include "rules/abi/vocabulary.h"
#include "rules/address/address.h"
#include "tests/packets/builder.h"

namespace postern::packets {

// Thrown by whatever finds out what becomes of the frame.
struct Settled {
  Reason reason;
};

// Thrown by an IPv6 packet with more headers than are looked at.
struct TooDeep {};

struct NaiveSegment {
  Bytes link;         // the Ethernet header with its tags
  Bytes ip_header;    // of IPv4, with its options
  Bytes tcp;          // header and payload
  size_t tcp_at = 0;  // in the frame
  bool is_fragment = false;
  IpAddress source, destination;
  unsigned source_port = 0, destination_port = 0, flags = 0;
  uint32_t sequence = 0, acknowledgement = 0;
  Bytes payload;

  bool is_attempt() const { return (flags & kSyn) != 0 && (flags & (kAck | kRst)) == 0; }
};

// Throws Settled where there is no TCP header to judge. On TooDeep, the segment has its addresses.
void read(const Bytes& frame, NaiveSegment& segment);

// Both checksums are right.
bool is_intact(const NaiveSegment& segment);

// The frame with the right checksums, where it is a whole segment; else as it is.
Bytes with_checksums(Bytes frame);

}  // namespace postern::packets
