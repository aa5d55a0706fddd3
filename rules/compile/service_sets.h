// SPDX-License-Identifier: BSD-3-Clause
//
// Service sets: which services there are at a destination address, by port. VLANs that services
// name divide frames into zones, each with destinations of its own: there, a service that names the
// VLANs more narrowly stands before one at the same address and port. The parser has made sure that
// no two services share an address, a port and VLANs.
#pragma once

#include <cstdint>
#include <vector>

#include "rules/abi/snapshot_format.h"
#include "rules/compile/refusal_texts.h"
#include "rules/compile/segments.h"
#include "rules/policy/policy.h"

namespace postern {

struct ServiceSets {
  struct Zone {
    std::vector<Segment<KeyV4>> segments_v4;  // value: the number of the set
    std::vector<Segment<KeyV6>> segments_v6;
  };
  std::vector<Zone> zones;            // zone 0: of frames in VLANs that no service names
  std::vector<Segment<KeyV4>> vlans;  // of VlanRange's numbers; value: the number of the zone
  std::vector<ps_service_set> sets;   // set 0 is empty
};

// row_of_service: per Policy::services. Throws BadInput beyond the limits of the format.
ServiceSets assign_service_sets(const Policy& policy, const std::vector<uint32_t>& row_of_service,
                                const RefusalTexts& texts);

}  // namespace postern
