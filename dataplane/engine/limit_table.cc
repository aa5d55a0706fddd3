// SPDX-License-Identifier: BSD-3-Clause
//
// Sizes and seeds of the limit table (dataplane/engine/limit_table.h).
#include "dataplane/engine/limit_table.h"

#include <sys/random.h>

#include <bit>
#include <cerrno>
#include <stdexcept>
#include <system_error>

namespace postern {

size_t limit_buckets_for(size_t sources) noexcept {
  return 1 + std::bit_ceil((sources + PS_LIMIT_WAYS - 1) / PS_LIMIT_WAYS);
}

void start_limits(std::span<ps_limit_bucket> memory) {
  if (memory.size() < 2 || !std::has_single_bit(memory.size() - 1) ||
      memory.size() - 1 > size_t{1} << 27)
    throw std::invalid_argument("a table of limits has 1 + 2^n buckets, n up to 27");
  auto& header = *reinterpret_cast<ps_limit_header*>(memory.data());
  if (getrandom(header.seed, sizeof header.seed, 0) != sizeof header.seed)
    throw std::system_error(errno, std::generic_category(), "no randomness for the limit table");
  header.buckets_log2 = static_cast<uint32_t>(std::bit_width(memory.size() - 1) - 1);
  __atomic_store_n(&header.in_use, 1u, __ATOMIC_RELEASE);
}

size_t limited_sources(std::span<const ps_limit_bucket> memory, uint64_t now_ns) noexcept {
  size_t sources = 0;
  for (const auto& bucket : memory.subspan(1))
    for (const auto& slot : bucket.slots)
      if (__atomic_load_n(&slot.arrival_ns, __ATOMIC_RELAXED) > now_ns) sources++;
  return sources;
}

}  // namespace postern
