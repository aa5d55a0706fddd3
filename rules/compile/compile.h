// SPDX-License-Identifier: BSD-3-Clause
//
// Policy + lists -> snapshot bytes. Reads every list the policy names, guards against lists that
// cannot be meant, assigns classes (the exact set of lists an address is in), builds the tables and
// the matrix, and writes the provenance that `explain` needs.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rules/lists/list_format.h"
#include "rules/policy/policy.h"
#include "rules/snapshot/snapshot.h"

namespace postern {

struct CompileOptions {
  bool strict = false;  // a bad line refuses the list
  // The snapshot in force, if any: max-change compares with it, and a refused list is taken from it
  // ("the last good one stays"). Not owned.
  const Snapshot* previous = nullptr;
  // What `expires` counts from and the snapshot is dated with; unset: the clock.
  std::optional<std::chrono::sys_seconds> now = std::nullopt;
};

struct ListReport {
  std::string name;
  std::string file;
  std::string format = {};
  uint64_t entries = 0;  // addresses and domains
  uint64_t skipped = 0;
  bool recognised = false;     // the format is not named in the policy
  bool unchanged = false;      // not parsed: the previous snapshot has the same content
  bool kept_previous = false;  // refused; its entries come from the previous snapshot
  bool expired = false;        // too old: counts as empty
  bool stale = false;          // older than its `stale after`
};

struct CompileResult {
  std::vector<std::byte> bytes;  // a whole snapshot file
  std::vector<ListReport> lists;
  std::vector<Diagnostic> warnings;  // skipped lines, lists refused where a previous one stays
  uint32_t classes = 0;
  uint32_t features = 0;                      // PS_FEATURE_*: what an engine must be able to do
  std::chrono::duration<double> reading{};    // how long the lists took; unchanged ones are quick
  std::chrono::duration<double> compiling{};  // how long all the rest took
};

// Throws BadInput when the policy or a list is refused and there is no last good one to keep.
CompileResult compile(const Policy& policy, const CompileOptions& options = {});

// Writes beside the target, syncs, renames: a reader sees the old file or the new, whole.
// Throws std::system_error.
void write_snapshot(const std::string& path, const std::vector<std::byte>& bytes);

}  // namespace postern
