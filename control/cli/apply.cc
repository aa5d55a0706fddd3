// SPDX-License-Identifier: BSD-3-Clause
//
// `postern apply`: puts rules into force. Compiles the policy, keeps the last good lists of the
// snapshot that is in force, writes the new snapshot, and has every engine load it. An engine that
// refuses keeps what it had, the others go on; the exit status says that they do not agree.
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <iostream>

#include "control/cli/command.h"
#include "control/cli/engine_api.h"
#include "control/cli/printable.h"
#include "control/cli/report.h"
#include "control/cli/rules_source.h"
#include "control/cli/table.h"

namespace postern::cli {
namespace {

void declare(OptionSet& options) {
  options.add_policy_or_snapshot();
  options.add_text("output,o", "SNAPSHOT",
                   "where the snapshot is written (default /var/lib/postern/snapshot)");
  options.add_text("previous", "SNAPSHOT",
                   "the snapshot in force: max-change compares with it, and the lists in it\n"
                   "stay where new ones are refused (default: what is at the place of -o;\n"
                   "\"none\": nothing is compared, nothing is kept)");
  options.add_flag("strict", "a bad line refuses its whole list");
  options.add_engines();
}

struct Prepared {
  std::string path;  // absolute; what the engines are told to load
  uint64_t generation = 0;
  std::vector<ListReport> lists;
  std::vector<Diagnostic> warnings;
};

std::string absolute(const std::string& path) {
  return std::filesystem::absolute(path).lexically_normal().string();
}

// With --snapshot nothing is written: the file is loaded from where it lies.
Prepared prepare(const Invocation& invocation) {
  invocation.at_most_one({"policy", "snapshot"});
  if (const auto path = invocation.text("snapshot")) {
    for (const char* name : {"output", "previous", "strict"})
      if (invocation.has(name))
        throw WrongUsage(std::string("--") + name + " goes with --policy, not with --snapshot");
    return {absolute(*path), Snapshot::open(*path)->generation(), {}, {}};
  }
  const auto output = invocation.text("output").value_or(std::string(kDefaultSnapshot));
  if (output.empty()) throw WrongUsage("-o SNAPSHOT is empty");
  const auto previous = open_previous(invocation, output);
  auto rules = compile_rules(invocation, previous.get());
  const auto snapshot = Snapshot::from_bytes(rules.result.bytes, output);
  write_snapshot(output, rules.result.bytes);
  return {absolute(output), snapshot->generation(), std::move(rules.result.lists),
          std::move(rules.result.warnings)};
}

struct Loaded {
  std::string socket;
  uint64_t generation = 0;
  std::string error;  // empty: loaded
};

Loaded load(const std::string& socket, const std::string& path) {
  try {
    return {socket, EngineApi(socket).load(path), ""};
  } catch (const EngineError& error) {
    return {socket, 0, error.bare()};
  }
}

boost::json::object to_json(const Prepared& prepared, const std::vector<Loaded>& engines) {
  boost::json::array loaded;
  for (const auto& engine : engines) {
    boost::json::object object{{"socket", json_text(engine.socket)},
                               {"loaded", engine.error.empty()}};
    if (engine.error.empty())
      object["generation"] = engine.generation;
    else
      object["error"] = json_text(engine.error);
    loaded.push_back(std::move(object));
  }
  return {{"snapshot", json_text(prepared.path)},
          {"generation", prepared.generation},
          {"engines", std::move(loaded)},
          {"lists", lists_json(prepared.lists)},
          {"warnings", diagnostics_json(prepared.warnings)}};
}

int run(const Invocation& invocation) {
  // Asked first: rules that nothing would take are not written.
  const auto sockets = require_engines(invocation);
  const auto prepared = prepare(invocation);
  for (const auto& warning : prepared.warnings) print_diagnostic(std::cerr, warning);
  std::vector<Loaded> engines;
  for (const auto& socket : sockets) engines.push_back(load(socket, prepared.path));
  bool all_loaded = true;
  for (const auto& engine : engines) {
    if (engine.error.empty()) continue;
    all_loaded = false;
    std::cerr << printable(engine.socket) << ": keeps its rules: " << printable(engine.error)
              << '\n';
  }
  if (invocation.json()) {
    std::cout << boost::json::serialize(to_json(prepared, engines)) << '\n';
  } else {
    print_lists(std::cout, prepared.lists);
    if (!prepared.lists.empty()) std::cout << '\n';
    std::cout << printable(prepared.path) << ": generation " << prepared.generation << "\n";
    Table table({Table::kLeft, Table::kLeft});
    for (const auto& engine : engines)
      table.row({engine.socket, engine.error.empty() ? "in force" : "refused"});
    table.print(std::cout, 2);
  }
  return all_loaded ? kFine : kBadInput;
}

}  // namespace

const Command kApplyCommand = {
    "apply",
    "Compiles the policy and has the running engines load it",
    "[--policy FILE | --snapshot FILE] [-o SNAPSHOT] [--engine SOCKET]...",
    "Sessions that exist are not cut. An engine that refuses keeps the rules it has.\n"
    "postern-control sees by itself that the file at its `snapshot` was replaced.\n",
    declare,
    run,
};

}  // namespace postern::cli
