// SPDX-License-Identifier: BSD-3-Clause
//
// BurstJudge: what ps_judge says of each frame of a burst (dataplane/core/judge.h), made in stages
// that every frame passes before the next one begins: parse; look addresses up and screen; decide.
// So the tables' waits for memory overlap (rules/snapshot/lookup_burst.h). The parts are the
// core's, and frames are decided on in the order they came in, so that limits see what they would
// see one by one. Nothing allocates or throws. Knows nothing of mbufs.
#pragma once

#include <cstdint>

#include "dataplane/core/judge.h"
#include "rules/snapshot/lookup_burst.h"

namespace postern::dpdk {

class BurstJudge {
 public:
  static constexpr uint32_t kMost = kLookupBurst;

  // The memory of `tables` outlives this.
  explicit BurstJudge(const ps_tables& tables) noexcept : tables_(tables) {}

  struct Frame {
    const uint8_t *data, *end;
  };

  // In this order, once each per burst. image: by which it is judged; ps_wants_parse(port) holds.
  // count: at most kMost.
  void parse(const ps_image& image, ps_port port, const Frame* frames, uint32_t count) noexcept;
  void look_up() noexcept;
  // now_ns: CLOCK_MONOTONIC.
  void decide(uint64_t now_ns) noexcept;

  // By the number of the frame, from 0. The packet is complete when there is a reply to send.
  const ps_packet& packet(uint32_t i) const noexcept { return packets_[i]; }
  const ps_decision& decision(uint32_t i) const noexcept { return decisions_[i]; }

 private:
  // Of one family: which frames are screened, and addresses of theirs to look up, in one order.
  // Who is added is chosen without a branch, as it cannot be foreseen: there is room for one more.
  template <typename Key>
  struct Family {
    uint32_t count = 0;
    uint32_t frames[kMost + 1];
    alignas(64) Key keys[kMost + 1];
    uint32_t vlans[kMost];
  };
  // Where all that is asked for lies, so that it need not be found anew for each frame.
  struct Matrix {
    const ps_verdict* cells;
    uint32_t policies, classes;
  };
  Matrix matrix() const noexcept;
  template <typename Key>
  void look_up(Family<Key>& family) noexcept;
  void decide_whole(uint32_t frame, uint64_t now_ns) noexcept;

  const ps_tables tables_;
  ps_image image_{};
  ps_port port_ = PS_PORT_WAN;
  Family<uint32_t> v4_;  // addresses in host order
  Family<ps_address> v6_;
  uint64_t undecided_ = 0;   // bit i: frame i is left to decide() on
  uint32_t answers_[kMost];  // of look-ups, in the order of their keys
  uint32_t classes_[kMost];  // by which each undecided frame is judged
  ps_reason parsed_[kMost];
  ps_question questions_[kMost];
  alignas(64) ps_packet packets_[kMost];
  alignas(64) ps_decision decisions_[kMost];
};

}  // namespace postern::dpdk
