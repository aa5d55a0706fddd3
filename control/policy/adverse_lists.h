// SPDX-License-Identifier: BSD-3-Clause
//
// Whether the lists that a client's address is in speak against it: those that the policy acts
// against, and no others. A list that is there for its information (who is where, who is whose
// customer) says nothing of what its addresses deserve.
#pragma once

#include <cstdint>

#include "rules/snapshot/snapshot.h"

namespace postern::policy {

// True where a connection rule of any service drops, resets, refuses or limits the class for the
// lists that it is in, in force and not only observed, or where a message rule for any recipients
// that rejects, defers or quarantines asks for one of them. now: Unix seconds.
bool is_listed_against(const Snapshot& snapshot, ClassId address_class, int64_t now);

}  // namespace postern::policy
