// SPDX-License-Identifier: BSD-3-Clause
//
// Timing contenders fairly: all in one run, one pass of each in turn (A B C A B C ...), so that
// whatever the machine does meanwhile happens to all. Verdicts are compared first; a contender that
// answers differently fails the run.
#pragma once

#include <rte_cycles.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "perf/rules/contender.h"

namespace postern::perf {

struct Cycles {  // of the time stamp counter, per look-up
  double min = 0, median = 0, max = 0;
};

inline Cycles summary(std::vector<double> passes) {
  std::sort(passes.begin(), passes.end());
  const auto n = passes.size();
  const double median = n % 2 == 1 ? passes[n / 2] : (passes[n / 2 - 1] + passes[n / 2]) / 2;
  return {passes.front(), median, passes.back()};
}

// Every contender's verdicts on all queries against `expected`. Throws at the first that differs.
template <typename Query>
void require_agreement(const std::vector<Contender<Query>>& contenders,
                       std::span<const Query> queries, const std::vector<uint32_t>& expected) {
  std::vector<uint32_t> verdicts(queries.size());
  for (const auto& contender : contenders) {
    if (!contender.failed.empty()) continue;
    contender.verdicts(queries, verdicts.data());
    size_t wrong = 0;
    for (size_t i = 0; i < verdicts.size(); i++) wrong += verdicts[i] != expected[i];
    if (wrong > 0)
      throw std::runtime_error(contender.name + " answers " + std::to_string(wrong) + " of " +
                               std::to_string(verdicts.size()) + " differently");
  }
}

// One result per contender, in their order. A pass whose sum of verdicts differs throws.
template <typename Query>
std::vector<Cycles> time_in_turn(const std::vector<Contender<Query>>& contenders,
                                 std::span<const Query> queries, unsigned passes,
                                 uint64_t expected_sum) {
  constexpr unsigned kWarmUp = 2;
  std::vector<std::vector<double>> cycles(contenders.size());
  for (unsigned pass = 0; pass < kWarmUp + passes; pass++)
    for (size_t i = 0; i < contenders.size(); i++) {
      if (!contenders[i].failed.empty()) continue;
      const auto start = rte_rdtsc_precise();
      const auto sum = contenders[i].timed(queries);
      const auto spent = rte_rdtsc_precise() - start;
      if (sum != expected_sum)
        throw std::runtime_error(contenders[i].name + ": the verdicts changed while timed");
      if (pass >= kWarmUp)
        cycles[i].push_back(static_cast<double>(spent) / static_cast<double>(queries.size()));
    }
  std::vector<Cycles> result;
  for (auto& of_one : cycles)
    result.push_back(of_one.empty() ? Cycles{} : summary(std::move(of_one)));
  return result;
}

}  // namespace postern::perf
