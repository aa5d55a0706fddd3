// SPDX-License-Identifier: BSD-3-Clause
//
// When a port goes down for the other, and when it comes up (dataplane/engine/link_propagation.h).
#include "dataplane/engine/link_propagation.h"

namespace postern {
namespace {

constexpr ps_port other(ps_port port) noexcept {
  return port == PS_PORT_WAN ? PS_PORT_MX : PS_PORT_WAN;
}

}  // namespace

LinkPropagation::LinkPropagation(uint64_t now) noexcept {
  for (auto& end : ends_) end = {false, now, now + kSettleTime};
}

void LinkPropagation::note(End& end, bool carrier, uint64_t now) noexcept {
  if (carrier) end.settled_from = 0;
  if (carrier == end.carrier) return;
  end.carrier = carrier;
  end.since = now;
}

std::optional<ps_port> LinkPropagation::observe(bool wan_carrier, bool mx_carrier,
                                                uint64_t now) noexcept {
  if (down_ != PS_PORT_WAN) note(ends_[PS_PORT_WAN], wan_carrier, now);
  if (down_ != PS_PORT_MX) note(ends_[PS_PORT_MX], mx_carrier, now);
  if (down_) {
    const auto& cause = ends_[other(*down_)];
    if (cause.carrier && now - cause.since >= kReturnTime) {
      ends_[*down_] = {false, now, now + kSettleTime};
      down_.reset();
    }
    return down_;
  }
  for (const auto port : {PS_PORT_WAN, PS_PORT_MX}) {
    const auto& lost = ends_[port];
    const auto& left = ends_[other(port)];
    if (!lost.carrier && now >= lost.settled_from && now - lost.since >= kLossTime &&
        left.carrier && now - left.since >= kReturnTime)
      down_ = other(port);
  }
  return down_;
}

}  // namespace postern
