// SPDX-License-Identifier: BSD-3-Clause
//
// Every question is asked of the snapshot in force and of the time that it is: lists expire.
#include "control/smtp/standing.h"

#include <algorithm>

#include "control/policy/exemption.h"

namespace postern::smtp {

bool is_exempt(const Snapshot& snapshot, const SessionEnds& ends, int64_t now) {
  return policy::is_exempt(snapshot, ends.client,
                           policy::LocalPlace{.address = ends.local, .port = ends.local_port}, now);
}

bool is_accredited(const Snapshot& snapshot, const IpAddress& client, int64_t now) {
  const auto lists = snapshot.lists_of(snapshot.class_of(client), now);
  return std::ranges::any_of(
      lists, [&](size_t list) { return snapshot.lists()[list].category == "accredited"; });
}

Standing standing_of(const Snapshot& snapshot, const SessionEnds& ends, int64_t now) {
  if (is_exempt(snapshot, ends, now) || is_accredited(snapshot, ends.client, now))
    return Standing::kKnown;
  const bool listed = !snapshot.lists_of(snapshot.class_of(ends.client), now).empty();
  return listed ? Standing::kListed : Standing::kStranger;
}

}  // namespace postern::smtp
