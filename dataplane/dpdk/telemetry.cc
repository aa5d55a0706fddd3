// SPDX-License-Identifier: BSD-3-Clause
//
// The commands (dataplane/dpdk/telemetry.h). DPDK calls back on a thread of its own, so only
// what is safe from any thread may be asked here: the counters are, the rest of an Engine is not.
#include "dataplane/dpdk/telemetry.h"

#include <rte_mempool.h>
#include <rte_telemetry.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <string>

#include "dataplane/engine/metrics.h"

namespace postern::dpdk {
namespace {

// The names that telemetry takes have no hyphens.
std::string telemetry_name(std::string_view word) {
  std::string name(word);
  std::ranges::replace(name, '-', '_');
  return name;
}

std::mutex mutex;
const DpdkEngine* engine_asked = nullptr;

int answer(const char*, const char*, rte_tel_data* data) {
  const std::lock_guard lock(mutex);
  if (!engine_asked) return -ENOENT;
  const auto counters = engine_asked->counters();
  rte_tel_data_start_dict(data);
  for (size_t port = 0; port < PS_PORT_COUNT; port++) {
    auto* reasons = rte_tel_data_alloc();
    if (!reasons) return -ENOMEM;
    rte_tel_data_start_dict(reasons);
    rte_tel_data_add_dict_u64(reasons, "bytes", counters.bytes[port]);
    for (size_t reason = 0; reason < PS_REASON_COUNT; reason++)
      rte_tel_data_add_dict_u64(reasons, telemetry_name(kReasonWords[reason].word).c_str(),
                                counters.packets[port][reason]);
    rte_tel_data_add_dict_container(data, telemetry_name(kPortWords[port]).c_str(), reasons, 0);
  }
  for (size_t event = 0; event < PS_EVENT_COUNT; event++)
    rte_tel_data_add_dict_u64(data, telemetry_name(kEventWords[event].word).c_str(),
                              counters.events[event]);
  return 0;
}

int answer_profile(const char*, const char*, rte_tel_data* data) {
  const std::lock_guard lock(mutex);
  if (!engine_asked) return -ENOENT;
  const auto profile = engine_asked->profile();
  rte_tel_data_start_dict(data);
  rte_tel_data_add_dict_u64(data, "packets", profile.packets);
  rte_tel_data_add_dict_u64(data, "bursts", profile.bursts);
  for (size_t stage = 0; stage < kStageWords.size(); stage++)
    rte_tel_data_add_dict_u64(data, telemetry_name(kStageWords[stage]).c_str(),
                              profile.cycles[stage]);
  return 0;
}

void add_pool(rte_mempool* pool, void* data) {
  auto* counts = rte_tel_data_alloc();
  if (!counts) return;
  rte_tel_data_start_dict(counts);
  rte_tel_data_add_dict_u64(counts, "size", pool->size);
  rte_tel_data_add_dict_u64(counts, "in_use", rte_mempool_in_use_count(pool));
  if (rte_tel_data_add_dict_container(static_cast<rte_tel_data*>(data),
                                      telemetry_name(pool->name).c_str(), counts, 0) != 0)
    rte_tel_data_free(counts);
}

int answer_buffers(const char*, const char*, rte_tel_data* data) {
  rte_tel_data_start_dict(data);
  rte_mempool_walk(add_pool, data);
  return 0;
}

}  // namespace

Telemetry::Telemetry(const DpdkEngine& engine) {
  const std::lock_guard lock(mutex);
  engine_asked = &engine;
  const auto offer = [](const char* command, telemetry_cb callback, const char* help) {
    const int error = rte_telemetry_register_cmd(command, callback, help);
    if (error != 0 && error != -EEXIST)
      spdlog::warn("event=telemetry-absent command={} error={}", command, -error);
  };
  offer("/postern/counters", answer, "Packets received by port and reason. Takes no parameters.");
  offer("/postern/buffers", answer_buffers,
        "Packet buffers of each pool, and how many are out of it, in receive queues too. Takes no "
        "parameters.");
  offer("/postern/profile", answer_profile,
        "Cycles by stage, all zeros without --profile. Takes no parameters.");
}

Telemetry::~Telemetry() {
  const std::lock_guard lock(mutex);
  engine_asked = nullptr;
}

}  // namespace postern::dpdk
