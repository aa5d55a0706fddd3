// SPDX-License-Identifier: BSD-3-Clause
//
// BurstJudge: what ps_judge says of each frame of a burst (dataplane/core/judge.h), made in stages
// that every frame passes before the next one begins: parse; look addresses up and screen; decide.
// So the tables' waits for memory overlap (rules/snapshot/lookup_burst.h). The parts are the
// core's, and frames are decided on in the order they came in, so that limits see what they would
// see one by one. Nothing allocates or throws. Knows nothing of mbufs.
#pragma once

#include <cstdint>
#include <cstring>

#include "dataplane/core/judge.h"
#include "rules/snapshot/lookup_burst.h"

namespace postern::dpdk {

class BurstJudge {
 public:
  static constexpr uint32_t kMost = kLookupBurst;

  // The memory of `tables` outlives this.
  explicit BurstJudge(const ps_tables& tables) noexcept : tables_(tables) {}

  // In this order, once each per burst. image: by which it is judged; ps_wants_parse(port) holds.
  void begin(const ps_image& image, ps_port port) noexcept;
  // data..end: the next frame; at most kMost of them.
  void parse(const uint8_t* data, const uint8_t* end) noexcept;
  void look_up() noexcept;
  // now_ns: CLOCK_MONOTONIC.
  void decide(uint64_t now_ns) noexcept;

  // By the number of the frame, from 0. The packet is complete when there is a reply to send.
  const ps_packet& packet(uint32_t i) const noexcept { return packets_[i]; }
  const ps_decision& decision(uint32_t i) const noexcept { return decisions_[i]; }

 private:
  // Addresses to look up, by family, and whose they are. Who is added is chosen without a branch.
  struct Addresses {
    burst::Chosen v4, v6;
    uint32_t v4_addresses[kMost + 1];
    alignas(64) ps_address v6_addresses[kMost + 1];

    void clear() noexcept { v4.count = v6.count = 0; }
    [[gnu::always_inline]] void add_if(bool chosen, uint32_t number, ps_family family,
                                       const ps_address& address) noexcept {
      uint32_t first;
      std::memcpy(&first, address.bytes, sizeof first);
      v4_addresses[v4.count] = PS_SWAP32(first);
      v6_addresses[v6.count] = address;
      v4.add_if(chosen & (family == PS_FAMILY_V4), number);
      v6.add_if(chosen & (family == PS_FAMILY_V6), number);
    }
  };
  template <typename LookUp>
  void look_up_each(LookUp look_up) noexcept;

  const ps_tables tables_;
  ps_image image_{};
  ps_port port_ = PS_PORT_WAN;
  uint32_t count_ = 0;
  burst::Chosen screened_, undecided_;
  Addresses addresses_;
  uint32_t answers_[kMost];  // of look-ups: one per address, in the order of addresses_
  uint32_t found_[kMost];    // what each frame is screened by, then the class that judges it
  ps_reason parsed_[kMost];
  ps_question questions_[kMost];
  alignas(64) ps_packet packets_[kMost];
  alignas(64) ps_decision decisions_[kMost];
};

}  // namespace postern::dpdk
