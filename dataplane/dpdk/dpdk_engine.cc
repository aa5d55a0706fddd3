// SPDX-License-Identifier: BSD-3-Clause
//
// The workers and what they share (dataplane/dpdk/dpdk_engine.h).
#include "dataplane/dpdk/dpdk_engine.h"

#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_pause.h>
#include <rte_rcu_qsbr.h>
#include <spdlog/spdlog.h>
#include <sys/prctl.h>
#include <time.h>

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>

#include "dataplane/engine/limit_table.h"

namespace postern::dpdk {
namespace {

// Empty polls in a row before a worker that may sleep does: long enough to ride out the gaps
// within a train of packets.
constexpr unsigned kPatience = 64;

void sleep_for(unsigned microseconds) noexcept {
  const timespec time{0, static_cast<long>(microseconds) * 1000};
  nanosleep(&time, nullptr);
}

}  // namespace

void DpdkEngine::FreeDpdk::operator()(void* memory) const noexcept {
  rte_free(memory);
}

DpdkEngine::DpdkEngine(const EngineSettings& settings) : settings_(settings) {
  const auto count = DynamicTable::buckets_for(settings.dynamic_entries);
  buckets_.reset(static_cast<ps_dynamic_bucket*>(
      rte_calloc_socket("postern_dynamic", count, sizeof(ps_dynamic_bucket),
                        alignof(ps_dynamic_bucket), settings.node)));
  if (!buckets_)
    throw std::runtime_error("no hugepage memory for " + std::to_string(settings.dynamic_entries) +
                             " dynamic entries (" +
                             std::to_string(count * sizeof(ps_dynamic_bucket) >> 20) +
                             " MB); raise --memory or lower --dynamic-entries");
  dynamic_ = std::make_unique<DynamicTable>(std::span(buckets_.get(), count));

  const auto limit_count = limit_buckets_for(settings.limit_sources);
  limits_.reset(static_cast<ps_limit_bucket*>(
      rte_calloc_socket("postern_limits", limit_count, sizeof(ps_limit_bucket),
                        alignof(ps_limit_bucket), settings.node)));
  if (!limits_)
    throw std::runtime_error("no hugepage memory for " + std::to_string(settings.limit_sources) +
                             " sources of limits (" +
                             std::to_string(limit_count * sizeof(ps_limit_bucket) >> 20) +
                             " MB); raise --memory or lower --limit-sources");
  start_limits(std::span(limits_.get(), limit_count));

  const auto readers = static_cast<uint32_t>(settings.workers.size());
  readers_.reset(static_cast<rte_rcu_qsbr*>(
      rte_zmalloc("postern_readers", rte_rcu_qsbr_get_memsize(readers), RTE_CACHE_LINE_SIZE)));
  if (!readers_ || rte_rcu_qsbr_init(readers_.get(), readers) != 0)
    throw std::runtime_error("no hugepage memory for the workers; raise --memory");

  const ps_tables tables{ps_dynamic_of(buckets_.get(), static_cast<uint32_t>(count)),
                         {limits_.get(), static_cast<uint32_t>(limit_count)},
                         &cookies_};
  const auto wires = static_cast<uint32_t>(settings.wires.size());
  const auto budget = answer_budget(settings.answers_per_second, std::max(readers * wires, 1u));
  for (unsigned i = 0; i < readers; i++) {
    Worker worker{this, settings.workers[i], i, {}};
    for (const auto& wire : settings.wires)
      worker.loops.push_back(std::make_unique<PollLoop>(wire.ports, static_cast<uint16_t>(i),
                                                        settings.burst, rules_, tables, budget));
    workers_.push_back(std::move(worker));
  }
}

DpdkEngine::~DpdkEngine() {
  stop();
}

RuleCounts DpdkEngine::put_into_force(std::shared_ptr<const Snapshot> snapshot) {
  auto next = std::make_unique<LoadedImage>(std::move(snapshot), workers_.size(), settings_.node);
  rules_.store(next->rules(), std::memory_order_release);
  rte_rcu_qsbr_synchronize(readers_.get(), RTE_QSBR_THRID_INVALID);
  attend();
  auto before = rule_counts();
  loaded_ = std::move(next);
  spdlog::info("event=snapshot-loaded generation={} snapshot={} bytes={} memory={}",
               loaded_->snapshot()->generation(), loaded_->snapshot()->name(),
               loaded_->snapshot()->image_bytes().size(),
               loaded_->in_hugepages() ? "hugepages" : "heap");
  return before;
}

RuleCounts DpdkEngine::rule_counts() const {
  return loaded_ ? loaded_->counts() : RuleCounts{};
}

void DpdkEngine::attend() {
  if (loaded_) loaded_->bring_lessons(*dynamic_, monotonic_ns());
}

std::span<std::byte> DpdkEngine::live_image() noexcept {
  return loaded_ ? loaded_->bytes() : std::span<std::byte>();
}

std::shared_ptr<const Snapshot> DpdkEngine::snapshot() const {
  return loaded_ ? loaded_->snapshot() : nullptr;
}

ps_counters DpdkEngine::counters() const {
  return sum_of(pairs());
}

Profile DpdkEngine::profile() const noexcept {
  Profile total;
  for (const auto& worker : workers_)
    for (const auto& loop : worker.loops) loop->add_to(total);
  return total;
}

void DpdkEngine::set_sampling(const ps_sampling& sampling) noexcept {
  for (const auto& worker : workers_)
    for (const auto& loop : worker.loops) loop->samples().set(sampling);
}

void DpdkEngine::drain_samples(const TakeSample& take) {
  for (const auto& worker : workers_)
    for (const auto& loop : worker.loops) loop->samples().drain(take);
}

std::vector<PortPair> DpdkEngine::pairs() const {
  std::vector<PortPair> all;
  for (size_t wire = 0; wire < settings_.wires.size(); wire++) {
    PortPair pair{settings_.wires[wire].wan, settings_.wires[wire].mx, {}};
    for (const auto& worker : workers_) worker.loops[wire]->add_to(pair.counters);
    all.push_back(std::move(pair));
  }
  return all;
}

void DpdkEngine::start() {
  stopping_ = false;
  started_ = true;
  const auto entry = settings_.profile ? enter<true> : enter<false>;
  for (auto& worker : workers_)
    if (const int error = rte_eal_remote_launch(entry, &worker, worker.lcore); error != 0)
      throw std::runtime_error("cannot start a worker on lcore " + std::to_string(worker.lcore) +
                               ": " + rte_strerror(-error));
}

void DpdkEngine::stop() noexcept {
  if (!started_) return;
  stopping_ = true;
  for (const auto& worker : workers_) rte_eal_wait_lcore(worker.lcore);
  started_ = false;
}

template <bool profiled>
int DpdkEngine::enter(void* worker) noexcept {
  auto& self = *static_cast<Worker*>(worker);
  self.engine->work<profiled>(self);
  return 0;
}

template <bool profiled>
void DpdkEngine::work(Worker& worker) noexcept {
  auto* readers = readers_.get();
  prctl(PR_SET_TIMERSLACK, 1000ul);  // a short sleep shall be short
  rte_rcu_qsbr_thread_register(readers, worker.reader);
  rte_rcu_qsbr_thread_online(readers, worker.reader);
  unsigned idle = 0;
  while (!stopping_.load(std::memory_order_relaxed)) {
    unsigned handled = 0;
    for (const auto& loop : worker.loops)
      handled += profiled ? loop->poll_profiled(monotonic_ns()) : loop->poll(monotonic_ns());
    rte_rcu_qsbr_quiescent(readers, worker.reader);
    if (handled > 0) {
      idle = 0;
    } else if (settings_.idle_sleep_us == 0 || ++idle < kPatience) {
      rte_pause();
    } else {  // asleep, it holds nothing: a swap need not wait for it
      rte_rcu_qsbr_thread_offline(readers, worker.reader);
      sleep_for(settings_.idle_sleep_us);
      rte_rcu_qsbr_thread_online(readers, worker.reader);
    }
  }
  rte_rcu_qsbr_thread_offline(readers, worker.reader);
  rte_rcu_qsbr_thread_unregister(readers, worker.reader);
}

}  // namespace postern::dpdk
