// SPDX-License-Identifier: BSD-3-Clause
//
// RulesSource: the rules that a command works with, from a policy file (compiled in memory) or from
// a snapshot file, as --policy and --snapshot say.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "control/cli/invocation.h"
#include "rules/compile/compile.h"
#include "rules/snapshot/snapshot.h"

namespace postern::cli {

struct CompiledRules {
  Policy policy;
  CompileResult result;
};

// Reads and compiles the policy of --policy, with --strict where the command knows it. previous may
// be null. Throws BadInput.
CompiledRules compile_rules(const Invocation& invocation, const Snapshot* previous);

// The snapshot of --snapshot; else of --policy; else the default snapshot where that file exists;
// else the default policy where it exists. Warnings of a compilation go to standard error. Throws
// BadInput, and WrongUsage when both are given or there is nothing to read.
std::shared_ptr<const Snapshot> open_rules(const Invocation& invocation);

// A snapshot whose lists may be kept. path empty: none. A file that is not there is none either
// unless must_exist; one that is no sound snapshot is an error when must_exist, else a warning.
std::shared_ptr<const Snapshot> open_previous(const std::string& path, bool must_exist);

}  // namespace postern::cli
