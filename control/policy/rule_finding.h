// SPDX-License-Identifier: BSD-3-Clause
//
// What a message rule with `learn` says is to be learned about a client: evidence that names the
// rule and what it saw.
#pragma once

#include <optional>

#include "control/policy/evidence.h"
#include "control/policy/facts.h"

namespace postern::policy {

// nullopt: the disposition is not to be learned, or is of nobody's address. Whether the source may
// be learned at all is its user's to ask.
std::optional<Finding> finding_of(const SessionFacts& session, const Disposition& disposition);

}  // namespace postern::policy
