// SPDX-License-Identifier: BSD-3-Clause
//
// What holds for a frame of which the core sees the first part only: it may stop what it cannot
// see, but what it lets pass or judges is what it would have been as a whole.
#pragma once

#include <algorithm>
#include <cstring>

#include "dataplane/core/parse.h"
#include "tests/packets/builder.h"

namespace postern::packets {

// part: bytes in the first part; at most the frame's.
inline bool agrees_in_parts(const Bytes& frame, size_t part) {
  part = std::min(part, frame.size());
  const Bytes first(frame.begin(), frame.begin() + static_cast<ptrdiff_t>(part));
  ps_packet whole, seen;
  const auto expected = ps_parse(frame.data(), frame.data() + frame.size(), &whole);
  const auto found = ps_parse_part(first.data(), first.data() + first.size(),
                                   static_cast<uint32_t>(frame.size() - part), &seen);
  if (found == PS_PARSED_TCP || found == PS_REASON_DEEP_HEADERS) {
    if (seen.payload_head == 0) whole.payload_head = 0;  // those bytes may lie behind
    return found == expected && std::memcmp(&seen, &whole, sizeof seen) == 0;
  }
  return ps_reason_stops(found) || found == expected;
}

}  // namespace postern::packets
