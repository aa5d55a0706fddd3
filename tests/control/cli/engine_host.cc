// SPDX-License-Identifier: BSD-3-Clause
//
// A process that serves the real management API for an engine in plain memory, so that the command
// line can be tested against it without a network device: engine_host SOCKET [--refuse] [--traffic]
// [--learned N] [options of the API, as the engines have them]. With --refuse, it loads no
// snapshot. With --learned, it has N entries with long reasons from the start. Its counters
// start as fixed numbers. With --traffic, a few frames are judged by the core, by the rules that
// are loaded, again and again, some hundred in a second: listed sources, others, one that says more
// than headers, one behind two tags.
#include <algorithm>
#include <atomic>
#include <boost/program_options.hpp>
#include <chrono>
#include <cstdio>
#include <exception>
#include <mutex>
#include <thread>

#include "dataplane/engine/api_options.h"
#include "dataplane/engine/api_server.h"
#include "tests/dataplane/engine/memory_engine.h"
#include "tests/packets/builder.h"

namespace {

using namespace postern;
using namespace postern::packets;

// As a worker: judges, counts, and offers samples; but waits for who fetches them when their ring
// is half full, so that none is lost however the two threads are scheduled.
class JudgingEngine : public MemoryEngine {
 public:
  using MemoryEngine::MemoryEngine;
  void judge(const Bytes& frame) {
    if (samples_.wanted() != 0 && ++offered_ > SampleRing::kSlots / 2) return;
    const std::lock_guard lock(rules_);
    const auto snapshot = MemoryEngine::snapshot();
    ps_image image = snapshot ? snapshot->image() : ps_image{};
    const ps_tables tables{{}, {}, &cookies()};
    ps_packet parsed;
    const auto now = monotonic_ns();
    const auto decision = ps_judge(&image, &tables, PS_PORT_WAN, frame.data(),
                                   frame.data() + frame.size(), now, &parsed);
    counters_.packets[PS_PORT_WAN][decision.reason]++;
    counters_.bytes[PS_PORT_WAN] += frame.size();
    const auto bytes = static_cast<uint32_t>(frame.size());
    samples_.offer(decision, PS_PORT_WAN, frame.data(), bytes, bytes, now);
  }
  void drain_samples(const TakeSample& take) override {
    offered_ = 0;
    MemoryEngine::drain_samples(take);
  }
  ps_counters counters() const override {
    const std::lock_guard lock(rules_);
    return counters_;
  }
  std::shared_ptr<const Snapshot> snapshot() const override {
    const std::lock_guard lock(rules_);
    return MemoryEngine::snapshot();
  }

 protected:
  RuleCounts put_into_force(std::shared_ptr<const Snapshot> snapshot) override {
    const std::lock_guard lock(rules_);
    return MemoryEngine::put_into_force(std::move(snapshot));
  }

 private:
  mutable std::mutex rules_;
  std::atomic<size_t> offered_ = 0;  // since they were fetched
};

std::vector<Bytes> frames() {
  const auto attempt = [](const char* source) {
    return Bytes(Ethernet{} / Ipv4{.source = source} / Tcp{});
  };
  return {attempt("203.0.113.7"),
          attempt("203.0.113.130"),
          attempt("203.0.113.131"),
          attempt("203.0.113.130"),
          attempt("203.0.113.200"),
          attempt("198.18.0.1"),
          Ethernet{} / Ipv6{.source = "2001:db8:dead::1", .destination = "2001:db8:25::25"} / Tcp{},
          Ethernet{} / Ipv4{.source = "203.0.113.130"} / Tcp{} / payload(400),
          Ethernet{} / Vlan{.id = 100, .tag = 0x88a8} / Vlan{.id = 7} /
              Ipv4{.source = "203.0.113.130"} / Tcp{}};
}

int run(int argc, char** argv) {
  namespace po = boost::program_options;
  ApiSettings settings;
  po::options_description options;
  options.add_options()("refuse", po::bool_switch())("traffic", po::bool_switch())(
      "learned", po::value<uint32_t>()->default_value(0));
  add_api_options(options, settings);
  po::variables_map given;
  po::positional_options_description socket;
  socket.add("api", 1);
  po::store(po::command_line_parser(argc, argv).options(options).positional(socket).run(), given);
  po::notify(given);
  if (const auto fault = fault_of(settings); !fault.empty()) throw std::runtime_error(fault);

  const auto learned = given["learned"].as<uint32_t>();
  JudgingEngine engine(std::max<size_t>(64, learned));
  for (uint32_t i = 0; i < learned; i++)
    engine.dynamic().add(
        {*Prefix::make(IpAddress::v4(0x0a000000 + i), 32, Prefix::HostBits::kRefuse), Action::DROP,
         std::string(DynamicTable::kMaxReasonBytes, 'r'), UINT64_MAX},
        monotonic_ns());
  engine.refuses_ = given["refuse"].as<bool>();
  engine.features_ = PS_FEATURE_SIGNATURE;
  engine.counters_.packets[PS_PORT_WAN][PS_REASON_RULE_DROP] = 1234567;
  engine.counters_.packets[PS_PORT_WAN][PS_REASON_NOT_SERVICE] = 1000;
  engine.counters_.packets[PS_PORT_MX][PS_REASON_FROM_INSIDE] = 77;
  engine.counters_.bytes[PS_PORT_WAN] = 99000000;
  engine.counters_.bytes[PS_PORT_MX] = 7700;
  engine.attempts_per_cell_ = 3;
  ApiServer server(engine, settings);
  std::jthread traffic;
  if (given["traffic"].as<bool>())
    traffic = std::jthread([&](const std::stop_token& stop) {
      const auto all = frames();
      for (size_t i = 0; !stop.stop_requested(); i++) {
        engine.judge(all[i % all.size()]);
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
      }
    });
  server.run();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "engine_host: %s\n", error.what());
    return 1;
  }
}
