// SPDX-License-Identifier: BSD-3-Clause
//
// Every question is asked of the snapshot in force and of the time that it is: lists expire.
#include "control/smtp/standing.h"

#include "control/policy/adverse_lists.h"

namespace postern::smtp {

bool is_exempt(const Snapshot& snapshot, const SessionEnds& ends, int64_t now) {
  if (ends.balancer) return true;
  return policy::is_exempt(snapshot, ends.client, local_place(ends), now);
}

Standing standing_of(const Snapshot& snapshot, const SessionEnds& ends, int64_t now) {
  if (is_exempt(snapshot, ends, now)) return Standing::kKnown;
  const bool listed = policy::is_listed_against(snapshot, snapshot.class_of(ends.client), now);
  return listed ? Standing::kListed : Standing::kStranger;
}

}  // namespace postern::smtp
