// SPDX-License-Identifier: BSD-3-Clause
//
// The table from the VLANs of a frame to its zone (rules/abi/snapshot_format.h): by the outer
// identifier, and for those where the inner one matters too, another table by that. A site that
// names inner VLANs below every outer one has 64 MiB of them.
#pragma once

#include <span>
#include <vector>

#include "rules/abi/snapshot_format.h"
#include "rules/compile/segments.h"

namespace postern {

// vlans: sorted and disjoint ranges of VlanRange's numbers, with the numbers of their zones. None
// for none.
std::vector<ps_vlan_zones> vlan_zones(std::span<const Segment<KeyV4>> vlans);

}  // namespace postern
