// SPDX-License-Identifier: BSD-3-Clause
//
// Asking engines for their generation and finding its file; see rules_in_force.h.
#include "control/cli/rules_in_force.h"

#include <filesystem>
#include <stdexcept>

#include "control/cli/engine_api.h"
#include "control/cli/unconfirmed.h"

namespace postern::cli {
namespace {

bool exists(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

std::shared_ptr<const Snapshot> with_generation(const std::vector<std::string>& paths,
                                                uint64_t generation) {
  for (const auto& path : paths) {
    if (!exists(path)) continue;
    try {
      auto snapshot = Snapshot::open(path);
      if (snapshot->generation() == generation) return snapshot;
    } catch (const std::runtime_error&) {
      // Something else lies there by now.
    }
  }
  return nullptr;
}

}  // namespace

std::shared_ptr<const Snapshot> rules_in_force(const std::vector<std::string>& sockets,
                                               const std::string& place) {
  if (sockets.empty()) return exists(place) ? Snapshot::open(place) : nullptr;
  const auto first = EngineApi(sockets.front()).health();
  for (const auto& socket : sockets)
    if (EngineApi(socket).health().generation != first.generation)
      throw EngineError(socket, "has other rules than " + sockets.front() +
                                    "; say with --engine which of them to compare with");
  if (first.generation == 0) return nullptr;
  // Confirmed rules have left the place where the engines read them.
  const auto confirmed = target_of_unconfirmed(first.snapshot).value_or(place);
  if (auto found = with_generation({first.snapshot, confirmed, place}, first.generation))
    return found;
  throw std::runtime_error("the rules in force (generation " + std::to_string(first.generation) +
                           ") are not in " + first.snapshot +
                           " any more; say with --previous which file to compare with");
}

}  // namespace postern::cli
