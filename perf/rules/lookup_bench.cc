// SPDX-License-Identifier: BSD-3-Clause
//
// lookup_bench: Postern's address tables against DPDK's rte_fib, rte_fib6 and rte_lpm, in one
// process, pass by pass in turn, on the same bursts of the same addresses (P1 to P5 of
// docs/performance.md). Prints a table, and with --json a document. What is measured is the look-up
// alone, in cycles of the time stamp counter; perf/README.md says how to read it.
#include <rte_eal.h>
#include <rte_version.h>
extern "C" {
#include <rte_vect.h>
}

#include <boost/json.hpp>
#include <boost/program_options.hpp>
#include <cstring>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <numeric>

#include "perf/rules/fib_peer.h"
#include "perf/rules/measure.h"
#include "perf/rules/postern_table.h"
#include "rules/text/diagnostic.h"

namespace postern::perf {
namespace {

namespace json = boost::json;
namespace po = boost::program_options;

struct Options {
  unsigned core = 1, passes = 15, memory_mb = 6144, simd_bits = 512;
  size_t queries = 1 << 20, entries = 1'000'000;
  uint32_t classes = 250;
  double hit_share = 0.5, lpm_seconds = 10;
  uint64_t seed = 1;
  std::string lists, json, only;
};

void start_eal(const Options& options) {
  std::vector<std::string> arguments = {
      "lookup_bench",
      "--in-memory",
      "--no-pci",
      "--log-level=4",
      "--file-prefix=posternbench",
      "--lcores=0@" + std::to_string(options.core),
      "-m",
      std::to_string(options.memory_mb),
      "--force-max-simd-bitwidth=" + std::to_string(options.simd_bits)};
  std::vector<char*> words;
  for (auto& argument : arguments) words.push_back(argument.data());
  if (rte_eal_init(static_cast<int>(words.size()), words.data()) < 0)
    throw std::runtime_error("DPDK does not start; are there " + std::to_string(options.memory_mb) +
                             " MB of hugepages? (perf/run sees to them)");
}

template <typename Key>
auto query_of(Key key) {
  if constexpr (sizeof(Key) == 4)
    return key;
  else
    return address_of(key).abi();
}

double megabytes(size_t bytes) {
  return static_cast<double>(bytes) / (1024 * 1024);
}

template <typename Query>
json::array report(const std::vector<Contender<Query>>& contenders,
                   const std::vector<Cycles>& cycles) {
  json::array rows;
  double best_peer = 0;
  for (size_t i = 0; i < contenders.size(); i++)
    if (!contenders[i].ours && contenders[i].failed.empty() &&
        (best_peer == 0 || cycles[i].median < best_peer))
      best_peer = cycles[i].median;
  std::cout << "  " << std::left << std::setw(26) << "" << std::right << std::setw(8) << "min"
            << std::setw(8) << "median" << std::setw(8) << "max" << std::setw(10) << "MB"
            << std::setw(10) << "build ms" << std::setw(8) << "faster"
            << "  entry\n";
  for (size_t i = 0; i < contenders.size(); i++) {
    const auto& contender = contenders[i];
    json::object row{{"name", contender.name}, {"ours", contender.ours}};
    std::cout << "  " << std::left << std::setw(26) << contender.name << std::right;
    if (!contender.failed.empty()) {
      std::cout << "  " << contender.failed << '\n';
      row["failed"] = contender.failed;
      rows.push_back(std::move(row));
      continue;
    }
    std::cout << std::fixed << std::setprecision(1) << std::setw(8) << cycles[i].min << std::setw(8)
              << cycles[i].median << std::setw(8) << cycles[i].max << std::setw(10)
              << megabytes(contender.table_bytes) << std::setw(10) << contender.build_ms;
    row["cycles"] = {{"min", cycles[i].min}, {"median", cycles[i].median}, {"max", cycles[i].max}};
    row["bytes"] = contender.table_bytes;
    row["build_ms"] = contender.build_ms;
    row["entry"] = contender.entry;
    if (contender.ours && best_peer > 0) {
      const double faster = best_peer / cycles[i].median;
      std::cout << std::setprecision(2) << std::setw(7) << faster << 'x';
      row["faster_than_best_peer"] = faster;
    } else {
      std::cout << std::setw(8) << "";
    }
    std::cout << "  " << contender.entry << std::endl;
    rows.push_back(std::move(row));
  }
  return rows;
}

template <typename Key>
json::object run(const Workload<Key>& workload, const Options& options) {
  using Query = decltype(query_of(Key{}));
  const auto keys =
      addresses(workload, options.queries / kBurst * kBurst, options.hit_share, options.seed + 1);
  std::vector<Query> queries;
  std::vector<uint32_t> expected;
  size_t hits = 0;
  for (const auto key : keys) {
    queries.push_back(query_of(key));
    expected.push_back(naive_class(workload.segments, key));
    hits += expected.back() != 0;
  }
  const auto hit_ratio = static_cast<double>(hits) / static_cast<double>(keys.size());
  std::cout << '\n'
            << workload.name << ": " << workload.about << "\n  " << workload.entries << " entries, "
            << workload.segments.size() << " segments, " << workload.classes
            << " classes, hit ratio " << std::fixed << std::setprecision(2) << hit_ratio << '\n'
            << std::flush;

  std::vector<Contender<Query>> contenders;
  PosternTable table(workload);
  Peers peers(options.lpm_seconds);
  table.add_to(contenders);
  peers.add(workload, contenders);
  const std::span<const Query> asked(queries);
  require_agreement(contenders, asked, expected);
  const auto sum = std::accumulate(expected.begin(), expected.end(), uint64_t{0});
  const auto cycles = time_in_turn(contenders, asked, options.passes, sum);
  require_agreement(contenders, asked, expected);
  return {{"name", workload.name},
          {"about", workload.about},
          {"entries", workload.entries},
          {"segments", workload.segments.size()},
          {"classes", workload.classes},
          {"hit_ratio", hit_ratio},
          {"contenders", report(contenders, cycles)}};
}

std::string processor() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return "unknown";
}

void run_all(const Options& options) {
  json::array results;
  const auto wanted = [&](const std::string& name) {
    return options.only.empty() || name.find(options.only) != std::string::npos;
  };
  const auto add = [&](const char* name, const std::string& about, const auto& make) {
    if (!wanted(name)) return;
    auto workload = make();
    workload.name = name;
    workload.about = about;
    results.push_back(run(workload, options));
  };
  json::object machine{{"processor", processor()},
                       {"tsc_mhz", static_cast<double>(rte_get_tsc_hz()) / 1e6},
                       {"dpdk", rte_version()},
                       {"compiler", __VERSION__},
                       {"simd_bits", rte_vect_get_max_simd_bitwidth()},
                       {"burst", kBurst},
                       {"queries", options.queries},
                       {"passes", options.passes}};
  std::cout << json::serialize(machine) << '\n';

  const auto n = options.entries;
  add("v4-nets", "scattered /24, none longer (P1, P5)",
      [&] { return scattered_v4(n, 24, options.classes, options.seed); });
  add("v4-hosts", "scattered /32 (P2, P4)",
      [&] { return scattered_v4(n, 32, options.classes, options.seed); });
  for (const size_t prefixes : {50'000, 230'000})
    add(prefixes == 50'000 ? "v6-50k" : "v6-230k",
        "allocations of /28 to /32, and /36 to /64 inside (P3)",
        [&] { return allocated_v6(prefixes, options.classes, options.seed); });
  if (!options.lists.empty() && (wanted("v4-real") || wanted("v6-real"))) {
    const auto lists = read_lists(options.lists);
    std::string about;
    for (const auto& name : lists.used) about += (about.empty() ? "" : ", ") + name;
    for (const auto& name : lists.unread) std::cout << "\nnot read: " << name << '\n';
    if (!lists.v4.segments.empty()) add("v4-real", about, [&] { return lists.v4; });
    if (!lists.v6.segments.empty()) add("v6-real", about, [&] { return lists.v6; });
  }
  if (options.json.empty()) return;
  std::ofstream file(options.json);
  file << json::serialize(json::object{{"machine", machine}, {"workloads", results}}) << '\n';
  if (!file.flush()) throw std::runtime_error("cannot write " + options.json);
}

int start(int count, char** words) {
  Options options;
  po::options_description all("Options");
  const auto value = [](auto& target) { return po::value(&target)->default_value(target); };
  all.add_options()("help,h", "print this and exit")(
      "core,l", value(options.core), "the core to run on")("passes", value(options.passes),
                                                           "timed passes of each contender")(
      "queries", value(options.queries), "addresses looked up in a pass")(
      "entries", value(options.entries), "of the generated IPv4 lists")(
      "classes", value(options.classes), "of the generated lists, from 2")(
      "hits", value(options.hit_share), "share of the addresses that are listed")(
      "lists", value(options.lists), "a directory of list files")(
      "only", value(options.only), "only workloads with this in their names")(
      "lpm-seconds", value(options.lpm_seconds),
      "how long rte_lpm may fill itself; 0 leaves it out")(
      "memory", value(options.memory_mb), "MB of hugepages")("simd", value(options.simd_bits),
                                                             "--force-max-simd-bitwidth of DPDK")(
      "seed", value(options.seed), "of all that is random")("json,j", value(options.json),
                                                            "write the results to this file, too");
  po::variables_map given;
  po::store(po::parse_command_line(count, words, all), given);
  po::notify(given);
  if (given.contains("help")) {
    std::cout << "usage: lookup_bench [OPTIONS]\n\n" << all;
    return 0;
  }
  if (options.passes < 10 || options.classes < 2 || options.queries < kBurst)
    throw po::error("at least 10 passes, 2 classes and " + std::to_string(kBurst) + " queries");
  start_eal(options);
  run_all(options);
  rte_eal_cleanup();
  return 0;
}

}  // namespace
}  // namespace postern::perf

int main(int count, char** words) {
  try {
    return postern::perf::start(count, words);
  } catch (const boost::program_options::error& error) {
    std::cerr << "lookup_bench: " << error.what() << " (try: --help)\n";
    return 2;
  } catch (const postern::BadInput& error) {
    std::cerr << "lookup_bench: " << error.what() << '\n';
    return 1;
  } catch (const std::exception& error) {
    std::cerr << "lookup_bench: " << error.what() << '\n';
    return 1;
  }
}
