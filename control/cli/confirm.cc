// SPDX-License-Identifier: BSD-3-Clause
//
// `postern confirm`: keeps the rules that `apply --confirm` had the engines load for a time. Every
// engine is asked first and told only when all have the same rules; then the file that they were
// loaded from takes the place of the one before it, so that an engine that starts finds it.
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <iostream>

#include "control/cli/command.h"
#include "control/cli/engine_api.h"
#include "control/cli/printable.h"
#include "control/cli/table.h"
#include "control/cli/unconfirmed.h"
#include "rules/snapshot/snapshot.h"
#include "rules/text/replace_file.h"

namespace postern::cli {
namespace {

void declare(OptionSet& options) {
  options.add_engines();
}

struct Waiting {
  uint64_t generation = 0;
  std::string path;                      // of what the engines loaded
  std::vector<std::string> unconfirmed;  // the sockets of engines that wait
};

// Engines that were told before, when not all could be, count as waiting no more.
Waiting find_waiting(const std::vector<std::string>& sockets) {
  Waiting waiting;
  for (const auto& socket : sockets) {
    const auto health = EngineApi(socket).health();
    if (health.generation == 0) throw EngineError(socket, "has no rules");
    if (waiting.generation == 0) {
      waiting.generation = health.generation;
      waiting.path = health.snapshot;
    }
    if (health.generation != waiting.generation || health.snapshot != waiting.path)
      throw EngineError(socket, "has other rules than " + sockets.front() +
                                    " (did it fall back already?); nothing is confirmed");
    if (health.unconfirmed_until) waiting.unconfirmed.push_back(socket);
  }
  return waiting;
}

// The place that the file was written beside; nullopt when it was loaded from where it lies, or is
// no longer there because it has been put there before.
std::optional<std::string> place_of(const Waiting& waiting) {
  const auto target = target_of_unconfirmed(waiting.path);
  if (!target || !std::filesystem::exists(waiting.path)) return std::nullopt;
  if (Snapshot::open(waiting.path)->generation() != waiting.generation)
    throw std::runtime_error(waiting.path +
                             " is not what the engines have; apply again before you confirm");
  return target;
}

int run(const Invocation& invocation) {
  const auto sockets = require_engines(invocation);
  const auto waiting = find_waiting(sockets);
  const auto target = place_of(waiting);
  if (waiting.unconfirmed.empty() && !target)
    throw std::runtime_error("nothing waits to be confirmed: the rules in force are confirmed");
  for (const auto& socket : waiting.unconfirmed)
    if (!EngineApi(socket).confirm(waiting.generation))
      throw EngineError(socket, "has just fallen back to the rules before; apply again");
  if (target) rename_over(waiting.path, *target);
  const auto& place = target ? *target : waiting.path;
  if (invocation.json()) {
    boost::json::array engines;
    for (const auto& socket : sockets)
      engines.push_back(boost::json::object{{"socket", json_text(socket)}, {"confirmed", true}});
    std::cout << boost::json::serialize(boost::json::object{{"snapshot", json_text(place)},
                                                            {"generation", waiting.generation},
                                                            {"engines", std::move(engines)}})
              << '\n';
    return kFine;
  }
  std::cout << printable(place) << ": generation " << waiting.generation << '\n';
  Table table({Table::kLeft, Table::kLeft});
  for (const auto& socket : sockets) table.row({socket, "confirmed"});
  table.print(std::cout, 2);
  return kFine;
}

}  // namespace

const Command kConfirmCommand = {
    "confirm",
    "Keeps the rules that `apply --confirm` has put into force for a time",
    "[--engine SOCKET]...",
    "Nothing is confirmed unless all engines have the same rules. Name the engines with --engine\n"
    "where one that is down shall not be waited for.\n",
    declare,
    run,
};

}  // namespace postern::cli
