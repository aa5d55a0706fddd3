// SPDX-License-Identifier: BSD-3-Clause
//
// The statement `signature` (docs/policy.md). Its pattern is compiled once, to be sure that it can
// be.
#pragma once

#include <string>
#include <vector>

#include "rules/policy/policy.h"
#include "rules/policy/statement.h"

namespace postern {

// What follows the word. Throws Complaint.
void read_signature(Statement& statement, Policy& policy);

// For the set of them (rules/text/pattern_set.h), in the same order.
std::vector<std::string> patterns_of(const std::vector<Signature>& signatures);

}  // namespace postern
