// SPDX-License-Identifier: BSD-3-Clause
//
// What rules have counted, for `postern stats --rules`: lists, categories, rules and signatures as
// tables for people and as JSON.
#pragma once

#include <boost/json/object.hpp>
#include <ostream>
#include <vector>

#include "control/cli/engine_api.h"

namespace postern::cli {

void print(std::ostream& out, const EngineRules& rules);
boost::json::object to_json(const EngineRules& rules);
// By name: {"1m": {"seconds", "judged", "stopped"}}
boost::json::object to_json(const std::vector<AttemptWindow>& windows);

}  // namespace postern::cli
