// SPDX-License-Identifier: BSD-3-Clause
//
// Where the rules of a command come from; see rules_source.h.
#include "control/cli/rules_source.h"

#include <filesystem>
#include <iostream>

#include "control/cli/report.h"
#include "rules/policy/parse.h"
#include "rules/text/diagnostic.h"

namespace postern::cli {
namespace {

bool exists(std::string_view path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

// What is left of a file that was cut off, or never written: in force, it would open the gate.
void refuse_nothing(const Policy& policy) {
  if (policy.lists.empty() && policy.protects.empty() && policy.services.empty() &&
      policy.connections.empty() && policy.outbound.empty() && policy.messages.empty() &&
      policy.message_blocks.empty())
    throw BadInput(Diagnostic{.file = policy.file(), .message = "the policy says nothing at all"});
}

}  // namespace

CompiledRules compile_rules(const Invocation& invocation, const Snapshot* previous) {
  CompileOptions options;
  options.strict = invocation.flag("strict");
  options.previous = previous;
  CompiledRules rules;
  rules.policy = read_policy(invocation.policy_path());
  refuse_nothing(rules.policy);
  rules.result = compile(rules.policy, options);
  if (rules.policy.services.empty())
    rules.result.warnings.push_back(
        {.file = rules.policy.file(),
         .message = "there is no service, so connections to the farm are not judged"});
  return rules;
}

std::shared_ptr<const Snapshot> open_rules(const Invocation& invocation, Verified verified) {
  invocation.at_most_one({"policy", "snapshot"});
  if (const auto path = invocation.text("snapshot")) return Snapshot::open(*path, verified);
  if (!invocation.has("policy")) {
    if (exists(kDefaultSnapshot)) return Snapshot::open(std::string(kDefaultSnapshot), verified);
    if (!exists(kDefaultPolicy))
      throw WrongUsage("neither --snapshot nor --policy is given, and there is neither " +
                       std::string(kDefaultSnapshot) + " nor " + std::string(kDefaultPolicy));
  }
  auto rules = compile_rules(invocation, nullptr);
  for (const auto& warning : rules.result.warnings) print_diagnostic(std::cerr, warning);
  return Snapshot::from_bytes(rules.result.bytes, invocation.policy_path());
}

std::shared_ptr<const Snapshot> open_previous(const Invocation& invocation,
                                              const std::string& output) {
  if (const auto named = invocation.text("previous")) {
    if (*named == "none") return nullptr;
    return Snapshot::open(*named);
  }
  if (output.empty() || !exists(output)) return nullptr;
  try {
    return Snapshot::open(output);
  } catch (const std::exception& error) {
    Diagnostic warning;
    warning.file = output;
    warning.message = std::string("no last good lists are kept from it: ") + error.what();
    print_diagnostic(std::cerr, warning);
    return nullptr;
  }
}

}  // namespace postern::cli
