// SPDX-License-Identifier: BSD-3-Clause
//
// LinkPropagation: when the cable of one port of a wire has no carrier, the other port is taken
// down, so that whoever is there sees what it would see on a cable: nobody. This is the decision
// alone, without devices; LinkWatch acts on it. A port that is down by our doing cannot tell
// whether somebody is at its end, so it is only ever taken down for the sake of the other, and
// comes up again when that one is back.
//
// A carrier that comes and goes moves nothing: a loss counts after kLossTime, a return after
// kReturnTime, and a port that was just brought up has kSettleTime to find its carrier, as cards
// negotiate for seconds.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "rules/abi/counters.h"

namespace postern {

class LinkPropagation {
 public:
  static constexpr uint64_t kLossTime = 200'000'000;  // nanoseconds, as all below
  static constexpr uint64_t kReturnTime = 1'000'000'000;
  static constexpr uint64_t kSettleTime = 10'000'000'000;

  // now: of a clock that does not go back. Both ports are up, and are given time to settle.
  explicit LinkPropagation(uint64_t now) noexcept;

  // What the ports' carriers are. The port that is to be down from now on; nullopt: both are to be
  // up. That port's own carrier is not looked at while it is down.
  std::optional<ps_port> observe(bool wan_carrier, bool mx_carrier, uint64_t now) noexcept;

 private:
  struct End {
    bool carrier = false;
    uint64_t since = 0;         // the carrier is as it is
    uint64_t settled_from = 0;  // without a carrier until then, it has not lost one
  };
  void note(End& end, bool carrier, uint64_t now) noexcept;

  std::array<End, PS_PORT_COUNT> ends_;
  std::optional<ps_port> down_;
};

}  // namespace postern
