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

namespace {

bool is_size(size_t buckets) noexcept {
  return buckets >= 2 && std::has_single_bit(buckets - 1) && buckets - 1 <= size_t{1} << 27;
}

uint32_t log2_of(size_t buckets) noexcept {
  return static_cast<uint32_t>(std::bit_width(buckets - 1) - 1);
}

}  // namespace

size_t limit_buckets_for(size_t sources) noexcept {
  return 1 + std::bit_ceil((sources + PS_LIMIT_WAYS - 1) / PS_LIMIT_WAYS);
}

void start_limits(std::span<ps_limit_bucket> memory) {
  if (!is_size(memory.size()))
    throw std::invalid_argument("a table of limits has 1 + 2^n buckets, n up to 27");
  auto& header = *reinterpret_cast<ps_limit_header*>(memory.data());
  if (getrandom(header.seed, sizeof header.seed, 0) != sizeof header.seed)
    throw std::system_error(errno, std::generic_category(), "no randomness for the limit table");
  header.buckets_log2 = log2_of(memory.size());
  __atomic_store_n(&header.in_use, PS_LIMIT_LAYOUT, __ATOMIC_RELEASE);
}

bool is_limit_table(std::span<const ps_limit_bucket> memory) noexcept {
  if (!is_size(memory.size())) return false;
  const auto& header = *reinterpret_cast<const ps_limit_header*>(memory.data());
  return header.in_use == PS_LIMIT_LAYOUT && header.buckets_log2 == log2_of(memory.size());
}

size_t limited_sources(std::span<const ps_limit_bucket> memory, uint64_t now_ns) noexcept {
  size_t sources = 0;
  for (const auto& bucket : memory.subspan(1))
    for (const auto& slot : bucket.slots)
      if (__atomic_load_n(&slot.arrival_ns, __ATOMIC_RELAXED) > now_ns) sources++;
  return sources;
}

}  // namespace postern
