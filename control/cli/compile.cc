// SPDX-License-Identifier: BSD-3-Clause
//
// `postern compile`: policy and lists -> a snapshot file, written whole or not at all. What was
// made is opened and verified before it takes the place of the file that was there.
#include <boost/json/serialize.hpp>
#include <iostream>

#include "control/cli/command.h"
#include "control/cli/printable.h"
#include "control/cli/report.h"
#include "control/cli/rules_source.h"
#include "control/cli/table.h"

namespace postern::cli {
namespace {

void declare(OptionSet& options) {
  options.add_policy();
  options.add_text("output,o", "SNAPSHOT", "the file to write");
  options.add_flag("strict", "a bad line refuses its whole list");
  options.add_text("previous", "SNAPSHOT",
                   "the snapshot in force: max-change compares with it, and the lists in it\n"
                   "stay where new ones are refused (default: what is at the place of -o;\n"
                   "\"none\": nothing is compared, nothing is kept)");
}

int run(const Invocation& invocation) {
  const auto output = invocation.required("output", "-o SNAPSHOT");
  const auto previous = open_previous(invocation, output);
  const auto rules = compile_rules(invocation, previous.get());
  const auto& result = rules.result;
  for (const auto& warning : result.warnings) print_diagnostic(std::cerr, warning);
  const auto snapshot = Snapshot::from_bytes(result.bytes, output);
  write_snapshot(output, result.bytes);
  if (invocation.json()) {
    std::cout << boost::json::serialize(
                     boost::json::object{{"snapshot", json_text(output)},
                                         {"generation", snapshot->generation()},
                                         {"bytes", result.bytes.size()},
                                         {"classes", result.classes},
                                         {"seconds", timing_json(result)},
                                         {"lists", lists_json(result.lists)},
                                         {"warnings", diagnostics_json(result.warnings)}})
              << '\n';
    return kFine;
  }
  print_lists(std::cout, result.lists);
  if (!result.lists.empty()) std::cout << '\n';
  std::cout << printable(output) << ": generation " << snapshot->generation() << ", "
            << counted(result.classes, "class", "classes") << ", "
            << counted(result.bytes.size(), "byte", "bytes") << ", " << timing_text(result) << '\n';
  return kFine;
}

}  // namespace

const Command kCompileCommand = {
    "compile",
    "Compiles the policy and its lists into a snapshot",
    "--policy FILE -o SNAPSHOT [--strict] [--previous SNAPSHOT]",
    "The file is replaced only by a whole and verified one. Engines take it with `postern "
    "apply`.\n",
    declare,
    run,
};

}  // namespace postern::cli
