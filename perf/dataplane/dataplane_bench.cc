// SPDX-License-Identifier: BSD-3-Clause
//
// dataplane_bench: the DPDK engine against testpmd's io loop on the same ports, all sides in one
// process and in turn (perf/dataplane/pipeline.h). perf/README.md says how it measures.
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
extern "C" {
#include <rte_vect.h>
}
#include <rte_version.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "perf/dataplane/pipeline.h"
#include "perf/dataplane/traffic.h"
#include "rules/compile/compile.h"
#include "rules/policy/parse.h"

namespace {

using namespace postern::perf;
namespace po = boost::program_options;

const std::vector<std::pair<std::string, void (*)(const Plan&, boost::json::array&)>> kBenches = {
    {"p7", added_cycles}, {"p11", entry_latency}, {"p12", swap_under_load},
    {"p13", hostile_mix}, {"p14", two_cores},     {"p21", refused_handshakes},
};

std::string processor() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return "unknown";
}

void start_eal(unsigned memory_mb) {
  const auto last = std::to_string(sysconf(_SC_NPROCESSORS_ONLN) - 1);
  std::vector<std::string> words = {"dataplane_bench",
                                    "--in-memory",
                                    "--no-pci",
                                    "--no-telemetry",
                                    "--log-level=*:error",
                                    "--file-prefix=postern-bench",
                                    "--lcores=0@" + last + ",1@" + last + ",2@0",
                                    "-m",
                                    std::to_string(memory_mb)};
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  if (rte_eal_init(static_cast<int>(arguments.size()), arguments.data()) < 0)
    throw std::runtime_error(std::string("DPDK does not start: ") + rte_strerror(rte_errno));
}

}  // namespace

int main(int count, char** words) {
  Plan plan;
  unsigned memory_mb = 900;
  std::string json_path, frames_path;
  std::vector<std::string> to_compile;
  std::vector<std::string> chosen;
  po::options_description options("dataplane_bench [OPTIONS]: the DPDK engine's targets");
  options.add_options()("passes", po::value(&plan.passes)->default_value(plan.passes),
                        "that count, at least 10")(
      "burst", po::value(&plan.burst)->default_value(plan.burst), "of our loop")(
      "only", po::value(&chosen)->multitoken(), "these benchmarks: p7 p11 p12 p13 p14 p21")(
      "memory", po::value(&memory_mb)->default_value(memory_mb), "MB of hugepages")(
      "json", po::value(&json_path), "write the figures there")(
      "frames", po::value(&frames_path),
      "write the frames of P7's first part there, as a capture, and exit")(
      "compile", po::value(&to_compile)->multitoken(), "POLICY SNAPSHOT: compile it, and exit")(
      "help", "print this");
  try {
    po::variables_map given;
    po::store(po::parse_command_line(count, words, options), given);
    po::notify(given);
    if (given.count("help")) {
      std::printf("%s", (std::ostringstream() << options).str().c_str());
      return 0;
    }
    if (!to_compile.empty() && to_compile.size() != 2) throw po::error("--compile POLICY SNAPSHOT");
    if (plan.passes < 10) throw po::error("--passes is at least 10");
    for (const auto& name : chosen)
      if (std::ranges::find(kBenches, name, &decltype(kBenches)::value_type::first) ==
          kBenches.end())
        throw po::error("there is no benchmark " + name);
  } catch (const po::error& wrong) {
    std::fprintf(stderr, "dataplane_bench: %s\n", wrong.what());
    return 2;
  }
  try {
    if (!frames_path.empty()) {
      write_pcap(frames_path, make_traffic(Listed(10'000, 1), {.frames = 4096}).frames);
      return 0;
    }
    if (!to_compile.empty()) {
      std::stringstream text;
      text << std::ifstream(to_compile[0]).rdbuf();
      postern::write_snapshot(
          to_compile[1], postern::compile(postern::parse_policy(text.str(), to_compile[0])).bytes);
      return 0;
    }
    spdlog::set_level(spdlog::level::warn);
    start_eal(memory_mb);
    std::printf("%s, %u bits of SIMD, bursts of %u (testpmd %u), %u passes\n", rte_version(),
                unsigned{rte_vect_get_max_simd_bitwidth()}, plan.burst, plan.peer_burst,
                plan.passes);
    boost::json::array results;
    for (const auto& [name, bench] : kBenches)
      if (chosen.empty() || std::ranges::find(chosen, name) != chosen.end()) bench(plan, results);
    if (!json_path.empty())
      std::ofstream(json_path) << boost::json::serialize(boost::json::object{
                                      {"dpdk", rte_version()},
                                      {"tsc_mhz", static_cast<double>(rte_get_tsc_hz()) / 1e6},
                                      {"processor", processor()},
                                      {"burst", plan.burst},
                                      {"passes", plan.passes},
                                      {"comparisons", results}})
                               << '\n';
    rte_eal_cleanup();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "dataplane_bench: %s\n", error.what());
    return 1;
  }
}
