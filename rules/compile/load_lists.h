// SPDX-License-Identifier: BSD-3-Clause
//
// Reading the lists that a policy names: the file, its format, the guards, and when it is refused
// the last good one from the previous snapshot. A file that is byte for byte what the previous
// snapshot was made of is not parsed again. What comes out may be compiled as it is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rules/compile/compile.h"

namespace postern {

struct LoadedList {
  ListReport report;
  ListContent content;
  int64_t modified_at = 0;            // Unix seconds
  int64_t changed_at = 0;             // Unix seconds; of the file that first had this content
  std::optional<int64_t> expires_at;  // Unix seconds
  uint64_t content_hash = 0;          // XXH3-64 of the file's bytes
  uint64_t reading_hash = 0;          // of what else decides what they are read as
};

// In the order of Policy::lists. Adds to warnings. Throws BadInput with a diagnostic for each list
// that is refused without a last good one, and for rules that use a list as what it is not.
std::vector<LoadedList> load_lists(const Policy& policy, const CompileOptions& options,
                                   std::chrono::sys_seconds now, std::vector<Diagnostic>& warnings);

// What a file holds, read and guarded as that list would be; max-change is not among the guards.
// Throws BadInput.
ListContent read_list(const ListDeclaration& declaration, const std::string& path);

}  // namespace postern
