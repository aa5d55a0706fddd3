// SPDX-License-Identifier: BSD-3-Clause
//
// The options of postern-dataplane (dataplane/dpdk/options.h), by Boost.Program_options.
#include "dataplane/dpdk/options.h"

#include <algorithm>
#include <boost/program_options.hpp>
#include <cctype>
#include <fstream>
#include <optional>
#include <sstream>

#include "dataplane/dpdk/poll_loop.h"
#include "dataplane/engine/api_options.h"
#include "rules/text/cursor.h"

namespace postern::dpdk {
namespace {

namespace po = boost::program_options;

constexpr unsigned kMaxCore = 4095;
constexpr unsigned kMaxIdleSleepUs = 100'000;
constexpr unsigned kMinMemoryMb = 32;
constexpr unsigned kMaxMemoryMb = 1024 * 1024;
constexpr size_t kMaxDynamicEntries = size_t{1} << 26;

// Signed, because "-1" must be refused and not wrap around.
using Number = long long;

po::options_description settings(ApiSettings& api) {
  const Options fallback;
  const auto number = [](auto value) {
    return po::value<Number>()->value_name("N")->default_value(static_cast<Number>(value));
  };
  po::options_description all("Settings, also in the config file as `name = value`");
  all.add_options()("wan", po::value<std::vector<std::string>>()->value_name("PORT"),
                    "the port towards the Internet: a PCI address (0000:01:00.0), or a vdev such "
                    "as net_af_xdp0,iface=wan0 or net_tap0,iface=tap0")(
      "mx", po::value<std::vector<std::string>>()->value_name("PORT"),
      "the port towards the mail farm; with --wan once more for each further wire")(
      "host", po::value<std::string>()->value_name("NAME[,vhost]")->default_value(""),
      "in place of --mx: what passes goes to this host's own network stack, by a TAP interface of "
      "this name; vhost: by virtio-user and vhost-net")(
      "snapshot", po::value<std::string>()->value_name("FILE")->default_value(""),
      "the snapshot to start with; without it all passes until one is loaded")(
      "state-dir", po::value<std::string>()->value_name("DIR")->default_value(""),
      "keep a copy of the rules in force there, and start from it where there is no --snapshot")(
      "bad-snapshot",
      po::value<std::string>()->value_name("refuse|last-good")->default_value("refuse"),
      "where --snapshot cannot be used: refuse to start, or start from the copy in --state-dir")(
      "fail-open", po::value<std::vector<std::string>>()->value_name("BRIDGE"),
      "the kernel's bridge that carries the frames, unjudged, while no engine runs; without it "
      "nothing does")(
      "cores", po::value<std::string>()->value_name("LIST"),
      "the cores that poll, one queue of each port apiece, such as 1,3-5; without it the last "
      "core")("burst", number(fallback.burst), "packets taken from a port at once, 1 to 256")(
      "idle-sleep", number(fallback.idle_sleep_us),
      "microseconds to sleep when there is nothing to do; 0 polls without rest")(
      "memory", number(fallback.memory_mb), "MB of hugepages to reserve at start")(
      "dynamic-entries", number(fallback.dynamic_entries),
      "room for so many dynamic entries, rounded up to a power of two; 128 bytes each")(
      "limit-sources", number(fallback.limit_sources),
      "room for so many sources that limits are held to; beyond it they pass")(
      "answers", number(fallback.answers_per_second),
      "replies (RST, refusals) sent in a second at most; 0 sends none")(
      "link", po::value<std::string>()->value_name("propagate|ignore")->default_value("propagate"),
      "propagate: a port whose other side has no carrier is taken down")(
      "cookie-secret", po::value<std::string>()->value_name("FILE")->default_value(""),
      "the secret that refused connections are recognised by, where several engines share it; "
      "without, it is random")(
      "profile", po::bool_switch(),
      "count the cycles that each stage of a packet takes, and tell them at the end")(
      "eal", po::value<std::string>()->value_name("ARGS")->default_value(""),
      "further arguments for DPDK's EAL, in one string");
  add_api_options(all, api);
  return all;
}

po::options_description commands() {
  po::options_description all("Commands");
  all.add_options()("config", po::value<std::string>()->value_name("FILE"), "read this file, too")(
      "help,h", "print this and exit")("version", "print the version and exit");
  return all;
}

template <typename Target>
void bounded(const po::variables_map& given, const char* name, Number low, Number high,
             Target& target) {
  const auto value = given[name].as<Number>();
  if (value < low || value > high)
    throw WrongUsage("--" + std::string(name) + " is " + std::to_string(low) + " to " +
                     std::to_string(high) + ", not " + std::to_string(value));
  target = static_cast<Target>(value);
}

using Words = std::vector<std::string>;

Words words_of(const po::variables_map& given, const char* name) {
  return given.count(name) ? given[name].as<Words>() : Words();
}

// The ports: a wire's, or a host's.
void read_ports(const po::variables_map& given, Options& options) {
  constexpr std::string_view kVhost = ",vhost";
  options.wan = words_of(given, "wan");
  options.mx = words_of(given, "mx");
  options.host = given["host"].as<std::string>();
  options.fail_open = words_of(given, "fail-open");
  const auto wires = options.wan.size();
  if (wires == 0 || (options.mx.empty() && options.host.empty()))
    throw WrongUsage(std::string(wires == 0 ? "--wan" : "--mx") +
                     " is missing: a wire needs two ports, --wan and --mx (a host: --wan and "
                     "--host)");
  if (wires > kMaxWires)
    throw WrongUsage("at most " + std::to_string(kMaxWires) + " wires, not " +
                     std::to_string(wires));
  if (!options.fail_open.empty() && options.fail_open.size() != wires)
    throw WrongUsage("--fail-open names a bridge for each --wan, in their order");
  if (options.host.empty()) {
    if (options.mx.size() != wires)
      throw WrongUsage("each --wan needs its --mx: there are " + std::to_string(wires) + " and " +
                       std::to_string(options.mx.size()));
    return;
  }
  if (!options.mx.empty()) throw WrongUsage("--host takes the place of --mx: leave one out");
  if (wires > 1) throw WrongUsage("--host stands behind one --wan");
  options.host_vhost = options.host.ends_with(kVhost);
  if (options.host_vhost) options.host.resize(options.host.size() - kVhost.size());
  constexpr size_t kLongestName = 15;  // IFNAMSIZ, without its end
  if (options.host.empty() || options.host.size() > kLongestName ||
      options.host.find_first_of(", /:\t") != std::string::npos)
    throw WrongUsage("--host is the name of an interface, of at most 15 characters, not '" +
                     options.host + "'");
}

Options read(const std::vector<std::string>& arguments) {
  Options options;
  po::options_description all;
  all.add(commands()).add(settings(options.api));
  po::variables_map given;
  const auto style = po::command_line_style::unix_style ^ po::command_line_style::allow_guessing;
  po::store(po::command_line_parser(arguments)
                .options(all)
                .positional({})
                .style(static_cast<int>(style))
                .run(),
            given);

  options.help = given.count("help") > 0;
  options.version = given.count("version") > 0;
  if (options.help || options.version) return options;

  if (given.count("config")) {
    const auto path = given["config"].as<std::string>();
    std::ifstream file(path);
    if (!file) throw std::runtime_error(path + ": cannot be read");
    try {
      po::store(po::parse_config_file(file, settings(options.api)), given);
    } catch (const po::error& wrong) {
      throw std::runtime_error(path + ": " + wrong.what());
    }
  }
  read_ports(given, options);
  options.snapshot = given["snapshot"].as<std::string>();
  po::notify(given);
  if (const auto fault = fault_of(options.api); !fault.empty()) throw WrongUsage(fault);
  options.state_dir = given["state-dir"].as<std::string>();
  const auto word = given["bad-snapshot"].as<std::string>();
  const auto bad = bad_snapshot_named(word);
  if (!bad) throw WrongUsage("--bad-snapshot is refuse or last-good, not " + word);
  options.bad_snapshot = *bad;
  if (*bad == BadSnapshot::kLastGood && options.state_dir.empty())
    throw WrongUsage("--bad-snapshot last-good needs --state-dir, where the last good one is");
  if (given.count("cores")) options.cores = read_core_list(given["cores"].as<std::string>());
  bounded(given, "burst", 1, kMaxBurst, options.burst);
  bounded(given, "idle-sleep", 0, kMaxIdleSleepUs, options.idle_sleep_us);
  bounded(given, "memory", kMinMemoryMb, kMaxMemoryMb, options.memory_mb);
  bounded(given, "dynamic-entries", 1, kMaxDynamicEntries, options.dynamic_entries);
  bounded(given, "limit-sources", 1, kMaxDynamicEntries, options.limit_sources);
  bounded(given, "answers", 0, kMaxAnswersPerSecond, options.answers_per_second);
  const auto link = given["link"].as<std::string>();
  if (link != "propagate" && link != "ignore")
    throw WrongUsage("--link is propagate or ignore, not " + link);
  options.propagate_link = link == "propagate";
  options.cookie_secret = given["cookie-secret"].as<std::string>();
  options.profile = given["profile"].as<bool>();
  options.eal = po::split_unix(given["eal"].as<std::string>());
  return options;
}

std::optional<unsigned> take_core(Cursor& cursor) {
  const auto digits = cursor.take_while([](char c) noexcept { return c >= '0' && c <= '9'; });
  if (digits.empty() || digits.size() > 4) return std::nullopt;
  unsigned core = 0;
  for (const char digit : digits) core = core * 10 + static_cast<unsigned>(digit - '0');
  if (core > kMaxCore) return std::nullopt;
  return core;
}

}  // namespace

Options read_options(const std::vector<std::string>& arguments) {
  try {
    return read(arguments);
  } catch (const po::error& wrong) {
    throw WrongUsage(wrong.what());
  }
}

std::string options_help() {
  Options options;
  std::ostringstream text;
  text << "postern-dataplane --wan PORT --mx PORT [--snapshot FILE] [options]\n"
          "postern-dataplane --wan PORT --host NAME [--snapshot FILE] [options]\n\n"
          "The DPDK engine of Postern: a transparent wire between two ports, or between one and "
          "this\n"
          "host, that stops the mail connections its rules stop.\n\n"
       << settings(options.api) << "\n"
       << commands();
  return text.str();
}

std::vector<unsigned> read_core_list(std::string_view text) {
  const WrongUsage wrong("--cores is a list such as 1,3-5, each core once, not '" +
                         std::string(text) + "'");
  std::vector<unsigned> cores;
  Cursor cursor(text);
  do {
    const auto first = take_core(cursor);
    const auto last = first && cursor.accept('-') ? take_core(cursor) : first;
    if (!first || !last || *last < *first) throw wrong;
    for (unsigned core = *first; core <= *last; core++) cores.push_back(core);
  } while (cursor.accept(','));
  if (!cursor.at_end()) throw wrong;
  auto sorted = cores;
  std::ranges::sort(sorted);
  if (std::ranges::adjacent_find(sorted) != sorted.end()) throw wrong;
  return cores;
}

}  // namespace postern::dpdk
