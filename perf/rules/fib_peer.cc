// SPDX-License-Identifier: BSD-3-Clause
//
// rte_fib, rte_fib6 and rte_lpm as contenders (perf/rules/fib_peer.h).
#include "perf/rules/fib_peer.h"

#include <rte_errno.h>
#include <rte_fib.h>
#include <rte_fib6.h>
extern "C" {
#include <rte_lpm.h>
}

#include <chrono>
#include <stdexcept>
#include <unordered_set>

namespace postern::perf {
namespace {

using Clock = std::chrono::steady_clock;

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

// The smallest entry that holds the classes and the numbers of the tbl8 groups: one bit of it says
// which of the two it is.
int entry_log2(uint32_t classes, uint32_t groups, int smallest) {
  for (int log2 = smallest; log2 < 3; log2++) {
    const auto limit = uint64_t{1} << ((8 << log2) - 1);
    if (classes <= limit && groups < limit) return log2;
  }
  return 3;
}

std::string entry_text(int log2) {
  return std::to_string(1 << log2) + "-byte entries";
}

}  // namespace

struct Peers::Tables {
  rte_fib* fib = nullptr;
  rte_fib6* fib6 = nullptr;
  rte_lpm* lpm = nullptr;
};

Peers::Peers(double lpm_seconds) : lpm_seconds_(lpm_seconds), tables_(std::make_unique<Tables>()) {}

Peers::~Peers() {
  rte_fib_free(tables_->fib);
  rte_fib6_free(tables_->fib6);
  rte_lpm_free(tables_->lpm);
}

void Peers::add(const Workload<KeyV4>& workload, std::vector<Contender<QueryV4>>& contenders) {
  uint32_t prefixes = 0, groups = 0;
  uint64_t last_group = UINT64_MAX;
  for_each_prefix(workload.segments, [&](KeyV4 first, int length, uint32_t) {
    prefixes++;
    if (length > 24 && first >> 8 != last_group) {
      last_group = first >> 8;
      groups++;
    }
  });
  const int log2 = entry_log2(workload.classes, groups + 1, 0);
  rte_fib_conf conf{};
  conf.type = RTE_FIB_DIR24_8;
  conf.max_routes = static_cast<int>(prefixes);
  conf.dir24_8.nh_sz = static_cast<rte_fib_dir24_8_nh_sz>(log2);
  conf.dir24_8.num_tbl8 = groups + 1;
  const auto start = Clock::now();
  tables_->fib = rte_fib_create("bench", -1, &conf);
  if (!tables_->fib) throw std::runtime_error(std::string("rte_fib: ") + rte_strerror(rte_errno));
  for_each_prefix(workload.segments, [&](KeyV4 first, int length, uint32_t value) {
    if (rte_fib_add(tables_->fib, first, static_cast<uint8_t>(length), value) != 0)
      throw std::runtime_error("rte_fib_add failed");
  });
  Contender<QueryV4> common;
  common.build_ms = ms_since(start);
  common.entry = entry_text(log2);
  common.table_bytes = ((size_t{1} << 24) + size_t{groups} * 256) << log2;

  static constexpr struct {
    const char* name;
    rte_fib_lookup_type type;
  } kModes[] = {{"rte_fib scalar macro", RTE_FIB_LOOKUP_DIR24_8_SCALAR_MACRO},
                {"rte_fib scalar inline", RTE_FIB_LOOKUP_DIR24_8_SCALAR_INLINE},
                {"rte_fib scalar uni", RTE_FIB_LOOKUP_DIR24_8_SCALAR_UNI},
                {"rte_fib AVX-512", RTE_FIB_LOOKUP_DIR24_8_VECTOR_AVX512}};
  for (const auto& mode : kModes) {
    auto contender = common;
    contender.name = mode.name;
    // The mode is one of the table, so each timed pass chooses it anew.
    auto* fib = tables_->fib;
    if (rte_fib_select_lookup(fib, mode.type) != 0) {
      contender.failed = "not on this machine";
      contenders.push_back(std::move(contender));
      continue;
    }
    set_look_up<uint64_t, QueryV4>(
        contender, [fib](const QueryV4* queries, size_t n, uint64_t* found) {
          rte_fib_lookup_bulk(fib, const_cast<uint32_t*>(queries), found, static_cast<int>(n));
        });
    contender.timed = [fib, type = mode.type, timed = contender.timed](auto queries) {
      rte_fib_select_lookup(fib, type);
      return timed(queries);
    };
    contender.verdicts = [fib, type = mode.type, verdicts = contender.verdicts](auto queries,
                                                                                uint32_t* out) {
      rte_fib_select_lookup(fib, type);
      verdicts(queries, out);
    };
    contenders.push_back(std::move(contender));
  }
  if (lpm_seconds_ > 0) add_lpm(workload, contenders);
}

void Peers::add_lpm(const Workload<KeyV4>& workload, std::vector<Contender<QueryV4>>& contenders) {
  Contender<QueryV4> contender;
  contender.name = "rte_lpm x4";
  contender.entry = "4-byte entries";
  uint32_t prefixes = 0, groups = 0;
  uint64_t last_group = UINT64_MAX;
  for_each_prefix(workload.segments, [&](KeyV4 first, int length, uint32_t) {
    prefixes++;
    if (length > 24 && first >> 8 != last_group) {
      last_group = first >> 8;
      groups++;
    }
  });
  rte_lpm_config conf{.max_rules = prefixes, .number_tbl8s = groups + 1, .flags = 0};
  const auto start = Clock::now();
  tables_->lpm = rte_lpm_create("bench", -1, &conf);
  uint32_t added = 0, tried = 0;
  bool late = !tables_->lpm;
  for_each_prefix(workload.segments, [&](KeyV4 first, int length, uint32_t value) {
    late = late || (tried++ % 64 == 0 && ms_since(start) > lpm_seconds_ * 1000);
    if (!late && rte_lpm_add(tables_->lpm, first, static_cast<uint8_t>(length), value) == 0)
      added++;
  });
  contender.build_ms = ms_since(start);
  contender.table_bytes = ((size_t{1} << 24) + size_t{groups} * 256) * 4;
  if (added < prefixes) {
    contender.failed = std::to_string(added) + " of " + std::to_string(prefixes) +
                       " prefixes added in " + std::to_string(static_cast<int>(lpm_seconds_)) +
                       " s, then given up";
  } else {
    set_look_up<uint32_t, QueryV4>(
        contender, [lpm = tables_->lpm](const QueryV4* queries, size_t n, uint32_t* found) {
          for (size_t i = 0; i < n; i += 4)
            rte_lpm_lookupx4(lpm, _mm_loadu_si128(reinterpret_cast<const __m128i*>(queries + i)),
                             found + i, 0);
        });
  }
  contenders.push_back(std::move(contender));
}

void Peers::add(const Workload<KeyV6>& workload, std::vector<Contender<QueryV6>>& contenders) {
  uint32_t prefixes = 0, groups = 0;
  uint32_t room = 64;  // while it is filled it reserves more groups than it ends up with
  std::unordered_set<uint64_t> seen[14];  // per depth: hashes of the paths that have a group
  for_each_prefix(workload.segments, [&](KeyV6 first, int length, uint32_t) {
    prefixes++;
    for (int depth = 24; depth < length; depth += 8) {
      room++;
      const auto path = first >> (128 - depth);
      const auto hash =
          static_cast<uint64_t>(path) ^ static_cast<uint64_t>(path >> 64) * 0x9e3779b97f4a7c15u;
      if (seen[(depth - 24) / 8].insert(hash).second) groups++;
    }
  });
  const int log2 = entry_log2(workload.classes, room, 1);
  rte_fib6_conf conf{};
  conf.type = RTE_FIB6_TRIE;
  conf.max_routes = static_cast<int>(prefixes);
  conf.trie.nh_sz = static_cast<rte_fib_trie_nh_sz>(log2);
  conf.trie.num_tbl8 = room;
  const auto start = Clock::now();
  tables_->fib6 = rte_fib6_create("bench6", -1, &conf);
  if (!tables_->fib6) throw std::runtime_error(std::string("rte_fib6: ") + rte_strerror(rte_errno));
  for_each_prefix(workload.segments, [&](KeyV6 first, int length, uint32_t value) {
    const auto address = address_of(first).abi();
    if (rte_fib6_add(tables_->fib6, address.bytes, static_cast<uint8_t>(length), value) != 0)
      throw std::runtime_error("rte_fib6_add failed");
  });
  Contender<QueryV6> common;
  common.build_ms = ms_since(start);
  common.entry = entry_text(log2);
  common.table_bytes = ((size_t{1} << 24) + size_t{groups} * 256) << log2;
  static constexpr struct {
    const char* name;
    rte_fib6_lookup_type type;
  } kModes[] = {{"rte_fib6 scalar", RTE_FIB6_LOOKUP_TRIE_SCALAR},
                {"rte_fib6 AVX-512", RTE_FIB6_LOOKUP_TRIE_VECTOR_AVX512}};
  for (const auto& mode : kModes) {
    auto contender = common;
    contender.name = mode.name;
    auto* fib = tables_->fib6;
    if (rte_fib6_select_lookup(fib, mode.type) != 0) {
      contender.failed = "not on this machine";
      contenders.push_back(std::move(contender));
      continue;
    }
    set_look_up<uint64_t, QueryV6>(
        contender, [fib](const QueryV6* queries, size_t n, uint64_t* found) {
          rte_fib6_lookup_bulk(fib, reinterpret_cast<uint8_t(*)[16]>(const_cast<QueryV6*>(queries)),
                               found, static_cast<int>(n));
        });
    contender.timed = [fib, type = mode.type, timed = contender.timed](auto queries) {
      rte_fib6_select_lookup(fib, type);
      return timed(queries);
    };
    contender.verdicts = [fib, type = mode.type, verdicts = contender.verdicts](auto queries,
                                                                                uint32_t* out) {
      rte_fib6_select_lookup(fib, type);
      verdicts(queries, out);
    };
    contenders.push_back(std::move(contender));
  }
}

}  // namespace postern::perf
