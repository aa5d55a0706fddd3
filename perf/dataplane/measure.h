// SPDX-License-Identifier: BSD-3-Clause
//
// Figures of the benchmarks of the DPDK engine: passes of all sides in turn (A B C A B C ...), and
// their minimum, median and maximum.
#pragma once

#include <rte_cycles.h>
#include <time.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

namespace postern::perf {

// Cycles of the time stamp counter that this thread has run: what other processes take of its core
// does not count.
inline double cycles_run() noexcept {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  const double seconds =
      static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
  return seconds * static_cast<double>(rte_get_tsc_hz());
}

struct Side {
  std::string name;
  std::function<double()> pass;  // one, and its figure
  std::vector<double> passes = {};

  double quantile(double share) const {
    auto sorted = passes;
    std::ranges::sort(sorted);
    const double at = share * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<size_t>(at);
    const auto above = std::min(below + 1, sorted.size() - 1);
    return sorted[below] + (sorted[above] - sorted[below]) * (at - static_cast<double>(below));
  }
  double median() const { return quantile(0.5); }
};

inline void time_in_turn(std::vector<Side>& sides, unsigned passes) {
  constexpr unsigned kWarmUp = 2;
  for (unsigned pass = 0; pass < kWarmUp + passes; pass++)
    for (auto& side : sides) {
      const double figure = side.pass();
      if (pass >= kWarmUp) side.passes.push_back(figure);
    }
}

// The median of what each pass of one side is to the same pass of another.
inline Side ratio(std::string name, const Side& over, const Side& under) {
  Side result{std::move(name), {}, {}};
  for (size_t i = 0; i < over.passes.size(); i++)
    result.passes.push_back(over.passes[i] / under.passes[i]);
  return result;
}

// Prints them, and adds them to the results.
inline void report(const std::string& title, const std::string& unit,
                   const std::vector<Side>& sides, boost::json::array& results) {
  std::printf("\n%s, %s: min / median / max\n", title.c_str(), unit.c_str());
  boost::json::array shown;
  for (const auto& side : sides) {
    std::printf("  %-52s %9.3f / %9.3f / %9.3f\n", side.name.c_str(), side.quantile(0),
                side.median(), side.quantile(1));
    shown.push_back({{"name", side.name},
                     {"min", side.quantile(0)},
                     {"median", side.median()},
                     {"max", side.quantile(1)}});
  }
  std::fflush(stdout);
  results.push_back(
      boost::json::object{{"title", title}, {"unit", unit}, {"sides", std::move(shown)}});
}

}  // namespace postern::perf
