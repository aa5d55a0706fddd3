// SPDX-License-Identifier: BSD-3-Clause
//
// The memory of dataplane/core/limit.h: how much, and making it ready, or knowing that it is. Its
// workers do all the rest.
#pragma once

#include <cstddef>
#include <span>

#include "dataplane/core/limit.h"

namespace postern {

// How many buckets, with the header, hold at least `sources` (at least one bucket of them).
size_t limit_buckets_for(size_t sources) noexcept;

// memory: 1 + 2^n buckets, n up to 27, all zeros. Throws std::invalid_argument for another size,
// and std::system_error when there is no randomness for the seed.
void start_limits(std::span<ps_limit_bucket> memory);

// Whether start_limits() of this very layout made a table of it, perhaps in another process.
bool is_limit_table(std::span<const ps_limit_bucket> memory) noexcept;

// How many sources are held to a limit at now_ns (CLOCK_MONOTONIC); looks at the whole table.
size_t limited_sources(std::span<const ps_limit_bucket> memory, uint64_t now_ns) noexcept;

}  // namespace postern
