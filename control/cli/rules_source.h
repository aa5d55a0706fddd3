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
// be null. Throws BadInput, also for a policy without a statement. One without a service is warned
// about.
CompiledRules compile_rules(const Invocation& invocation, const Snapshot* previous);

// The snapshot of --snapshot; else of --policy; else the default snapshot where that file exists;
// else the default policy where it exists. Warnings of a compilation go to standard error. Throws
// BadInput, and WrongUsage when both are given or there is nothing to read.
std::shared_ptr<const Snapshot> open_rules(const Invocation& invocation,
                                           Verified verified = Verified::kWhole);

// The snapshot with which max-change compares, and whose lists may be kept: that of --previous,
// which has to be one, or none where it says `none`; else the one that is about to be replaced, if
// there is any. There, what is no sound snapshot is a warning. output empty: nothing is replaced.
std::shared_ptr<const Snapshot> open_previous(const Invocation& invocation,
                                              const std::string& output);

}  // namespace postern::cli
