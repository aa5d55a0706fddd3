// SPDX-License-Identifier: BSD-3-Clause
//
// The statement `signature` (docs/policy.md). Its pattern is compiled once, to be sure that it can
// be.
#pragma once

#include "rules/policy/policy.h"
#include "rules/policy/statement.h"

namespace postern {

// What follows the word. Throws Complaint.
void read_signature(Statement& statement, Policy& policy);

}  // namespace postern
