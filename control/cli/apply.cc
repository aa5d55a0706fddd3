// SPDX-License-Identifier: BSD-3-Clause
//
// `postern apply`: puts rules into force. Compiles the policy, keeps the last good lists of the
// snapshot that is in force, writes the new snapshot, and has every engine load it. An engine that
// refuses keeps what it had, the others go on; the exit status says that they do not agree. With
// --confirm the engines fall back unless `postern confirm` follows; with --dry-run it only says
// what would change.
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <iostream>

#include "control/cli/command.h"
#include "control/cli/difference_report.h"
#include "control/cli/engine_api.h"
#include "control/cli/printable.h"
#include "control/cli/report.h"
#include "control/cli/rules_in_force.h"
#include "control/cli/rules_source.h"
#include "control/cli/table.h"
#include "control/cli/time_text.h"
#include "control/cli/unconfirmed.h"

namespace postern::cli {
namespace {

constexpr std::chrono::seconds kLongestConfirm{86'400};

void declare(OptionSet& options) {
  options.add_policy_or_snapshot();
  options.add_text("output,o", "SNAPSHOT",
                   "where the snapshot is written (default /var/lib/postern/snapshot)");
  options.add_text("previous", "SNAPSHOT",
                   "the snapshot in force: max-change compares with it, and the lists in it\n"
                   "stay where new ones are refused (default: what is at the place of -o;\n"
                   "\"none\": nothing is compared, nothing is kept)");
  options.add_flag("strict", "a bad line refuses its whole list");
  options.add_text("confirm", "DURATION",
                   "the engines fall back after this time (5m) unless `postern confirm` comes");
  options.add_flag("dry-run,n", "write nothing and load nothing; say what would change");
  options.add_flag("all,a", "with --dry-run: all changes, not only the largest");
  options.add_engines();
}

// What the command line asks for, checked.
struct Request {
  std::string output;  // where the snapshot belongs
  std::optional<std::chrono::seconds> confirm_within;
  bool dry_run = false;
};

Request read_request(const Invocation& invocation) {
  invocation.at_most_one({"policy", "snapshot"});
  invocation.at_most_one({"dry-run", "confirm"});
  Request request;
  request.dry_run = invocation.flag("dry-run");
  if (invocation.flag("all") && !request.dry_run) throw WrongUsage("--all goes with --dry-run");
  if (invocation.has("snapshot"))
    for (const char* name : {"output", "strict"})
      if (invocation.has(name))
        throw WrongUsage(std::string("--") + name + " goes with --policy, not with --snapshot");
  if (invocation.has("snapshot") && invocation.has("previous") && !request.dry_run)
    throw WrongUsage("--previous goes with --policy, not with --snapshot");
  request.output = invocation.text("output").value_or(std::string(kDefaultSnapshot));
  if (request.output.empty()) throw WrongUsage("-o SNAPSHOT is empty");
  if (const auto text = invocation.text("confirm")) {
    request.confirm_within = parse_duration(*text);
    if (!request.confirm_within || *request.confirm_within > kLongestConfirm)
      throw WrongUsage("--confirm takes a time of up to a day, like 5m, not '" + *text + "'");
  }
  return request;
}

struct Prepared {
  std::shared_ptr<const Snapshot> snapshot;
  std::string path;                     // absolute; what the engines are told to load
  std::optional<CompileResult> result;  // unset with --snapshot
};

std::string absolute(const std::string& path) {
  return std::filesystem::absolute(path).lexically_normal().string();
}

// With --snapshot nothing is written: the file is loaded from where it lies.
Prepared prepare(const Invocation& invocation, const Request& request) {
  if (const auto path = invocation.text("snapshot"))
    return {Snapshot::open(*path), absolute(*path), std::nullopt};
  const auto previous = open_previous(invocation, request.output);
  auto rules = compile_rules(invocation, previous.get());
  const auto path = request.confirm_within ? unconfirmed_beside(request.output) : request.output;
  auto snapshot = Snapshot::from_bytes(rules.result.bytes, path);
  if (!request.dry_run) write_snapshot(path, rules.result.bytes);
  return {std::move(snapshot), absolute(path), std::move(rules.result)};
}

void print_warnings(const Prepared& prepared) {
  if (!prepared.result) return;
  for (const auto& warning : prepared.result->warnings) print_diagnostic(std::cerr, warning);
}

void print_lists_of(const Prepared& prepared) {
  if (!prepared.result || prepared.result->lists.empty()) return;
  print_lists(std::cout, prepared.result->lists);
  std::cout << '\n';
}

// "generation 7, read in 0.01 s, compiled in 0.20 s"
std::string generation_text(const Prepared& prepared) {
  auto text = "generation " + std::to_string(prepared.snapshot->generation());
  if (prepared.result) text += ", " + timing_text(*prepared.result);
  return text;
}

void add_result(boost::json::object& document, const Prepared& prepared) {
  document["lists"] = prepared.result ? lists_json(prepared.result->lists) : boost::json::array();
  document["warnings"] =
      prepared.result ? diagnostics_json(prepared.result->warnings) : boost::json::array();
  document["seconds"] = nullptr;
  if (prepared.result) document["seconds"] = timing_json(*prepared.result);
}

int run_dry(const Invocation& invocation, const Request& request) {
  const auto previous = invocation.text("previous");
  const bool named = previous && *previous != "none";
  const auto before = named ? Snapshot::open(*previous)
                            : rules_in_force(invocation.engine_sockets(), request.output);
  const auto prepared = prepare(invocation, request);
  print_warnings(prepared);
  std::optional<Difference> difference;
  if (before) difference = difference_of(*before, *prepared.snapshot, unix_now());
  if (invocation.json()) {
    boost::json::object document{{"generation", prepared.snapshot->generation()},
                                 {"against", nullptr},
                                 {"difference", nullptr}};
    if (before) {
      document["against"] = boost::json::object{{"snapshot", json_text(before->name())},
                                                {"generation", before->generation()}};
      document["difference"] = difference_json(*difference);
    }
    add_result(document, prepared);
    std::cout << boost::json::serialize(document) << '\n';
    return kFine;
  }
  print_lists_of(prepared);
  if (difference) {
    std::cout << "against " << printable(before->name()) << ": generation " << before->generation()
              << "\n\n";
    print_difference(std::cout, *difference, invocation.flag("all"));
  } else {
    std::cout << "no rules are in force: there is nothing to compare with\n";
  }
  std::cout << "\nnothing was written or loaded (--dry-run)\n";
  return kFine;
}

struct Loaded {
  std::string socket;
  uint64_t generation = 0;
  std::string error;  // empty: loaded
};

Loaded load(const std::string& socket, const std::string& path, const Request& request) {
  try {
    return {socket, EngineApi(socket).load(path, request.confirm_within), ""};
  } catch (const EngineError& error) {
    return {socket, 0, error.bare()};
  }
}

boost::json::object to_json(const Prepared& prepared, const Request& request,
                            const std::vector<Loaded>& engines) {
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
  boost::json::object document{{"snapshot", json_text(prepared.path)},
                               {"generation", prepared.snapshot->generation()},
                               {"confirm_seconds", nullptr},
                               {"engines", std::move(loaded)}};
  if (request.confirm_within) document["confirm_seconds"] = request.confirm_within->count();
  add_result(document, prepared);
  return document;
}

int run(const Invocation& invocation) {
  const auto request = read_request(invocation);
  if (request.dry_run) return run_dry(invocation, request);
  // Asked first: rules that nothing would take are not written.
  const auto sockets = require_engines(invocation);
  const auto prepared = prepare(invocation, request);
  print_warnings(prepared);
  std::vector<Loaded> engines;
  for (const auto& socket : sockets) engines.push_back(load(socket, prepared.path, request));
  bool all_loaded = true;
  for (const auto& engine : engines) {
    if (engine.error.empty()) continue;
    all_loaded = false;
    std::cerr << printable(engine.socket) << ": keeps its rules: " << printable(engine.error)
              << '\n';
  }
  if (invocation.json()) {
    std::cout << boost::json::serialize(to_json(prepared, request, engines)) << '\n';
    return all_loaded ? kFine : kBadInput;
  }
  print_lists_of(prepared);
  std::cout << printable(prepared.path) << ": " << generation_text(prepared) << '\n';
  const auto in_force = request.confirm_within
                            ? "in force for " + duration_text(request.confirm_within->count())
                            : std::string("in force");
  Table table({Table::kLeft, Table::kLeft});
  for (const auto& engine : engines)
    table.row({engine.socket, engine.error.empty() ? in_force : "refused"});
  table.print(std::cout, 2);
  if (request.confirm_within)
    std::cout
        << "The engines fall back to the rules before, unless `postern confirm` comes first.\n";
  return all_loaded ? kFine : kBadInput;
}

}  // namespace

const Command kApplyCommand = {
    "apply",
    "Compiles the policy and has the running engines load it",
    "[--policy FILE | --snapshot FILE] [-o SNAPSHOT]\n"
    "                     [--dry-run | --confirm DURATION] [--engine SOCKET]...",
    "Sessions that exist are not cut. An engine that refuses keeps the rules it has.\n"
    "postern-control sees by itself that the file at its `snapshot` was replaced. With --confirm\n"
    "the snapshot is written as SNAPSHOT.unconfirmed, which `postern confirm` puts in the place\n"
    "of SNAPSHOT. --dry-run compares with the file whose rules the engines have; where none\n"
    "runs, with the snapshot at the place of -o; or with that of --previous.\n",
    declare,
    run,
};

}  // namespace postern::cli
