// SPDX-License-Identifier: BSD-3-Clause
//
// P11, P12 and P14 (perf/dataplane/pipeline.h): an engine whose worker is under load on a core of
// its own, while another core changes what it judges by; and two cores beside one.
#include <pthread.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>

#include "dataplane/dpdk/dpdk_engine.h"
#include "dataplane/engine/api.h"
#include "dataplane/engine/caller.h"
#include "perf/dataplane/measure.h"
#include "perf/dataplane/pipeline.h"
#include "perf/dataplane/poll_side.h"
#include "perf/dataplane/replayed_wire.h"
#include "perf/dataplane/worker_clock.h"
#include "rules/compile/compile.h"

namespace postern::perf {
namespace {

constexpr unsigned kWorker = 1, kSecondWorker = 2;  // lcores, each on a core of its own
constexpr uint64_t kMillion = 1'000'000;

// Who asks the engine's own handler.
const Caller& caller() {
  static const Caller bench{Role::kOperator, "dataplane_bench", {}};
  return bench;
}

// The rest of the machine's cores are for whoever gives orders.
void move_to_first_core() {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(0, &set);
  if (pthread_setaffinity_np(pthread_self(), sizeof set, &set) != 0)
    throw std::runtime_error("pinning to core 0");
}

uint64_t received(const ps_counters& counters) {
  uint64_t packets = 0;
  for (const auto count : counters.packets[PS_PORT_WAN]) packets += count;
  return packets;
}

// Runs on a thread of its own, on core 0, while the worker has the other.
void beside_the_worker(const std::function<void()>& run) {
  std::exception_ptr failure;
  std::thread([&] {
    try {
      move_to_first_core();
      run();
    } catch (...) {
      failure = std::current_exception();
    }
  }).join();
  if (failure) std::rethrow_exception(failure);
}

// Rules under which the listed are dropped, in two files, made so that the tables of one with the
// matrix of the other let them pass to be inspected: a packet that is judged by a mixture shows.
class Pair {
 public:
  explicit Pair(const Listed& listed) {
    char name[] = "/tmp/postern-swap-XXXXXX";
    if (!mkdtemp(name)) throw std::runtime_error("no temporary directory");
    folder_ = name;
    std::shared_ptr<const Snapshot> rules[2];
    for (const bool other : {false, true}) {
      const auto bytes = compiled(listed, "  drop list listed\n  inspect list none\n", {other});
      write_snapshot(path(other), bytes);
      rules[other] = Snapshot::from_bytes(bytes, "bench");
    }
    const auto source = IpAddress::v4(listed.v4().front());
    for (const bool other : {false, true})
      if (action_of(*rules[other], rules[other]->class_of(source)) != PS_ACTION_DROP ||
          action_of(*rules[other], rules[!other]->class_of(source)) != PS_ACTION_INSPECT)
        throw std::runtime_error("a mixture of the two snapshots would not show");
  }
  ~Pair() { std::filesystem::remove_all(folder_); }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;

  std::string path(bool other) const { return folder_ + (other ? "/other" : "/one"); }

 private:
  static unsigned action_of(const Snapshot& rules, uint32_t of_class) {
    auto image = rules.image();
    return ps_verdict_of(&image, 0, of_class).action;
  }
  std::string folder_;
};

// What another core does that touches no memory: where two cores of a virtual machine are threads
// of one, this alone slows the worker down.
void count_in_registers() {
  uint64_t number = 1;
  for (int i = 0; i < 100'000; i++) {
    number = number * 6364136223846793005u + 1442695040888963407u;
    asm volatile("" : "+r"(number));
  }
}

}  // namespace

void swap_under_load(const Plan& plan, boost::json::array& results) {
  const Listed listed(kMillion, 1);
  const auto traffic = make_traffic(listed, {});
  ReplayedWire wire(traffic, 1);
  const Pair rules(listed);
  dpdk::DpdkEngine engine({.wires = {{wire.wire(), "", ""}},
                           .workers = {kWorker},
                           .burst = plan.burst,
                           .dynamic_entries = 1024});
  Api api(engine);
  uint64_t swaps = 0;
  const auto swap = [&] {
    const auto answer = api.handle(caller(), "PUT", "/v1/snapshot",
                                   R"({"path":")" + rules.path(swaps++ % 2 != 0) + R"("})");
    if (answer.status != 200) throw std::runtime_error("P12: a load was refused: " + answer.body);
  };
  swap();
  engine.start();
  const WorkerClock worker(kWorker);
  double swapping_ms = 0;
  enum class Beside { kIdle, kCounting, kSwapping };
  const auto rate = [&](Beside beside) {
    const bool swapping = beside == Beside::kSwapping;
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(200);
    const auto packets = received(engine.counters());
    const auto seconds = worker.seconds();
    const auto begin = std::chrono::steady_clock::now();
    if (beside == Beside::kIdle) std::this_thread::sleep_until(until);
    while (std::chrono::steady_clock::now() < until)
      if (swapping)
        swap();
      else
        count_in_registers();
    if (swapping)
      swapping_ms +=
          std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
              .count();
    const auto spent = worker.seconds() - seconds;
    return static_cast<double>(received(engine.counters()) - packets) / spent / 1e6;
  };
  std::vector<Side> sides = {
      {"no swap", [&] { return rate(Beside::kIdle); }},
      {"swaps of 1,000,000 entries back to back", [&] { return rate(Beside::kSwapping); }},
      {"no swap, the other core counts in registers", [&] { return rate(Beside::kCounting); }}};
  beside_the_worker([&] { time_in_turn(sides, plan.passes); });
  engine.stop();

  const auto counters = engine.counters();
  const auto of = [&](ps_reason reason) { return counters.packets[PS_PORT_WAN][reason]; };
  const auto all = received(counters);
  rte_eth_stats taken{};
  rte_eth_stats_get(wire.wire().wan, &taken);
  if (of(PS_REASON_RULE_DROP) + of(PS_REASON_NO_RULE) != all)
    throw std::runtime_error("P12: " + std::to_string(of(PS_REASON_RULE_INSPECT)) +
                             " packets were judged by a mixture");
  const auto lost = taken.ipackets - all + of(PS_REASON_NO_RULE) - wire.sent_on();
  report("P12, a worker under load, 1,000,000 entries", "million packets a second of its core",
         sides, results);
  std::vector<Side> figures = {
      ratio("with swaps", sides[1], sides[0]),
      ratio("with swaps, of that beside a counting core", sides[1], sides[2]),
      {"packets lost", {}, {static_cast<double>(lost)}},
      {"packets judged by a mixture", {}, {0}},
      {"milliseconds from one swap to the next", {}, {swapping_ms / static_cast<double>(swaps)}}};
  report("P12, throughput while swapping", "of that without", figures, results);
}

void entry_latency(const Plan& plan, boost::json::array& results) {
  const Listed listed(kMillion, 1);
  auto traffic = make_traffic(listed, {.frames = 4096});
  for (size_t i = 0; i < traffic.frames.size(); i += 64)  // one source is in every burst
    traffic.frames[i] = syn_v4(0xcb007107, 40000, 0, false);
  ReplayedWire wire(traffic, 1);
  dpdk::DpdkEngine engine({.wires = {{wire.wire(), "", ""}},
                           .workers = {kWorker},
                           .burst = plan.burst,
                           .dynamic_entries = kMillion});
  engine.load(rules_of(listed, "  drop list listed\n"));
  const auto now = monotonic_ns();
  for (uint32_t i = 0; i < kMillion; i++)
    engine.dynamic().add(
        {*Prefix::make(IpAddress::v4(0x50000000u + 977u * i), 32, Prefix::HostBits::kRefuse),
         Action::DROP, "", now + 3'600'000'000'000},
        now);
  if (engine.dynamic().size() < kMillion - kMillion / 1000)
    throw std::runtime_error("P11: only " + std::to_string(engine.dynamic().size()) +
                             " entries live");
  Api api(engine);
  engine.start();
  Side added{"from the request read to the worker's verdict", {}, {}};
  Side answered{"from the request read to the answer", {}, {}};
  const auto drops = [&] { return engine.counters().packets[PS_PORT_WAN][PS_REASON_LEARNED_DROP]; };
  beside_the_worker([&] {
    const auto us = 1e6 / static_cast<double>(rte_get_tsc_hz());
    const std::string add =
        R"({"prefix":"203.0.113.7/32","action":"drop","reason":"bench","seconds":3600})";
    const std::string remove = R"({"prefix":"203.0.113.7/32"})";
    for (unsigned i = 0; i < 200 * plan.passes; i++) {
      const auto before = drops();
      const auto start = rte_rdtsc_precise();
      if (api.handle(caller(), "POST", "/v1/entries", add).status != 200)
        throw std::runtime_error("P11: the entry was refused");
      const auto said = rte_rdtsc_precise();
      while (drops() == before) {
        rte_pause();
        if (rte_rdtsc() - start > 5 * rte_get_tsc_hz())
          throw std::runtime_error("P11: the worker does not judge by the entry");
      }
      added.passes.push_back(static_cast<double>(rte_rdtsc_precise() - start) * us);
      answered.passes.push_back(static_cast<double>(said - start) * us);
      if (api.handle(caller(), "DELETE", "/v1/entries", remove).status != 200)
        throw std::runtime_error("P11: the entry was not there");
      std::this_thread::sleep_for(
          std::chrono::microseconds(200));  // bursts on their way are through
    }
  });
  engine.stop();
  std::vector<Side> figures;
  for (const auto* side : {&added, &answered})
    for (const auto& [name, share] : {std::pair{"p50", 0.5}, {"p99", 0.99}, {"p99.9", 0.999}})
      figures.push_back({side->name + ", " + name, {}, {side->quantile(share)}});
  report("P11, one dynamic entry, 1,000,000 live and 1,000,000 listed", "microseconds", figures,
         results);
}

namespace {

// One loop on one core, until it is told to stop.
struct Running {
  std::function<unsigned()> poll;
  const std::atomic<bool>* stop;
  uint64_t packets = 0;
  double cycles = 0;

  static int run(void* self) {
    auto& running = *static_cast<Running*>(self);
    const auto start = cycles_run();
    while (!running.stop->load(std::memory_order_relaxed)) running.packets += running.poll();
    running.cycles = cycles_run() - start;
    return 0;
  }
  double rate() const {  // millions a second that it ran
    return static_cast<double>(packets) / cycles * static_cast<double>(rte_get_tsc_hz()) / 1e6;
  }
};

}  // namespace

void two_cores(const Plan& plan, boost::json::array& results) {
  const Listed listed(kMillion, 1);
  const auto traffic = make_traffic(listed, {});
  ReplayedWire wire(traffic, 2);
  const auto rules = rules_of(listed, "  drop list listed\n");
  PollSide first(wire.wire(), 0, plan.burst, rules), second(wire.wire(), 1, plan.burst, rules);
  const auto rate = [&](std::function<unsigned()> one, std::function<unsigned()> two) {
    std::atomic<bool> stop = false;
    Running running[2] = {{std::move(one), &stop}, {std::move(two), &stop}};
    const bool both = running[1].poll != nullptr;
    rte_eal_remote_launch(Running::run, &running[0], kWorker);
    if (both) rte_eal_remote_launch(Running::run, &running[1], kSecondWorker);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    stop = true;
    rte_eal_mp_wait_lcore();
    return running[0].rate() + (both ? running[1].rate() : 0);
  };
  const auto io = [&](uint16_t queue) {
    return [&wire, &plan, queue] {
      return wire.forward(queue, static_cast<uint16_t>(plan.peer_burst));
    };
  };
  const auto ours = [](PollSide& side) {
    return [&side] { return side.loop().poll(monotonic_ns()); };
  };
  std::vector<Side> sides = {
      {"testpmd's io loop, one core", [&] { return rate(io(0), nullptr); }},
      {"testpmd's io loop, two cores", [&] { return rate(io(0), io(1)); }},
      {"Postern, one core", [&] { return rate(ours(first), nullptr); }},
      {"Postern, two cores", [&] { return rate(ours(first), ours(second)); }}};
  time_in_turn(sides, plan.passes);
  report("P14, 1,000,000 entries, the listed half is dropped", "million packets a second", sides,
         results);
  std::vector<Side> ratios = {ratio("testpmd's io loop", sides[1], sides[0]),
                              ratio("Postern", sides[3], sides[2])};
  ratios.push_back(ratio("Postern's of testpmd's", ratios[1], ratios[0]));
  report("P14, two cores", "of one", ratios, results);
}

}  // namespace postern::perf
