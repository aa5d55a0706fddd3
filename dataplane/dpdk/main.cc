// SPDX-License-Identifier: BSD-3-Clause
//
// postern-dataplane: the DPDK engine as a program. Reads its options, opens the snapshot, starts
// DPDK and the two ports, launches the workers, says `ready`, and serves the management API until
// SIGINT or SIGTERM. Exit status: 0 ended as asked, 1 something it was given is not usable, 2 wrong
// usage.
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <exception>
#include <optional>
#include <string>
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

void log_port(const Port& port, const PortName& name) {
  spdlog::info("event=port role={} device={} driver={} mtu={} mac={}", port.role(), name.text,
               port.driver(), port.mtu(), port.mac());
}

// All that is on the wire or in a ring at once, and as much again for what the workers hold.
unsigned packets_for(const Port& wan, const Port& mx, uint16_t queues, unsigned burst) {
  return wan.descriptors(queues) + mx.descriptors(queues) + 4u * queues * (burst + 512u);
}

std::string joined(const std::vector<unsigned>& cores) {
  std::string text;
  for (const auto core : cores) text += (text.empty() ? "" : ",") + std::to_string(core);
  return text;
}

void run(Options options) {
  const auto wan_name = PortName::parse(options.wan);
  const auto mx_name = PortName::parse(options.mx);
  if (wan_name.device == mx_name.device)
    throw std::runtime_error("wan and mx are the same device, " + wan_name.device +
                             "; a wire needs two");
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
  for (const auto* name : {&wan_name, &mx_name})
    if (name->kind == PortName::Kind::kPci) settings.pci.push_back(name->text);

  log_eal_messages();
  log_bpf_messages();
  const Eal eal(settings);
  const auto queues = static_cast<uint16_t>(eal.workers().size());
  std::optional<PacketPool> pool;  // made when the ports are known, gone after them
  Port wan("wan", wan_name), mx("mx", mx_name);
  for (const auto* name : {&wan_name, &mx_name}) check_bypass(*name, options.fail_open);
  pool.emplace(packets_for(wan, mx, queues, options.burst), std::max(wan.room(), mx.room()),
               wan.socket());
  wan.set_up(queues, pool->get());
  mx.set_up(queues, pool->get());
  log_port(wan, wan_name);
  log_port(mx, mx_name);
  if (wan.mtu() != mx.mtu())
    spdlog::warn("event=mtu-differs wan={} mx={} lost=\"frames larger than the other port's\"",
                 wan.mtu(), mx.mtu());

  DpdkEngine engine({{wan.id(), mx.id()},
                     eal.workers(),
                     options.burst,
                     options.idle_sleep_us,
                     options.dynamic_entries,
                     options.limit_sources,
                     options.answers_per_second});
  if (!options.cookie_secret.empty())
    engine.use_secret(CookieSecret::from_file(options.cookie_secret));
  engine.rotate_cookies(std::time(nullptr));
  if (last_good) engine.keep_last_good(*last_good);
  if (snapshot) engine.load(std::move(snapshot));
  engine.remember();
  ApiServer server(engine, options.api);
  const Telemetry telemetry(engine);
  wan.start();
  mx.start();
  engine.start();
  std::optional<LinkWatch> link_watch;
  if (options.propagate_link)
    link_watch.emplace(std::vector<LinkWatch::Cable>{{wan.link(), mx.link()}});
  spdlog::info(
      "ready engine=dpdk topology=wire wan={} mx={} cores={} burst={} idle-sleep={} "
      "fail={} generation={} api={}",
      wan_name.text, mx_name.text, joined(settings.cores), options.burst, options.idle_sleep_us,
      options.fail_open.empty() ? "closed" : "open:" + options.fail_open,
      engine.snapshot() ? engine.snapshot()->generation() : 0, options.api);
  server.run();
  spdlog::info("event=stopping");
  link_watch.reset();
  engine.stop();
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
