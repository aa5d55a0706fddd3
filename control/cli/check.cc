// SPDX-License-Identifier: BSD-3-Clause
//
// `postern check`: reads the policy and every list that it names, as compile does, and says what it
// found. Writes nothing.
#include <boost/json/serialize.hpp>
#include <iostream>

#include "control/cli/command.h"
#include "control/cli/printable.h"
#include "control/cli/report.h"
#include "control/cli/rules_source.h"
#include "control/cli/table.h"
#include "rules/snapshot/features.h"

namespace postern::cli {
namespace {

void declare(OptionSet& options) {
  options.add_policy();
  options.add_flag("strict", "a bad line refuses its whole list");
  options.add_text("previous", "SNAPSHOT",
                   "the snapshot in force: max-change compares with it, and the lists in it\n"
                   "stay where new ones are refused (default: none)");
}

size_t connection_rules(const Policy& policy) {
  size_t count = 0;
  for (const auto& connection : policy.connections) count += connection.rules.size();
  for (const auto& outbound : policy.outbound) count += outbound.rules.size();
  return count;
}

size_t message_rules(const Policy& policy) {
  size_t count = policy.messages.size();
  for (const auto& block : policy.message_blocks) count += block.rules.size();
  return count;
}

int run(const Invocation& invocation) {
  const auto previous = open_previous(invocation, "");
  const auto rules = compile_rules(invocation, previous.get());
  const auto& [policy, result] = rules;
  for (const auto& warning : result.warnings) print_diagnostic(std::cerr, warning);
  if (invocation.json()) {
    std::cout << boost::json::serialize(
                     boost::json::object{{"policy", json_text(invocation.policy_path())},
                                         {"lists", lists_json(result.lists)},
                                         {"warnings", diagnostics_json(result.warnings)},
                                         {"protects", policy.protects.size()},
                                         {"services", policy.services.size()},
                                         {"connection_rules", connection_rules(policy)},
                                         {"message_rules", message_rules(policy)},
                                         {"signatures", policy.signatures.size()},
                                         {"classes", result.classes},
                                         {"asks_for", json_text(feature_words(result.features))},
                                         {"seconds", timing_json(result)}})
              << '\n';
    return kFine;
  }
  print_lists(std::cout, result.lists);
  if (!result.lists.empty()) std::cout << '\n';
  std::cout << printable(invocation.policy_path())
            << " is good: " << counted(policy.services.size(), "service", "services") << ", "
            << counted(connection_rules(policy), "connection rule", "connection rules") << ", "
            << counted(message_rules(policy), "message rule", "message rules") << ", "
            << counted(result.classes, "class", "classes");
  if (!result.warnings.empty())
    std::cout << "; " << counted(result.warnings.size(), "warning", "warnings");
  std::cout << "; " << timing_text(result) << '\n';
  if (const auto wanted = result.features & ~PS_FEATURE_SIGNATURE; wanted != 0)
    std::cout << "it asks an engine for " << feature_words(wanted)
              << "; one that cannot do that refuses to load it\n";
  if (result.features & PS_FEATURE_SIGNATURE)
    std::cout << counted(policy.signatures.size(), "signature", "signatures")
              << ": the DPDK engine looks for them in packets; the XDP engine leaves them to "
                 "postern-control\n";
  return kFine;
}

}  // namespace

const Command kCheckCommand = {
    "check",
    "Reads the policy and its lists and says what is wrong with them",
    "[--policy FILE] [--strict] [--previous SNAPSHOT]",
    "Exit status 1 when the policy or a list is refused.\n",
    declare,
    run,
};

}  // namespace postern::cli
