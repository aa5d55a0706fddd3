// SPDX-License-Identifier: BSD-3-Clause
//
// From compiled parts to the bytes of a snapshot file: the image that engines load, and the
// sections that explain it (rules/abi/snapshot_format.h, rules/snapshot/sections.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "rules/compile/classes.h"
#include "rules/compile/load_lists.h"
#include "rules/compile/matrix.h"
#include "rules/compile/service_sets.h"
#include "rules/policy/policy.h"

namespace postern {

struct CompiledParts {
  const Policy& policy;
  const std::vector<LoadedList>& lists;
  const Classes& classes;
  const Matrix& matrix;
  const ServiceSets& services;
  const std::vector<ps_text>& texts;
  uint64_t generation;
  uint64_t created;  // Unix seconds
};

// Throws std::length_error when a table is too small for it.
std::vector<std::byte> assemble(const CompiledParts& parts);

}  // namespace postern
