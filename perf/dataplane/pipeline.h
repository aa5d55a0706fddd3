// SPDX-License-Identifier: BSD-3-Clause
//
// The benchmarks of `perf/run dataplane` that run in one process (dataplane_bench): each measures
// its sides in turn, verifies in the same run what it timed, prints, and adds its figures to the
// results. They throw std::runtime_error when a verdict is wrong.
#pragma once

#include <boost/json.hpp>

namespace postern::perf {

struct Plan {
  unsigned passes = 15;        // that count
  unsigned burst = 64;         // of our loop
  unsigned peer_burst = 32;    // of testpmd's, by default
  double pass_seconds = 0.05;  // roughly
};

// P7: cycles a packet that judging adds to testpmd's io loop.
void added_cycles(const Plan& plan, boost::json::array& results);
// P13: throughput under hostile packets beside random ones.
void hostile_mix(const Plan& plan, boost::json::array& results);

// P12: throughput while snapshots are swapped, and what is lost or judged by a mixture.
void swap_under_load(const Plan& plan, boost::json::array& results);
// P11: one dynamic entry, from reading the request until a worker judges by it.
void entry_latency(const Plan& plan, boost::json::array& results);
// P14: two cores beside one.
void two_cores(const Plan& plan, boost::json::array& results);
// P21: complete refused handshakes, against a server on the kernel's stack.
void refused_handshakes(const Plan& plan, boost::json::array& results);

}  // namespace postern::perf
