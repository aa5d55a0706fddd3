// SPDX-License-Identifier: BSD-3-Clause
//
// What counts as one source wherever something is kept of sources: one IPv4 address, or one IPv6
// /64, which is what a single customer has.
#pragma once

#include "rules/address/address.h"

namespace postern::policy {

inline Prefix source_of(const IpAddress& address) {
  return *Prefix::make(address, address.is_v4() ? 32 : 64, Prefix::HostBits::kMask);
}

}  // namespace postern::policy
