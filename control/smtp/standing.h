// SPDX-License-Identifier: BSD-3-Clause
//
// What the policy says about a client's address before it has said anything: whether nothing may be
// held against it, and who is to be turned away first when there is no room for all.
#pragma once

#include <cstdint>

#include "control/policy/exemption.h"
#include "control/smtp/overload.h"
#include "rules/address/address.h"
#include "rules/snapshot/snapshot.h"

namespace postern::smtp {

// Where a session is: the client's address, and the address and port of ours that it came to.
struct SessionEnds {
  IpAddress client;
  uint16_t client_port = 0;
  IpAddress local;
  uint16_t local_port = 0;
  bool balancer = false;  // a load balancer's own session, to see whether we live
};

inline policy::LocalPlace local_place(const SessionEnds& ends) {
  return {.address = ends.local, .port = ends.local_port};
}

// True when the source may never be refused for its manners, nor told to the engines: protected,
// allowed by a rule, accredited, or a balancer of ours. now: Unix seconds, as below.
bool is_exempt(const Snapshot& snapshot, const SessionEnds& ends, int64_t now);
// Not kKnown for having been seen: that its user knows.
Standing standing_of(const Snapshot& snapshot, const SessionEnds& ends, int64_t now);

}  // namespace postern::smtp
