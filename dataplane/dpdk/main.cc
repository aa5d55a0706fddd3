// SPDX-License-Identifier: BSD-3-Clause
//
// postern-dataplane: the DPDK engine as a program. Reads its options, opens the snapshot, starts
// DPDK and the two ports, launches the workers, says `ready`, and serves the management API until
// SIGINT or SIGTERM. Exit status: 0 ended as asked, 1 something it was given is not usable, 2 wrong
// usage.
#include <rte_lcore.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <exception>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "dataplane/dpdk/bypass.h"
#include "dataplane/dpdk/dpdk_engine.h"
#include "dataplane/dpdk/eal.h"
#include "dataplane/dpdk/options.h"
#include "dataplane/dpdk/packet_pool.h"
#include "dataplane/dpdk/port.h"
#include "dataplane/dpdk/telemetry.h"
#include "dataplane/engine/api_server.h"

namespace postern::dpdk {
namespace {

void log_to_stderr() {
  auto log = spdlog::stderr_logger_mt("postern-dataplane");
  log->set_pattern("%Y-%m-%dT%H:%M:%S.%e %n %l %v");
  spdlog::set_default_logger(std::move(log));
}

// One pair of ports, made one after the other: the second may stand for this host, and then
// takes after the first.
struct Pair {
  PortName wan_name, mx_name;
  Port wan, mx;

  Pair(const std::string& number, PortName wan_text, PortName mx_text)
      : wan_name(std::move(wan_text)),
        mx_name(std::move(mx_text)),
        wan("wan" + number, wan_name),
        mx("mx" + number, mx_name) {}
  Pair(PortName wan_text, const std::string& host, bool vhost, uint16_t queues)
      : wan_name(std::move(wan_text)),
        mx_name{},
        wan("wan", wan_name),
        mx("host", mx_name = host_port(host, wan.mac(), vhost, queues)) {
    mx.take_mtu(wan.mtu());
  }
};
using Pairs = std::vector<std::unique_ptr<Pair>>;

Pairs make_pairs(const Options& options, uint16_t queues) {
  Pairs pairs;
  if (!options.host.empty()) {
    if (options.host_vhost && access(kVhostNet, R_OK | W_OK) != 0)
      throw std::runtime_error(std::string("host: ") + kVhostNet +
                               " cannot be opened: " + std::generic_category().message(errno) +
                               "; `modprobe vhost_net`, or leave out \",vhost\"");
    pairs.push_back(std::make_unique<Pair>(PortName::parse(options.wan.front()), options.host,
                                           options.host_vhost, queues));
  } else {
    for (size_t i = 0; i < options.wan.size(); i++)
      pairs.push_back(std::make_unique<Pair>(i == 0 ? "" : std::to_string(i + 1),
                                             PortName::parse(options.wan[i]),
                                             PortName::parse(options.mx[i])));
  }
  for (size_t i = 0; i < pairs.size(); i++)
    for (const auto* name : {&pairs[i]->wan_name, &pairs[i]->mx_name})
      check_bypass(*name, options.fail_open.empty() ? "" : options.fail_open[i]);
  return pairs;
}

void require_different(const Options& options) {
  std::set<std::string> devices;
  for (const auto* ports : {&options.wan, &options.mx})
    for (const auto& port : *ports)
      if (const auto device = PortName::parse(port).device; !devices.insert(device).second)
        throw std::runtime_error("two ports are the same device, " + device +
                                 "; a wire needs two of its own");
}

void log_port(const Port& port, const PortName& name) {
  spdlog::info("event=port role={} device={} driver={} mtu={} mac={}", port.role(), name.text,
               port.driver(), port.mtu(), port.mac());
}

void log_pair(const Pair& pair) {
  log_port(pair.wan, pair.wan_name);
  log_port(pair.mx, pair.mx_name);
  if (pair.wan.mtu() != pair.mx.mtu())
    spdlog::warn("event=mtu-differs {}={} {}={} lost=\"frames larger than the other port's\"",
                 pair.wan.role(), pair.wan.mtu(), pair.mx.role(), pair.mx.mtu());
}

// A core on another NUMA node than a card pays for each packet on the way between the two.
void warn_of_far_cores(const Port& port, const Eal& eal) {
  for (const auto lcore : eal.workers())
    if (const auto node = static_cast<int>(rte_lcore_to_socket_id(lcore));
        port.socket() >= 0 && node != port.socket())
      spdlog::warn("event=far-core core={} node={} port={} port-node={}",
                   rte_lcore_to_cpu_id(static_cast<int>(lcore)), node, port.role(), port.socket());
}

// Packets for all that is in a ring at once, and as much again for what the workers hold, each
// with room for the largest frame.
void make_pool(std::optional<PacketPool>& pool, const Pairs& pairs, uint16_t queues,
               unsigned burst) {
  unsigned packets = 0;
  uint16_t room = 0;
  for (const auto& pair : pairs) {
    packets +=
        pair->wan.descriptors(queues) + pair->mx.descriptors(queues) + 4u * queues * (burst + 512u);
    room = std::max({room, pair->wan.room(), pair->mx.room()});
  }
  pool.emplace(packets, room, pairs.front()->wan.socket());
}

// For the line that says `ready`.
std::string names_of(const Pairs& pairs, PortName Pair::*name) {
  std::string text;
  for (const auto& pair : pairs) text += (text.empty() ? "" : " ") + ((*pair).*name).text;
  return text;
}

std::string joined(const std::vector<unsigned>& cores) {
  std::string text;
  for (const auto core : cores) text += (text.empty() ? "" : ",") + std::to_string(core);
  return text;
}

void run(Options options) {
  require_different(options);
  std::optional<LastGood> last_good;
  if (!options.state_dir.empty()) last_good.emplace(options.state_dir);
  auto snapshot =
      starting_snapshot(options.snapshot, last_good ? &*last_good : nullptr, options.bad_snapshot);

  EalSettings settings{options.cores, options.memory_mb, {}, options.eal};
  if (settings.cores.empty()) {
    const auto usable = usable_cores();
    if (usable.empty()) throw std::runtime_error("this process may not run on any core");
    settings.cores.push_back(usable.back());
  }
  for (const auto* ports : {&options.wan, &options.mx})
    for (const auto& port : *ports)
      if (const auto name = PortName::parse(port); name.kind == PortName::Kind::kPci)
        settings.pci.push_back(name.text);

  log_eal_messages();
  log_bpf_messages();
  const Eal eal(settings);
  const auto queues = static_cast<uint16_t>(eal.workers().size());
  std::optional<PacketPool> pool;  // made when the ports are known, gone after them
  const auto pairs = make_pairs(options, queues);
  make_pool(pool, pairs, queues, options.burst);
  EngineSettings engine_settings{{},
                                 eal.workers(),
                                 options.burst,
                                 options.idle_sleep_us,
                                 options.dynamic_entries,
                                 options.limit_sources,
                                 options.answers_per_second,
                                 options.profile,
                                 !options.host.empty(),
                                 pairs.front()->wan.socket()};
  for (const auto& pair : pairs) {
    pair->wan.set_up(queues, pool->get());
    pair->mx.set_up(queues, pool->get());
    log_pair(*pair);
    warn_of_far_cores(pair->wan, eal);
    warn_of_far_cores(pair->mx, eal);
    engine_settings.wires.push_back(
        {{pair->wan.id(), pair->mx.id()}, pair->wan_name.text, pair->mx_name.text});
  }
  DpdkEngine engine(engine_settings);
  if (!options.cookie_secret.empty())
    engine.use_secret(CookieSecret::from_file(options.cookie_secret));
  engine.rotate_cookies(std::time(nullptr));
  if (last_good) engine.keep_last_good(*last_good);
  if (snapshot) engine.load(std::move(snapshot));
  engine.remember();
  ApiServer server(engine, options.api);
  const Telemetry telemetry(engine);
  std::vector<LinkWatch::Cable> cables;
  for (const auto& pair : pairs) {
    pair->wan.start();
    pair->mx.start(engine_settings.host ? Port::Takes::kOwn : Port::Takes::kAll);
    if (options.propagate_link && !engine_settings.host)
      cables.push_back({pair->wan.link(), pair->mx.link()});
  }
  engine.start();
  std::optional<LinkWatch> link_watch(std::in_place, std::move(cables));
  spdlog::info(
      "ready engine=dpdk topology={} wan={} mx={} cores={} burst={} idle-sleep={} "
      "fail={} generation={} api={}",
      engine.topology(), names_of(pairs, &Pair::wan_name), names_of(pairs, &Pair::mx_name),
      joined(settings.cores), options.burst, options.idle_sleep_us,
      options.fail_open.empty() ? "closed" : "open",
      engine.snapshot() ? engine.snapshot()->generation() : 0, options.api.socket);
  server.run();
  spdlog::info("event=stopping");
  link_watch.reset();
  engine.stop();
  if (options.profile) spdlog::info("event=profile {}", to_string(engine.profile()));
}

}  // namespace
}  // namespace postern::dpdk

int main(int argc, char** argv) {
  using namespace postern::dpdk;
  try {
    const auto options = read_options({argv + 1, argv + argc});
    if (options.help) {
      std::fputs(options_help().c_str(), stdout);
      return 0;
    }
    if (options.version) {
      std::puts("postern-dataplane " POSTERN_VERSION);
      return 0;
    }
    log_to_stderr();
    run(options);
    return 0;
  } catch (const WrongUsage& wrong) {
    std::fprintf(stderr, "postern-dataplane: %s (--help shows the options)\n", wrong.what());
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "postern-dataplane: %s\n", error.what());
    return 1;
  }
}
