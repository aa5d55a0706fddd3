// SPDX-License-Identifier: BSD-3-Clause
//
// DpdkEngine: the Engine over DPDK ports that are set up and started: one PollLoop per worker lcore
// and wire, the snapshot in force behind one pointer, and the table of dynamic entries. A snapshot
// is swapped by storing the pointer and waiting until every worker has passed a quiescent state
// (RTE RCU QSBR); only then is the old one freed.
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dataplane/core/dynamic.h"
#include "dataplane/dpdk/loaded_image.h"
#include "dataplane/dpdk/poll_loop.h"
#include "dataplane/engine/answer_budget.h"
#include "dataplane/engine/engine.h"

struct rte_rcu_qsbr;

namespace postern::dpdk {

struct NamedWire {
  Wire ports;
  std::string wan, mx;  // as the operator named them
};

struct EngineSettings {
  std::vector<NamedWire> wires;   // at least one
  std::vector<unsigned> workers;  // lcores; the one at i polls queue i of all ports
  unsigned burst = 64;
  unsigned idle_sleep_us = 0;
  size_t dynamic_entries = 65536;
  size_t limit_sources = 65536;
  uint64_t answers_per_second = kDefaultAnswersPerSecond;
  bool profile = false;  // count cycles per stage
  bool host = false;     // the mx port is this host's kernel
  int node = -1;         // NUMA node of the ports, where tables should lie; -1: anywhere
};

class DpdkEngine : public Engine {
 public:
  // Throws std::runtime_error when there is no memory for it.
  explicit DpdkEngine(const EngineSettings& settings);
  // Stops the workers.
  ~DpdkEngine() override;
  DpdkEngine(const DpdkEngine&) = delete;
  DpdkEngine& operator=(const DpdkEngine&) = delete;

  std::string_view kind() const noexcept override { return "dpdk"; }
  std::string_view topology() const noexcept override { return settings_.host ? "host" : "wire"; }
  uint32_t features() const noexcept override {
    return PS_FEATURE_REFUSE | PS_FEATURE_LIMIT | PS_FEATURE_HARD | PS_FEATURE_OUTBOUND |
           PS_FEATURE_SIGNATURE;
  }
  std::shared_ptr<const Snapshot> snapshot() const override;
  ps_counters counters() const override;
  RuleCounts rule_counts() const override;
  void attend() override;
  std::vector<PortPair> pairs() const override;
  DynamicTable& dynamic() override { return *dynamic_; }
  // The sum over all workers; of zeros unless the settings ask for it. From any thread.
  Profile profile() const noexcept;
  void set_sampling(const ps_sampling& sampling) noexcept override;
  void drain_samples(const TakeSample& take) override;

  // Launches the workers on their lcores; throws std::runtime_error when one is busy.
  void start();
  // Returns once every worker has.
  void stop() noexcept;

 protected:
  RuleCounts put_into_force(std::shared_ptr<const Snapshot> snapshot) override;
  std::span<std::byte> live_image() noexcept override;
  ps_cookie_keys& cookie_keys() noexcept override { return cookies_; }

 private:
  struct FreeDpdk {
    void operator()(void* memory) const noexcept;
  };
  template <typename T>
  using DpdkMemory = std::unique_ptr<T, FreeDpdk>;
  struct Worker {
    DpdkEngine* engine;
    unsigned lcore;
    unsigned reader;                               // number in the QSBR variable
    std::vector<std::unique_ptr<PollLoop>> loops;  // one for each wire
  };

  template <bool profiled>
  static int enter(void* worker) noexcept;
  template <bool profiled>
  void work(Worker& worker) noexcept;

  const EngineSettings settings_;
  DpdkMemory<ps_dynamic_bucket> buckets_;
  std::unique_ptr<DynamicTable> dynamic_;
  DpdkMemory<ps_limit_bucket> limits_;
  alignas(64) ps_cookie_keys cookies_{};
  DpdkMemory<rte_rcu_qsbr> readers_;
  std::unique_ptr<LoadedImage> loaded_;
  RulesInForce rules_{nullptr};
  std::vector<Worker> workers_;
  std::atomic<bool> stopping_{false};
  bool started_ = false;
};

}  // namespace postern::dpdk
