// SPDX-License-Identifier: BSD-3-Clause
//
// Deferral: what is said where something is missing that could change what becomes of a message: a
// key, a reverse name, what is known of a domain. None of it is the sender's fault, so nothing is
// refused for it.
#pragma once

#include <cstddef>
#include <vector>

#include "control/auth/auth_result.h"
#include "control/policy/facts.h"

namespace postern::policy {

// The signatures whose key did not come, as places in auth.dkim.
std::vector<size_t> missing_of(const auth::AuthResult& auth);

// At least one of the three is missing.
Disposition deferral(const SessionFacts& session, const MessageFacts& message);

}  // namespace postern::policy
