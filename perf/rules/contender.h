// SPDX-License-Identifier: BSD-3-Clause
//
// Contender: one way of looking addresses up, ready to be timed against others. All answer the same
// bursts of the same addresses; what is timed ends in a sum of the verdicts, so that nothing can be
// optimised away, and the verdicts themselves are compared one by one before.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "rules/abi/types.h"

namespace postern::perf {

// As many as an engine receives at once, and as rte_fib is documented with.
inline constexpr size_t kBurst = 64;

// What is asked: an IPv4 address in host order, as rte_fib takes it; an IPv6 one as bytes.
using QueryV4 = uint32_t;
using QueryV6 = ps_address;

template <typename Query>
struct Contender {
  std::string name;
  bool ours = false;
  std::string entry;       // the size and kind of what the table holds
  size_t table_bytes = 0;  // what a look-up may touch
  double build_ms = 0;
  std::string failed;  // why it did not take part; then nothing below is set
  std::function<uint64_t(std::span<const Query>)> timed;
  std::function<void(std::span<const Query>, uint32_t*)> verdicts;
};

// look_up(const Query*, kBurst, Verdict*) answers one burst; queries are whole bursts.
template <typename Verdict, typename Query, typename LookUp>
void set_look_up(Contender<Query>& contender, LookUp look_up) {
  contender.timed = [look_up](std::span<const Query> queries) mutable {
    alignas(64) Verdict found[kBurst];
    uint64_t sum = 0;
    for (size_t i = 0; i + kBurst <= queries.size(); i += kBurst) {
      look_up(&queries[i], kBurst, found);
      for (size_t j = 0; j < kBurst; j++) sum += found[j];
    }
    return sum;
  };
  contender.verdicts = [look_up](std::span<const Query> queries, uint32_t* verdicts) mutable {
    Verdict found[kBurst];
    for (size_t i = 0; i + kBurst <= queries.size(); i += kBurst) {
      look_up(&queries[i], kBurst, found);
      for (size_t j = 0; j < kBurst; j++) verdicts[i + j] = static_cast<uint32_t>(found[j]);
    }
  };
}

}  // namespace postern::perf
