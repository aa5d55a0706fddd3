// SPDX-License-Identifier: BSD-3-Clause
//
// RulesInForce: the snapshot by which running engines judge, found as a file. An engine says which
// generation it has and where it read it; files may have been moved or overwritten since, so only
// one of that generation is taken for it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "rules/snapshot/snapshot.h"

namespace postern::cli {

// place: where rules are applied from; what an engine would start with. Without engines, the file
// there; nullptr where there is none, or the engines have no rules yet. Throws EngineError for an
// engine that cannot be asked or has other rules than the rest, std::runtime_error when no file has
// the rules in force.
std::shared_ptr<const Snapshot> rules_in_force(const std::vector<std::string>& sockets,
                                               const std::string& place);

}  // namespace postern::cli
