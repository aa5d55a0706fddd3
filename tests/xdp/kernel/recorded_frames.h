// SPDX-License-Identifier: BSD-3-Clause
//
// Frames with what is to become of them, as record_frames writes them and replay_frames reads them
// on another kernel: plain structs, one after the other. One machine writes and reads.
#pragma once

#include <cstdint>

#include "dataplane/core/cookie.h"

namespace postern::packets {

inline constexpr uint32_t kFramesMagic = 0x50465232;

// Then follow: the image, the dynamic table, the limit table, and `frames` frames.
struct RecordedHeader {
  uint32_t magic = kFramesMagic;
  uint32_t image_chunks = 0;
  uint32_t dynamic_buckets = 0;
  uint32_t limit_buckets = 0;
  uint32_t frames = 0;
  uint32_t reserved = 0;
  ps_cookie_keys cookies{};
};

// Then follow the frame, and the frame that it is to be afterwards.
struct RecordedFrame {
  uint64_t now_ns = 0;
  uint32_t port = 0;    // enum ps_port
  uint32_t result = 0;  // XDP_PASS, XDP_DROP or XDP_TX, in the host topology
  uint32_t reason = 0;  // enum ps_reason
  uint32_t events = 0;  // bit e: enum ps_event e
  uint32_t bytes_in = 0, bytes_out = 0;
};

}  // namespace postern::packets
